# `make demo` and `make test` need only Python 3.11-3.13 and make: both build .venv first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := $(VENV)/.demo
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# What is tested with the real packages. diffusers is not: torch takes gigabytes.
TESTED := litellm,proxy,httpx,httpx2,asgi,serve,otel,guardrails,presidio,langchain,agents,pydantic-ai
TESTED := $(TESTED),second-stage,moderation,inquiry,dev

.PHONY: demo test lint bench score heldout train tables clean help
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "Guardrail needs Python 3.11 to 3.13; run: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(DEMO): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (a minute the first time) ..."
	@$(PIP) --editable '.[litellm]'
	@touch $@

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	@$(PIP) --editable '.[$(TESTED)]'
	@touch $@ $(DEMO)

demo: $(DEMO)  ## send requests through a guarded client and list the attempts
	@$(BIN)/guardrail demo $(ARGS)

lint: $(STAMP)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## lint, then every test
	$(BIN)/guardrail policy test
	$(BIN)/pytest -n 2 $(ARGS)

bench: $(STAMP)  ## the benchmarks: ratios measured side by side
	$(BIN)/python benchmarks/screen.py
	$(BIN)/python benchmarks/call.py
	$(BIN)/python benchmarks/log.py
	$(BIN)/python benchmarks/sdk.py
	$(BIN)/python benchmarks/gateway.py

score: $(STAMP)  ## measure the detectors, list what fell since the last commit; ARGS=--check fails then
	$(BIN)/python -m scoreboard --write docs/scoreboard.md $(ARGS)

heldout: $(STAMP)  ## train again with whole sources left out, and measure on them; half an hour
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train]'
	$(BIN)/python -m scoreboard.heldout --write docs/heldout.md $(ARGS)

train: $(STAMP)  ## rebuild the shipped weights from ../shared/data, a few minutes
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train]'
	$(BIN)/python -m training.sexual --data ../shared/data
	$(BIN)/python -m training.persons --data ../shared/data
	$(BIN)/python -m training.persons_cjk --data ../shared/data
	$(BIN)/python -m training.familiar --data ../shared/data

tables: $(STAMP)  ## work out again what frequent words and names amount to, after a change to a list
	$(BIN)/python -m training.familiar

clean:  ## remove what was built
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
