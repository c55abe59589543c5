# `make` lists what there is to do.
.DEFAULT_GOAL := help
.PHONY: help setup components demo sandbox unit test lint format dist docs faults pictures site bench mutants lock clean
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin

# The first Python that is new enough; `make setup PYTHON=...` names another one.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# What the environment is made from: the lock, the head of pyproject.toml, and where the checkout is.
KEY := $(firstword $(shell { echo "$(CURDIR)"; cat requirements.lock 2>/dev/null; sed '/^\[tool/,$$d' pyproject.toml; cat sandbox/pyproject.toml; } | cksum))
READY := $(VENV)/.ready-$(KEY)
# Three for two cores: many tests wait for a server or a process most of the time.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) \* 3 / 2)
WORKFLOWS = $(wildcard .github/workflows/*.yml examples/*/.github/workflows/*.yml actions/*/example.yml)
# An environment belongs to one checkout and one Python; under another it is made anew.
HOME_OF = $(CURDIR) $$($(PYTHON) -c 'import sys; print(sys.executable, sys.version)')
WARM := $(VENV)/.warm-$(KEY)

help: ## list what there is to do
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
	|| sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1: \2/p' Makefile

setup: $(READY) $(WARM) ## prepare the environment in .venv; does nothing when it is ready

components: setup ## prepare the registries, builders and engines for tests, once per machine
	@$(BIN)/python -m tests.components $(PARTS)

demo: setup ## run the whole loop on examples/, from a commit to production (ARGS=--verbose tells every step)
	@$(BIN)/tidemill-sandbox demo $(ARGS)

sandbox: setup ## run the loop through the real workflow files, on a stand-in for GitHub (needs Node, npm)
	@$(BIN)/tidemill-sandbox start --story

unit: setup ## run the tests without I/O, in seconds
	@$(BIN)/python -m pytest --quiet --numprocesses=auto --dist=worksteal -o faulthandler_timeout=0 tests/unit $(ARGS)

test: setup ## run every test, and name what can't run here (ARGS="-k wave" picks some)
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder $(ARGS)

lint: setup ## ruff, mypy, import contracts, sentences of the documents, actionlint, zizmor, schemas
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.readability
	@$(BIN)/actionlint -shellcheck= -pyflakes= $(WORKFLOWS)
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows $(WORKFLOWS)
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml actions/*/action.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(BIN)/zizmor --offline --persona=pedantic --quiet --no-progress . examples

format: setup ## format the code, and fix what ruff can fix
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

dist: setup ## build the wheels into dist/, the same bytes from the same commit
	@rm -rf dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m pip --quiet wheel --no-deps --no-build-isolation \
	  --wheel-dir dist . ./sandbox
	@ls dist

docs: setup ## write docs/reference/ and the files of the actions again, from the source
	@$(BIN)/python -m tools.reference

faults: setup ## cause every fault of docs/reliability.md, and write its table again
	@$(BIN)/python -m tests.loop.faults

pictures: setup ## make the pictures of docs/pictures again, from a run of the tutorial (needs Chromium)
	@$(BIN)/python -m tools.pictures

site: setup ## build the documents as a site into site/, without the network; a broken link fails it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean
	@echo "To look at it: $(BIN)/python -m http.server --directory site --bind 127.0.0.1 8000"

bench: setup ## run every benchmark, and write docs/performance.md (ARGS="turn plan" picks some, and prints)
	@$(BIN)/python bench/page.py $(if $(ARGS),$(ARGS),--to docs/performance.md)

mutants: setup ## break what decides, one place at a time, and print what no test notices (hours; ARGS="plan/soak.py" for a part)
	@$(BIN)/python -m tools.mutants $(or $(ARGS),plan facts turn clients/git)

lock: ## pin all dependencies again (ARGS=--upgrade, or ARGS="-P rich", takes newer ones)
	@PYTHON="$(PYTHON)" sh tools/lock.sh $(ARGS)

clean: ## remove the environment, the components, caches and what the demo left
	@$(or $(PYTHON),python3) -m tests.components --remove
	rm -rf $(VENV) dist site .demo .sandbox .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(READY): export PIP_DISABLE_PIP_VERSION_CHECK := 1
$(READY): export PIP_NO_INPUT := 1
$(READY):
	@$(or $(PYTHON),python3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Tidemill needs Python 3.11 or later, and found: $$($(or $(PYTHON),python3) --version 2>&1)."; \
	  echo "On Debian 12, Ubuntu 24.04 or later: apt install python3 python3-venv"; \
	  echo "Elsewhere: install one, then make setup PYTHON=/its/path"; exit 1; } >&2
	@test "$$(cat $(VENV)/.home 2>/dev/null)" = "$(HOME_OF)" || rm -rf $(VENV)
	@if command -v uv >/dev/null; then set -e; \
	  echo "Preparing $(VENV) with uv, once:"; \
	  echo "  1. the environment, of $(PYTHON)"; \
	  uv venv --quiet --allow-existing --no-python-downloads --python "$(PYTHON)" $(VENV); \
	  echo "  2. the packages of requirements.lock, by hash (about 200 MB to fetch) ..."; \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet --require-hashes -r requirements.lock; \
	  echo "  3. Tidemill itself, and the sandbox"; \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet --no-build-isolation --no-deps -e . -e sandbox; \
	elif ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "This Python can't make virtual environments: $$(command -v $(PYTHON))." >&2; \
	  echo "On Debian or Ubuntu: apt install $$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; \
	  exit 1; \
	else set -e; \
	  echo "Preparing $(VENV) with pip, once:"; \
	  echo "  1. the environment, of $(PYTHON)"; \
	  $(PYTHON) -m venv $(VENV); \
	  echo "  2. the packages of requirements.lock, by hash (about 200 MB to fetch, half a minute) ..."; \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; \
	  echo "  3. Tidemill itself, and the sandbox"; \
	  $(BIN)/python -m pip install --quiet --no-build-isolation --no-deps -e . -e sandbox; \
	fi
	@echo "$(HOME_OF)" > $(VENV)/.home
	@rm -f $(VENV)/.ready-* && touch $@

# Fills Go's build cache, so that the first `make demo` is as fast as the second.
$(WARM): $(READY)
	@if test -f examples/app/build.py; then \
	  echo "  4. the example's programs, so that the first demo is as fast as the second"; \
	  $(BIN)/python examples/app/build.py --warm; fi
	@echo "$(VENV) is ready."
	@rm -f $(VENV)/.warm-* && touch $@
