# Everything a person types: `make demo` runs the main job, `make test` passes the tests; both set up what they need.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 4
IMAGE ?= hostwright:$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' operator/hostwright/__init__.py)
STAMP := .venv/.installed-$(shell cat requirements.lock pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fmt generate bench simulate faults image clean

help: ## show this
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP) ## the virtual environment, from the lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -qy python3-venv; } \
		|| { echo "this Python has no venv: install Debian's python3-venv"; exit 1; }
	@echo "installing the Python packages (about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@rm -f .venv/.installed-* && touch $@

demo: $(STAMP) ## the main job, live: machines from Pending to Running, one repaired, one deleted
	@$(BIN)/hostwright demo $(if $(SITE),--site $(SITE))

test: $(STAMP) ## every test, on real things
	@$(BIN)/python -m pytest -n $(WORKERS) --no-loadscope-reorder $(ARGS)

check: $(STAMP) ## lint, types, layers, stale generated files
	@$(BIN)/ruff format --check operator tests
	@$(BIN)/ruff check operator tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -16
	@$(BIN)/python -m hostwright.generate --check

fmt: $(STAMP) ## format, and mend what can be mended
	@$(BIN)/ruff format operator tests
	@$(BIN)/ruff check --fix operator tests

generate: $(STAMP) ## rewrite CRDs, the charts' generated parts and the reference from the models
	@$(BIN)/python -m hostwright.generate

bench: $(STAMP) ## the table of figures (a part alone: make bench ARGS=latency; what they mean: docs/performance.md)
	@$(BIN)/python -m tests.bench $(ARGS)

simulate: $(STAMP) ## the engine's lives from seeds: make simulate SEEDS=100000 START=0
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),1000) --start $(or $(START),0) --workers 2 --branches 40 $(ARGS)

faults: $(STAMP) ## every call of a machine's life, each with every fault (one site: make faults SITE=simulated)
	@$(BIN)/python -m tests.faults $(if $(SITE),--site $(SITE)) $(ARGS)

image: ## the operator's container image, by docker, podman or buildah (another name: make image IMAGE=registry/hostwright:1)
	@for engine in docker podman buildah; do \
		if $$engine info >/dev/null 2>&1; then exec $$engine build -f operator/Dockerfile -t $(IMAGE) .; fi; \
	done; echo "docker, podman or buildah is needed to build an image, and none of them answers here: see 'docker info'"; exit 1

clean: ## remove the virtual environment and caches of this folder
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
