# A fresh machine needs python3 (3.11 or later) with venv, and make. Everything else comes from here.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help install demo test bench bench-full docs lint clean

help:
	@echo "make demo   simulate a small archive, ingest it, measure it, write its tables"
	@echo "make test   run every test, those on PostgreSQL included"
	@echo "make bench  speed beside plain ways, as ratios; make bench-full takes hours and 20 GB"
	@echo "make docs   the documentation as a site, in docs/_build"
	@echo "make lint   ruff and mypy"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing iracdb into $(VENV) (the first time takes a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[postgres,test,docs,lint]" --constraint constraints.txt
	@touch $(STAMP)

demo: $(STAMP)
	@PATH="$(abspath $(BIN)):$$PATH" sh docs/demo.sh

test: $(STAMP)
	@$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder

bench: $(STAMP)
	@$(BIN)/python benchmarks --size small

bench-full: $(STAMP)
	@$(BIN)/python benchmarks --size full

docs: $(STAMP)
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m sphinx -q -W --keep-going -c docs -d docs/_build/.doctrees . docs/_build
	@echo "The site is in docs/_build: open docs/_build/index.html"

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info demo docs/_build .mypy_cache .ruff_cache .pytest_cache
