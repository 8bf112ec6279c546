# Every target brings what it needs: a virtual environment and hashed, pinned packages.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUPPLY := $(VENV)/supply/bin
GENERATOR := $(VENV)/generator/bin
NODE_PACKAGES := tests/clients/node_modules
CASES ?= 800
SEED ?= 11

.DEFAULT_GOAL := help
.PHONY: help demo test journeys fuzz clients browser bench live check format openapi settings lock audit sbom clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## Start the service on mocks, appraise sample photos, keep serving (ARGS=--once ends)
	@$(BIN)/carvalue demo $(ARGS)

test: $(VENV)/.dev ## Run the tests (ARGS are pytest's)
	$(BIN)/pytest -n auto --dist loadfile -m "not journey and not fuzz and not clients and not browser" $(ARGS)

journeys: $(VENV)/.dev ## Run the slow tests: whole flows over sockets, a month, processes that are killed
	$(BIN)/pytest -n auto --dist worksteal -m journey $(ARGS)

fuzz: $(VENV)/.dev ## Send the API what nobody would (CASES=6000 sends more, SEED=7 others)
	$(BIN)/pytest tests/fuzz -s -m fuzz --cases $(CASES) --fuzz-seed $(SEED) $(ARGS)

clients: $(VENV)/.dev $(VENV)/.generator $(NODE_PACKAGES)/.installed ## Lint the API's description, make and run clients (needs Node, and Java)
	$(BIN)/pytest tests/clients -n auto --dist loadfile -rs -m clients $(ARGS)

browser: $(VENV)/.dev tests/page/node_modules ## Use the page in Chromium, which is installed if that may be done
	@command -v chromium > /dev/null || [ "$$(id -u)" != 0 ] || (apt-get update -qq && \
		apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core) > /dev/null || true
	$(BIN)/pytest tests/page -n 2 --dist worksteal -m browser $(ARGS)

tests/page/node_modules: tests/page/package-lock.json
	@cd tests/page && npm ci --silent --ignore-scripts && touch node_modules

bench: $(VENV)/.dev ## Measure how fast and how small it is, beside what others take (ARGS=--quick: below 90 s)
	@$(BIN)/python -m benchmarks $(ARGS)

live: $(VENV)/.dev ## Ask the real providers whose keys are in the environment
	$(BIN)/pytest tests/live $(ARGS)

check: $(VENV)/.dev ## Lint, formatting, types, import contracts, OpenAPI drift
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/carvalue openapi | diff -u openapi/carvalue.json -
	$(BIN)/carvalue openapi --client | diff -u openapi/carvalue.client.json -
	$(BIN)/python scripts/breaking_changes.py openapi/released.json openapi/carvalue.json

format: $(VENV)/.dev ## Format the code, and mend what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

openapi: $(VENV)/.dev ## Write the OpenAPI files anew
	$(BIN)/carvalue openapi > openapi/carvalue.json
	$(BIN)/carvalue openapi --client > openapi/carvalue.client.json

settings: $(VENV)/.dev ## Write the tables of docs/configuration.md anew
	$(BIN)/python -m scripts.settings_table

lock: ## Pin the newest packages that fit, with hashes (needs uv)
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --extra heic --extra mocks pyproject.toml requirements/build.in \
		-o requirements/demo.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --extra heic --extra listings --extra mocks --group dev pyproject.toml requirements/build.in \
		-c requirements/demo.txt -o requirements/dev.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate requirements/supply.in -o requirements/supply.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate requirements/clients.in -o requirements/clients.txt
	cd tests/clients && npm update --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved

audit: $(VENV)/.supply ## Ask for known vulnerabilities of what is pinned (needs a network)
	@$(BIN)/python scripts/audit.py $(SUPPLY)/pip-audit requirements/dev.txt requirements/supply.txt \
		requirements/clients.txt

sbom: $(VENV)/.supply ## Write dist/carvalue.cdx.json, the list of what is installed (CycloneDX)
	@mkdir -p dist
	@$(SUPPLY)/python -W ignore::UserWarning -m cyclonedx_py requirements --pyproject pyproject.toml \
		--output-reproducible -o dist/carvalue.cdx.json requirements/demo.txt
	@echo "Written to dist/carvalue.cdx.json."

clean: ## Remove the virtual environment and all caches
	rm -rf $(VENV) $(NODE_PACKAGES) tests/clients/build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Hashes are checked for every package; the build of carvalue itself uses the pinned back end.
$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "Installing packages into $(VENV) (about a minute) ..."
	@$(BIN)/pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.demo
	@echo "Installing what tests and checks need ..."
	@$(BIN)/pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@

# Tools that look at the packages stay apart from them.
$(VENV)/.supply: requirements/supply.txt | $(BIN)/python
	@$(PYTHON) -m venv $(VENV)/supply
	@$(SUPPLY)/pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@

$(VENV)/.generator: requirements/clients.txt | $(BIN)/python
	@$(PYTHON) -m venv $(VENV)/generator
	@$(GENERATOR)/pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@

# No package runs anything while it is installed.
$(NODE_PACKAGES)/.installed: tests/clients/package-lock.json tests/clients/package.json
	@command -v npm >/dev/null || { echo "make clients needs Node 20 or newer with npm."; exit 1; }
	@cd tests/clients && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
