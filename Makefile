# Every target does its own set-up, in .venv. Needs Python 3.11 or later as `python3` (or PYTHON=...), and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AWS_CLI := $(VENV)/aws/bin/aws
LIGHT := $(VENV)/.ready-to-demonstrate
# Three for two cores: the one that works with the embedded engine mostly waits.
PYTEST_OPTIONS ?= -n 3 --dist loadgroup
LONG := embedded or exhaustive
SEEDS ?= 10000
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-all check lint types imports format screenshots benchmark hot-paths scale start-up uploader simulate fuzz audit build clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(LIGHT)

# What the demonstration needs, a third of what the tests do; Python compiles the modules that it imports itself.
$(LIGHT): pyproject.toml
	@echo 'installing countagg and the embedded engine into $(VENV)' >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --no-compile --disable-pip-version-check --editable '.[local]' >&2
	@touch $@

demo: $(LIGHT) ## run the main job on an embedded engine, show it, clean up; KEEP=1 leaves it up
	@$(BIN)/countagg demo $(if $(KEEP),--keep)

test: $(READY) ## run the tests that take some minutes in all
	$(BIN)/python -m pytest $(PYTEST_OPTIONS) -m 'not ($(LONG))'

test-long: $(READY) ## run the others: on the embedded engine, and every fault at every place
	$(BIN)/python -m pytest $(PYTEST_OPTIONS) -m '$(LONG)'

test-all: $(READY) ## run all tests at once, which takes less time than one after the other
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

check: lint types imports ## lint, formatting, types and layers

lint: $(READY) ## ruff: rules and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY) ## mypy --strict on package and tests
	$(BIN)/mypy

imports: $(READY) ## imports go one way
	$(BIN)/lint-imports

format: $(READY) ## put the code into the one format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

benchmark: $(READY) ## measure countagg beside the article's layout on an embedded engine
	@$(BIN)/python -m tools.benchmark

hot-paths: $(READY) ## time the functions' hot paths, each on its own
	@$(BIN)/python -m pytest tests/benchmark --benchmark-only --benchmark-columns=min,median,stddev,rounds

scale: $(READY) ## let fleets of up to 100,000 instances go through the functions, with services in memory
	@$(BIN)/python -m tools.scale

# In an environment of its own: the AWS CLI of PyPI, version 1, pins libraries that ours may have newer.
$(AWS_CLI):
	@$(PYTHON) -m venv $(VENV)/aws
	@$(VENV)/aws/bin/python -m pip install --quiet --disable-pip-version-check awscli

start-up: $(READY) $(AWS_CLI) ## measure what commands and TAB take of a CPU, beside the AWS CLI's get-item; TLS=1: by TLS
	@$(BIN)/python -m tools.benchmark.start_up --aws $(AWS_CLI) $(if $(TLS),--tls)

uploader: $(READY) ## measure what `upload --every 60s` takes of memory and of a core
	@$(BIN)/python -m tools.benchmark.uploader

simulate: $(READY) ## run the functions under faults: SEEDS=10000, one after the other on all cores
	@$(BIN)/python -m tools.simulation --seeds $(SEEDS)

fuzz: $(READY) ## feed hostile inputs to every parser: SECONDS=60, for all together
	@$(BIN)/python -m tools.fuzz --seconds $(SECONDS)

audit: $(READY) ## look for known vulnerabilities of what is installed; asks PyPI, so it needs the internet
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	@$(BIN)/python -m pip freeze --exclude-editable >$(VENV)/installed.txt
	@$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement $(VENV)/installed.txt || { \
		echo 'make audit: not clean, or the service could not be asked; the lines above tell which' >&2; exit 1; }

screenshots: $(READY) ## draw the pictures of README anew
	@$(BIN)/python -m tests.cli.screenshots

build: $(READY) ## build wheel and sdist into dist/, and check them
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build twine
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

clean: ## remove the virtual environment and everything built
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
