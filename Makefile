# What a newcomer types. Everything runs from .venv, made from lock files with hashes.
PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet
# Compiled modules are kept (git ignores them): else each start of a daemon compiles all anew.
unexport PYTHONDONTWRITEBYTECODE
# The slow tests mostly wait for processes of theirs: more workers than two cores. Files in the
# order of their names, so that tests/unit, the quick ones, comes last and nobody works alone.
WORKERS ?= 4
PYTEST = .venv/bin/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: demo test check install install-dev serve evals bench cost-summary crash-proof soak lock clean

demo: install          ## Start, send the lab's three events, show what happens
	@.venv/bin/observer demo

test: install-dev      ## Lint, types, layers and every test
	@$(MAKE) --no-print-directory lint
	@$(PYTEST)

check: install-dev     ## Lint, types, layers and the fast tests
	@$(MAKE) --no-print-directory lint
	@$(PYTEST) -m "not slow"

.PHONY: lint
lint:
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/pyright --pythonpath .venv/bin/python

install: .venv/installed          ## Make .venv with the `observer` script
install-dev: .venv/installed-dev  ## And with what the tests need

serve: install         ## The daemon on port 9090
	@.venv/bin/observer serve

evals: install-dev     ## The labelled cases against the shipped configurations
	@.venv/bin/observer evals run --config config evals/lab.jsonl
	@folder=$$(mktemp -d) && .venv/bin/python -m tests.evals.stack_scenes $$folder/config && \
	  GITHUB_TOKEN=nobody-is-told .venv/bin/observer evals run --config $$folder/config \
	  evals/stack.jsonl; code=$$?; rm -rf $$folder; exit $$code

soak: install-dev      ## 20,000 events: memory flat, databases bounded, nothing lost
	@.venv/bin/python -m tests.crash.soak

bench: install-dev     ## Figures beside a floor measured in the same run
	@.venv/bin/python -m bench

DATA_DIR ?= var
cost-summary: install  ## What models cost, by tenant, feature and day: runs/cost-summary.csv
	@.venv/bin/observer costs --data-dir $(DATA_DIR) --csv runs/cost-summary.csv

N ?= 25
SEED ?= 1
crash-proof: install-dev  ## Kill the daemon N=25 times by SEED=1, compare with a calm run; writes runs/
	@.venv/bin/python -m tests.crash.proof --kills $(N) --seed $(SEED)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.11 is needed, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv

.venv/installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing (a minute or two, once) ..."
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# forbiddenfruit (LangGraph Studio's server needs it) is published as source only;
# it is built with the pinned setuptools that .venv/installed brought.
.venv/installed-dev: requirements-dev.lock .venv/installed
	@echo "Installing what the tests need ..."
	@$(PIP) install --require-hashes --only-binary :all: --no-binary forbiddenfruit \
	  --no-build-isolation -r requirements-dev.lock
	@touch $@

lock: install-dev      ## Pin every dependency anew: versions and hashes, no address
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml \
	  --extra build --output-file requirements.lock
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml \
	  --extra build --extra dev --output-file requirements-dev.lock

clean:
	@rm -rf .venv var runs
