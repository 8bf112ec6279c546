# Every target brings what it needs: a virtual environment and hashed, pinned packages.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test journeys live check format openapi lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## Start the service on mocks, appraise sample photos, keep serving (ARGS=--once ends)
	@$(BIN)/carvalue demo $(ARGS)

test: $(VENV)/.dev ## Run the tests (ARGS are pytest's)
	$(BIN)/pytest -n auto --dist loadfile -m "not journey" $(ARGS)

journeys: $(VENV)/.dev ## Run the slow tests: whole flows over sockets, a month, processes that are killed
	$(BIN)/pytest -n auto --dist worksteal -m journey $(ARGS)

live: $(VENV)/.dev ## Ask the real providers whose keys are in the environment
	$(BIN)/pytest tests/live $(ARGS)

check: $(VENV)/.dev ## Lint, formatting, types, import contracts, OpenAPI drift
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/carvalue openapi | diff -u openapi/carvalue.json -
	$(BIN)/carvalue openapi --client | diff -u openapi/carvalue.client.json -

format: $(VENV)/.dev ## Format the code, and mend what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

openapi: $(VENV)/.dev ## Write the OpenAPI files anew
	$(BIN)/carvalue openapi > openapi/carvalue.json
	$(BIN)/carvalue openapi --client > openapi/carvalue.client.json

lock: ## Pin the newest packages that fit, with hashes (needs uv)
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --extra heic --extra mocks pyproject.toml requirements/build.in \
		-o requirements/demo.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --extra heic --extra listings --extra mocks --group dev pyproject.toml requirements/build.in \
		-c requirements/demo.txt -o requirements/dev.txt

clean: ## Remove the virtual environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

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
