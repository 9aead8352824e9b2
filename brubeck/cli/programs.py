"""The base of every command: find the program, and report errors in one sentence.

Exit statuses: 0 for success, 1 for a failure, 2 for wrong usage or configuration, 130 after Ctrl-C.
"""

from __future__ import annotations

import importlib
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, NoReturn

import click

from brubeck.cli.output import print_lines, print_text
from brubeck.errors import BrubeckError, ConfigError, did_you_mean

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.streams import StreamHandler
    from brubeck.streams.local import LocalStream

PROGRAM = click.argument("program", metavar="MODULE:APP")
FAILURE: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
"""The exit status after Ctrl-C, as shells have it: 128 and the number of SIGINT."""
_PACKAGE: Final = Path(__file__).parents[1]


def load(program: str) -> Brubeck:
    """Return the application that ``module:app`` names; `ConfigError` when there is none.

    An error of the program's own ends the command with the program's part of the traceback.
    """
    module_name, _, name = program.partition(":")
    parts = module_name.split(".")
    if parts[-1] == "py" or not all(part.isidentifier() for part in parts):
        raise ConfigError(f'Name the program as module:app, such as quakes:app, not "{program}".')
    from brubeck.application import Brubeck

    found = getattr(_import(module_name), name or "app", None)
    if not isinstance(found, Brubeck):
        module = sys.modules[module_name]
        apps = [each for each, value in vars(module).items() if isinstance(value, Brubeck)]
        hint = did_you_mean(name or "app", apps) or " It has none at all."
        raise ConfigError(f'"{module_name}" has no application "{name or "app"}".{hint}')
    return found


def _import(module_name: str) -> ModuleType:
    from brubeck.application import Brubeck

    sys.path.insert(0, str(Path.cwd()))
    Brubeck.being_loaded = True
    try:
        return importlib.import_module(module_name)
    except ConfigError as reason:
        raise ConfigError(f"{reason}{_position(reason)}") from reason
    except ModuleNotFoundError as reason:
        if reason.name is None or not f"{module_name}.".startswith(f"{reason.name}."):
            _fail_to_load(module_name, reason)
        raise ConfigError(f'There is no module "{reason.name}" here or installed.') from reason
    except (Exception, SystemExit) as reason:  # noqa: BLE001, whatever the program raises
        _fail_to_load(module_name, reason)
    finally:
        Brubeck.being_loaded = False


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of a traceback that are neither of the command nor of the import system."""
    frames = traceback.extract_tb(error.__traceback__)
    start = next((at for at, each in enumerate(frames) if not _is_of_command(each)), len(frames))
    return frames[start:]


def _is_of_command(frame: traceback.FrameSummary) -> bool:
    name = frame.filename
    machinery = name.startswith("<frozen ") or name == importlib.__file__
    return machinery or Path(name).is_relative_to(_PACKAGE)


def _position(error: ConfigError) -> str:
    """Return the words for the program's line that led to an error; empty where none did."""
    own = list(takewhile(lambda each: not _is_of_command(each), _own_frames(error)))
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def print_own_lines(error: BaseException) -> None:
    """Print the traceback of an error of the user's own, without the lines of the command."""
    summary = traceback.TracebackException.from_exception(error)
    summary.stack = traceback.StackSummary.from_list(_own_frames(error))
    print_lines("".join(summary.format(chain=False)).rstrip("\n"), err=True)


def _fail_to_load(module_name: str, error: BaseException) -> NoReturn:
    """End the command with an error of the program's own and the program's lines alone."""
    print_own_lines(error)
    print_text(f'brubeck: The module "{module_name}" cannot be loaded: see above.', err=True)
    sys.exit(FAILURE)


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the command with one sentence for an error that Brubeck raises on purpose."""
    try:
        yield
    except BrubeckError as reason:
        print_text(f"brubeck: {reason}", err=True)
        sys.exit(USAGE if isinstance(reason, ConfigError) else FAILURE)
    except KeyboardInterrupt:
        print_text("brubeck: Interrupted.", err=True)
        sys.exit(INTERRUPTED)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP of a terminal that is closed, end the command as Ctrl-C does.

    What is to be put away is put away then; the exit status is 128 and the number of the signal.
    """

    def end(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = {}
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores it
            before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def loaded(program: str) -> Iterator[Brubeck]:
    """Load an application, report errors in one sentence, and close it at the end."""
    with plain_errors():
        application = load(program)
        try:
            yield application
        finally:
            application.close()


def find_stream(application: Brubeck, name: str) -> tuple[LocalStream, str]:
    """Return a stream and a partition by the path (``/quakes``) or class; `ConfigError` for none.

    A path may be that of a partition: ``/users/ella/posts``.
    """
    path = f"/{name.strip('/')}"
    for declaration in application.streams:
        stream = application.stream(declaration)
        if name == declaration.__name__ and not stream.spec.path.partition:
            return stream, ""
        if (partition := _partition_at(declaration, path)) is not None:
            return stream, partition
    known = [each.path for each in application.streams]
    hint = did_you_mean(path, known) if known else " It has none at all."
    raise ConfigError(f'The program has no stream "{name}".{hint}')


def _partition_at(declaration: type[StreamHandler], path: str) -> str | None:
    """Return the key of the partition at a path, "" for a stream without any; None for no match."""
    spec = declaration.spec
    found = re.fullmatch(f"{spec.path.pattern}$", path)
    if found is None:
        return None
    key = found.groupdict().get(spec.path.partition, "")
    return key if not spec.path.partition or spec.partitions.allows(key) else None


def said(**options: object) -> dict[str, object]:
    """Return only the options that were given."""
    return {name: value for name, value in options.items() if value is not None}
