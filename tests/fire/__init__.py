"""Storages under fire: real servers, real processes, real signals.

What a storage promises about visibility (G3) and about keeping (G5, G7) breaks in moments that no
ordinary test meets: a writer that stops between two of its commands, a reply that is lost, a
server that dies. So here such moments are made, by the thousand.

- `writer` and `reader` are programs. Each notes in a `journal` of its own what it is about to do,
  and what it was told; a journal can be read after a SIGKILL at any byte.
- `nursery` starts them: real processes, forked from one that has imported everything already.
- `crew` keeps writers and readers running while it kills and stops them at random moments; a
  `reaper` does something to their servers meanwhile.
- `verdict` judges afterwards: every reader's view is the stream, positions increase, whatever was
  acknowledged is there, and nothing happened twice.
- `proxy` stands between one writer and its server, counts commands, and holds the writer before
  or after exactly the n-th of them; `points` goes through all of these moments.
- `backups` takes backups of storages that are written to, and restores them after a loss.
- `wrong` holds two storages that look right and are not: the tests of the tests.

The quick version runs with every ``make test``; ``make soak`` (``BRUBECK_SOAK``, in seconds for
each storage) is the long one. ``BRUBECK_SEED`` repeats a run's random choices, though not its
moments.
"""
