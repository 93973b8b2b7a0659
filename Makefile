# `make` alone lists what there is. Needs make and Python 3.11 or later with venv; everything else goes into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
# What benchmarks compare with, in an environment of its own.
PEERS := .venv-peers
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
INSTALL_PROJECT := $(PIP) --no-deps --no-build-isolation --editable .
# Handed to `infrastructor up` by `make run`, to pytest by `make test`, to uv by `make lock`.
ARGS ?=

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.run ## Set up what is missing, start everything and watch it; ARGS="--for 30s" and so on.
	@exec $(BIN)/infrastructor up $(ARGS)

# In the order of the folders: the long tests of whole systems come before the many short ones, so no process waits at the end.
.PHONY: test
test: $(VENV)/.dev $(VENV)/.jars ## Run the tests; ARGS="tests/unit -k spool" runs some.
	@exec $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: check
check: $(VENV)/.dev ## Lint, check formatting, types and the generated schemas.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/infrastructor schemas check

.PHONY: bench
bench: $(VENV)/.dev $(VENV)/.jars $(PEERS)/.made ## Measure, beside peers; ARGS="streams sink" measures those.
	@exec $(BIN)/python -m benchmarks $(ARGS)

.PHONY: format
format: $(VENV)/.dev ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(VENV)/.dev ## Pin the dependencies anew; ARGS=--upgrade takes newer versions.
	$(LOCK) --extra build --output-file requirements/server.txt
	$(LOCK) --extra build --extra local --output-file requirements/run.txt
	$(LOCK) --all-extras --output-file requirements/dev.txt
	printf '%s\n' quixstreams[postgresql]==3.28.0 | $(PIN) - --output-file requirements/peers.txt

PIN = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate $(ARGS)
LOCK = $(PIN) pyproject.toml

.PHONY: clean
clean: ## Remove the virtual environment and caches; keeps downloads and data.
	@for path in $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info; do \
		if [ -e "$$path" ]; then echo "removing $$path"; rm -rf "$$path"; fi; \
	done
	@echo "removing __pycache__ folders"
	@find . -name __pycache__ -type d -not -path './.infrastructor/*' -prune -exec rm -rf {} +
	@echo "kept: downloaded jars (~/.cache/infrastructor) and data (.infrastructor; make clean-data removes it)"

.PHONY: clean-data
clean-data: ## Remove .infrastructor: events, database, spool, logs. Asks first.
	@if [ ! -e .infrastructor ]; then echo "there is no .infrastructor"; exit 0; fi; \
	if ! flock --nonblock .infrastructor/lock true 2>/dev/null && [ -e .infrastructor/lock ]; then \
		echo "infrastructor is running on .infrastructor: stop it first" >&2; exit 1; \
	fi; \
	du -sh .infrastructor; \
	if [ "$(YES)" != 1 ]; then read -r -p "Remove it for good? [y/N] " answer; [ "$$answer" = y ]; fi; \
	echo "removing .infrastructor"; rm -rf .infrastructor

# Stamps: nothing is installed twice, and again only when the pins or the project's description change.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "infrastructor needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv is missing. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "making $(VENV)" >&2
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "installing what is needed to run into $(VENV)" >&2
	@$(PIP) --require-hashes --requirement requirements/run.txt
	@$(INSTALL_PROJECT)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "installing what is needed to run, test and check into $(VENV)" >&2
	@$(PIP) --require-hashes --requirement requirements/dev.txt
	@$(INSTALL_PROJECT)
	@touch $@ $(VENV)/.run

$(VENV)/.jars: deploy/local/kafka-jars.sha256 deploy/local/jars.py | $(VENV)/.run
	@echo "fetching Kafka's jars" >&2
	@$(BIN)/python -m deploy.local.jars
	@touch $@

# Nothing of ours needs it: where it cannot be installed, the benchmarks say so and go on.
$(PEERS)/.made: requirements/peers.txt | $(BIN)/python
	@echo "installing what benchmarks compare with into $(PEERS)" >&2
	@rm -rf $(PEERS)
	@{ $(PYTHON) -m venv $(PEERS) && $(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet \
		--require-hashes --requirement requirements/peers.txt && touch $@; } || \
		{ rm -rf $(PEERS); echo "it cannot be installed: measured without" >&2; }
