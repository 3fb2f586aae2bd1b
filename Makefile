# The targets a reader needs; `make help` lists them. Each makes .venv when it is not there.

PYTHON ?=
VENV   ?= .venv
ARGS   ?=
BIN    := $(VENV)/bin
RUN    := $(BIN)/python
SETUP  := PYTHON='$(PYTHON)' VENV='$(VENV)' sh tools/setup.sh
# Several processes, where the plug-in for that is installed.
SPREAD  = $$($(RUN) -c 'import xdist' 2>/dev/null && echo '-n auto --dist worksteal')
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test quick lint bench docs tables other-pythons wheel-check clean

help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo:  ## an authority, a server, every backend as a client, and attacks that are refused
	@$(SETUP) cli
	@$(RUN) -m unitls demo $(ARGS)

test:  ## everything: ruff, mypy, and all tests (ARGS are given to pytest)
	@$(SETUP) test
	@status=0; sh tools/lint.sh $(RUN) || status=1; $(RUN) -m pytest $(SPREAD) $(ARGS) || status=1; exit $$status

quick:  ## the unit tests and the conformance kit
	@$(SETUP) test
	@$(RUN) -m pytest -m 'not slow' tests/unit tests/conformance $(ARGS)

lint:  ## ruff and mypy
	@$(SETUP) test
	@sh tools/lint.sh $(RUN)

bench:  ## measure the backends against the bare ssl module
	@$(SETUP) cli
	@$(RUN) -m unitls bench $(ARGS)

docs:  ## build the documentation into build/site
	@$(SETUP) docs
	@$(RUN) -m mkdocs build --quiet
	@echo 'build/site/index.html'

tables:  ## write the tables of backends
	@$(SETUP) cli
	@$(RUN) tools/update_tables.py

other-pythons:  ## the unit tests, the kit and the adapters on every other Python that is found
	@sh tools/other_pythons.sh

wheel-check:  ## build the wheel, and use it in an empty environment
	@$(SETUP) cli
	@sh tools/check_wheel.sh $(RUN)

clean:  ## remove everything that was made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
