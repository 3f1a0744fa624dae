# `make demo` shows what flowlike does, `make test` that it does it right.
#
# Each target makes .venv with what it needs. A stamp in .venv says what is there already,
# so that a second call starts at once; the library is built again when native/ or
# pyproject.toml is newer than its stamp. Python files need no build: the install is editable.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
NATIVE := $(shell find native -type f)
# An editable install knows the packages that were there: another one means another stamp.
PACKAGES := $(shell find flowlike -name __init__.py | LC_ALL=C sort | cksum | cut -d' ' -f1)
FLOWLIKE := $(STAMPS)/flowlike-$(PACKAGES)

DEMO ?= --columns c,c-fast,5,8 --stages 1,2,4,8 --runs 3
RIVALS ?= --json build/rivals.json
BENCH ?= --columns c,c-fast,numpy,5,6,7,8 --stages 1,2,4,8,16,32,64,128 --runs 5 --json build/bench.json

.PHONY: bench bench-rivals check check-native clean demo docs pictures table test

demo: $(FLOWLIKE)
	@$(BIN)/python examples/logistic_map/benchmark.py $(DEMO)

bench: $(FLOWLIKE)
	@mkdir -p build
	@$(BIN)/python examples/logistic_map/benchmark.py $(BENCH)
	@$(BIN)/python examples/logistic_map/benchmark.py --memory --stages 2,8,128
	@$(BIN)/python examples/overhead.py --json build/overhead.json

# Every column, also those in OpenCL and by numba, as a table, as data and as a picture.
table: $(FLOWLIKE) $(STAMPS)/extras
	@mkdir -p build
	@$(BIN)/python examples/logistic_map/benchmark.py --json build/table.json --plot build/table.svg

bench-rivals: $(FLOWLIKE)
	@mkdir -p build
	@$(BIN)/python examples/rivals/benchmark.py $(RIVALS)

test: $(FLOWLIKE) $(STAMPS)/test
	@$(BIN)/python -m pytest

check: $(FLOWLIKE) $(STAMPS)/test $(STAMPS)/check
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/python -m pytest --quiet tests/test_floors.py

check-native:
	@sh native/check.sh build/check-native

docs: $(FLOWLIKE) $(STAMPS)/docs
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs docs/_build/html
	@echo "docs/_build/html/index.html"

pictures: $(FLOWLIKE)
	@cd docs && ../$(BIN)/python -m pictures

clean:
	rm -rf $(VENV) build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(FLOWLIKE): $(STAMPS)/pip pyproject.toml $(NATIVE)
	@echo "building flowlike"
	@$(PIP) install --editable .
	@touch $@

$(STAMPS)/test $(STAMPS)/check $(STAMPS)/docs $(STAMPS)/extras: $(STAMPS)/pip pyproject.toml
	@echo "installing what '$(@F)' needs"
	@$(PIP) install --group $(@F)
	@touch $@

# Without ensurepip (a bare Debian) the pip outside fills the environment. Dependency
# groups need pip 25.1, and the one that comes with Python may be older.
$(STAMPS)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "flowlike needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(VENV); else \
		$(PYTHON) -m venv --without-pip $(VENV) && \
		$(PYTHON) -m pip -qq --python $(BIN)/python install pip; fi
	@$(PIP) install --upgrade 'pip>=25.1'
	@mkdir -p $(STAMPS)
	@touch $@
