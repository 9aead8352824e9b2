# Two commands to begin with: `make demo` shows a stream, `make test` checks everything.
# Both set up what they need first: a virtual environment in .venv, and the servers that tests talk
# to from Debian's packages where this user may install them. See scripts/setup.

PYTHON := .venv/bin/python
DEMO_OPTIONS ?= --replay 3600
SOAK ?= 600
# Many tests wait for servers: three processes are quicker than two on two cores.
WORKERS ?= 3

# Tests start many processes, and each would compile all of its modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check unit soak bench docs clean

demo: .venv/.demo
	$(PYTHON) -m examples.earthquakes $(DEMO_OPTIONS)

test: check unit

check: .venv/.dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

unit: .venv/.dev
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal

soak: .venv/.dev
	BRUBECK_SOAK=$(SOAK) $(PYTHON) -m pytest -n $(WORKERS) --dist worksteal -rA \
		-o faulthandler_timeout=$$(($(SOAK) + 120)) tests

bench: .venv/.bench
	.venv/bin/mypy benchmarks
	$(PYTHON) -m benchmarks

docs: .venv/.dev
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs serve --strict

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/.%: pyproject.toml scripts/setup
	scripts/setup $*
