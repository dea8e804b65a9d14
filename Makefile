# Everything is set up by the first command: Python packages in .venv, the viewer's in
# viewer/node_modules. Needed beforehand: Python 3.11 or newer with venv, and make.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(firstword $(foreach name,python3 python3.11 python3.12 python3.13,$(if $(shell \
  $(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
BIN := .venv/bin
INSTALLED := .venv/.installed
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --universal --no-header

# What was already installed for other programs must not leak into the tests.
export PYTHONNOUSERSITE := 1

.PHONY: help run test test-peers torture lint format viewer screenshots lock image clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; \
	  do printf '  %-18s %s\n' "$$name" "$$what"; done

run: $(INSTALLED) viewer ## start the archive here; an empty one gets synthetic studies to look at
	@exec $(BIN)/pacs serve --demo

test: $(INSTALLED) viewer lint ## every check that needs no other program (a few minutes)
	$(BIN)/python hatch_build.py npm run test
	$(BIN)/pytest $(foreach tier,peers journeys torture,--ignore=tests/$(tier))

test-peers: $(INSTALLED) viewer ## the tests against DCMTK, Orthanc, GDCM, the corpus and a browser
	$(BIN)/pytest $(wildcard tests/peers tests/journeys)

torture: $(INSTALLED) ## kill, starve and soak the archive for about an hour; prints a table
	$(BIN)/python -m tests.torture $(TORTURE)

lint: $(INSTALLED) ## style, types and floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy pacs tests deploy hatch_build.py
	$(BIN)/lint-imports

format: $(INSTALLED) ## put the code into the form lint expects
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

viewer: $(INSTALLED) ## build the viewer into pacs/web/static where it is stale
	@$(BIN)/python hatch_build.py

screenshots: $(INSTALLED) viewer ## take the README's pictures with Debian's chromium
	$(BIN)/python deploy/screenshots.py

lock: $(INSTALLED) ## write the two lock files anew from pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) --all-extras --output-file requirements.lock pyproject.toml
	$(LOCK) --extra postgres --constraint requirements.lock \
	  --output-file requirements-image.lock pyproject.toml

image: ## build the container image
	docker build --tag pacs:0.1.0 .

clean: ## remove what was built and installed; never the archive's data
	rm -rf .venv viewer/node_modules pacs/web/static dist build .mypy_cache .ruff_cache \
	  .pytest_cache .hypothesis .import_linter_cache

# The lock names every package with its digest; the project itself is linked, not copied.
$(INSTALLED): requirements.lock pyproject.toml hatch_build.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; on Debian: apt install python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "Python cannot make environments; on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	PACS_SKIP_VIEWER=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --editable .
	@touch $@
