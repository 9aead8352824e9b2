"""The layers of the design hold: a module imports from its own layer or below, an island alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

LAYERS = (
    {"canonical", "errors", "callables", "plain_text", "timekeeping", "signing", "config", "green"},
    {"http"},
    {"routing", "dictshield", "storage", "auth", "connections"},
    {"documents", "handlers", "queryset", "templating", "models"},
    {
        "application",
        "autoapi",
        "configured",
        "consumers",
        "dispatch",
        "description",
        "jobs",
        "monitoring",
        "serving",
        "stores",
        "streams",
        "explorer",
        "features",
        "webhooks",
    },
    {"demo"},
    {"cli", "client", "testing", "request_handling", "__main__"},
)
ISLANDS = LAYERS[2]
DRIVERS = {
    "argon2": {"auth"},
    "bcrypt": {"auth"},
    "http_sf": {"auth"},
    "jwt": {"auth"},
    "eventlet": {"green"},
    "httpx": {"client"},
    "gevent": {"green"},
    "zmq": {"green"},
    "prometheus_client": {"monitoring"},
    "opentelemetry": {"monitoring"},
    "httptools": {"connections"},
    "multipart": {"http"},
    "itsdangerous": {"signing"},
    "jinja2": {"dictshield", "explorer", "templating"},
    "mako": {"templating"},
    "mstache": {"templating"},
    "tornado": {"templating"},
    "bson": {"dictshield", "storage"},
    "click": {"cli"},
    "hypothesis": {"storage"},
    "pytest": {"storage"},
    "redis": {"jobs", "storage"},
    "pymongo": {"storage"},
    "sqlite3": {"storage"},
}
"""Which room owns a library; nobody else imports it."""

MODULES = sorted((ROOT / "brubeck").rglob("*.py"))
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts)


def name_of(path: Path) -> str:
    """Return a module's dotted name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = frozenset(map(name_of, MODULES))
"""The dotted names of all modules."""


def room(path: Path) -> str:
    """Return the top-level name under ``brubeck`` that a module belongs to."""
    parts = path.relative_to(ROOT / "brubeck").with_suffix("").parts
    return parts[0]


def layer(name: str) -> int:
    """Return the number of a room's layer; a room that no layer knows is an error."""
    for number, names in enumerate(LAYERS, 1):
        if name in names:
            return number
    raise AssertionError(f"brubeck.{name} stands in no layer")


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text())


def imports(path: Path, *, types_too: bool) -> Iterator[str]:
    """Yield each module that a module imports, wherever in it."""
    tree = parsed(path)
    skipped: set[ast.AST] = set()
    if not types_too:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                skipped |= set(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            if node.module == "brubeck":
                yield from (f"brubeck.{alias.name}" for alias in node.names)


def test_a_module_imports_from_its_layer_or_below() -> None:
    """And the islands of the third never from each other."""
    faults = []
    for path in MODULES:
        own = room(path)
        if own == "__init__":
            continue
        for name in imports(path, types_too=False):
            other = name.removeprefix("brubeck.").partition(".")[0]
            place = ROOT / "brubeck" / other
            if not name.startswith("brubeck.") or not (
                place.is_dir() or place.with_suffix(".py").is_file()
            ):
                continue
            if layer(other) > layer(own):
                faults.append(f"{path} imports {other} from above")
            if own in ISLANDS and other in ISLANDS and own != other:
                faults.append(f"{path}: the islands {own} and {other} touch")
    assert not faults


def test_a_library_has_one_owner() -> None:
    """So that it can be replaced in one room."""
    faults = []
    for path in MODULES:
        for name in imports(path, types_too=True):
            owners = DRIVERS.get(name.partition(".")[0])
            if owners is not None and room(path) not in owners:
                faults.append(f"{path} imports {name}")
    assert not faults


def test_a_module_is_one_room() -> None:
    """It says what it is for, and has no more than 400 lines."""
    silent = [path for path in MODULES if not ast.get_docstring(parsed(path))]
    assert not silent, "these have no docstring"
    long = [path for path in MODULES if path.read_text().count("\n") > 400]
    assert not long, "these want to be two"


def test_a_file_of_tests_has_one_subject() -> None:
    """It has no more than 400 lines."""
    counts = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in TESTS}
    long = {name: count for name, count in counts.items() if count > 400}
    assert not long, "these want to be two"


def test_there_is_no_import_cycle() -> None:
    """Not even one of types alone: two modules that need each other are one, or lack a third."""
    graph = {name_of(path): imported(path) for path in MODULES}
    found = [circle for circle in circles(graph) if len(circle) > 1]
    assert not found, found


def test_a_cycle_is_found() -> None:
    """Also a long one, and one that is entered from outside."""
    graph = {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}, "e": {"a"}}
    assert [each for each in circles(graph) if len(each) > 1] == [["b", "c", "d"]]


def imported(path: Path) -> set[str]:
    """Return the modules of the package that a module imports, for types alone or not."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            # A package's own modules may import it for its name alone.
            found |= {name if name in NAMES else node.module or "" for name in names}
    return found & NAMES - {name_of(path), "brubeck"}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of a graph, each sorted (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph.get(name, ())):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            at = stack.index(name)
            components.append(sorted(stack[at:]))
            del stack[at:]

    for name in graph:
        if name not in order:
            visit(name)
    return components
