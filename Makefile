# Two commands set everything up on a machine with Python 3.11+, a C compiler and cargo: `make demo` and `make test`.
# Nothing here needs root; everything it makes lies in .venv, target and the caches named in .gitignore.

PYTHON ?= python3
VENV ?= .venv
DATA ?=
PYTEST_ARGS ?=
CARGO_TEST_ARGS ?=
BIN := $(VENV)/bin
NATIVE_SOURCES := $(shell find oxide-core/src pyext/src -name '*.rs' 2>/dev/null)
BUILD_SOURCES := Cargo.toml Cargo.lock oxide-core/Cargo.toml pyext/Cargo.toml pyproject.toml constraints.txt \
	tools/build_backend/oxide_build.py

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-rust test-python lint bench bench-counts install

help:  ## this list
	@echo "Oxide: version control for image and video datasets"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DATA=folder with demo uses your files (they are copied); SCALE=small with bench is a quick look, SCALE=full"
	@echo "  adds a million files, SETS and TOOLS pick some, OXIDE_BENCH_PEERS names a virtual environment with peers;"
	@echo "  PYTHON=python3.12 picks the interpreter; OXIDE_NO_SKIP=1 with test makes any skip a failure."

demo: install  ## the main job end to end on real files, each command shown (DATA=folder: on yours)
	@$(BIN)/python tools/demo.py $(if $(DATA),--data "$(DATA)")

test: test-rust test-python  ## all tests, Rust then Python, closing with what was skipped and why

test-rust: install
	cargo test --release --workspace $(CARGO_TEST_ARGS)  # release: shares what the extension compiled

test-python: $(VENV)/.tests
	$(BIN)/python -m pytest tests -q $(PYTEST_ARGS)

lint: $(VENV)/.lint $(VENV)/.installed  ## formatting, clippy, ruff and strict types
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install  ## measure beside every peer installed, cp and a walk; writes docs/benchmarks.md (SCALE=small: a quick look)
	$(BIN)/python -m benches $(if $(SCALE),--scale $(SCALE)) $(if $(SETS),--sets $(SETS)) $(if $(TOOLS),--tools $(TOOLS))

bench-counts: install  ## instructions of the hot paths beside those of docs/benchmarks.json, in percent
	$(BIN)/python -m benches --compare-counts --tools oxide

install: $(VENV)/.installed  ## build the extension and install everything into .venv, editable

$(VENV)/bin/python:
	@$(PYTHON) tools/check_machine.py
	@echo "== making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(NATIVE_SOURCES) $(BUILD_SOURCES) | $(VENV)/bin/python
	@$(PYTHON) tools/check_machine.py
	@echo "== building the extension: 3 to 5 minutes the first time on two cores, seconds afterwards"
	$(BIN)/python -m pip install -q "maturin>=1.9.4,<2" -c constraints.txt
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pip install -q --no-build-isolation -c constraints.txt -e '.[all]'
	@touch $@

$(VENV)/.tests: $(VENV)/.installed
	$(BIN)/python -m pip install -q -c constraints.txt hypothesis mongomock pycocotools pytest
	@touch $@

$(VENV)/.lint: constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt mypy ruff types-defusedxml types-PyYAML
	@touch $@
