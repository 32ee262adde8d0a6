# Two commands on a machine with Python 3.11+ and git: `make demo` and `make test`.
# Everything is installed into .venv by the first target that needs it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
WORKERS ?= 2

export OMP_NUM_THREADS = 1
export TOKENIZERS_PARALLELISM = false

.PHONY: install demo test test-slow lint clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "hubselect needs Python 3.11 or newer; say which with PYTHON=python3.11"; exit 1; }
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(INSTALLED)

demo: install            ## the main job on the embedded mini hub
	$(BIN)/hubselect demo --workdir demo

test: install            ## formatting, types, tests
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-slow: install       ## real kills and whole selections
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -m slow

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) demo
