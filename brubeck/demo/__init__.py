"""The stream of ``brubeck demo``: one real week of earthquakes."""
