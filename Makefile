# Every target sets itself up first; nothing is needed but make and python3 (>= 3.11, with venv).
PYTHON ?= python3
BIN := .venv/bin
# The commands below are ours: nothing from the caller's Python settings may leak into them.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types imports asyncapi contracts format up down status test-containers validate-invoices
.PHONY: kills bench bench-matching bench-profile bench-billing faults faults-short requirements clean

help: ## this list
	@echo "Servicenetz. Each of these does all set-up itself:"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-24s%s\n", $$1, $$2}'
	@echo
	@echo "Another Python: make PYTHON=python3.12 demo"

setup: ## .venv with all packages, Kafka's jars, our own packages (0.2 s when nothing changed)
	@$(PYTHON) deploy/bootstrap.py

demo: setup ## one job step by step, then a few hundred over Germany, on real Kafka and PostgreSQL
	@$(BIN)/servicenetz demo

test: setup ## everything but the fault runs, two at a time; nine minutes on two cores
	@$(BIN)/pytest -m "not containers and not faults" -n 2 --dist loadgroup --durations=25 --durations-min=3

faults: setup ## everything that can go wrong, under load, with four seeds; writes docs/reliability.md
	@$(BIN)/pytest tests/faults -m "faults" -s --timeout=0 --show-capture=no --tb=short

faults-short: setup ## three of them and a planted bug, with one fixed seed; five minutes
	@FAULTS_SEEDS="$${FAULTS_SEEDS:-11}" $(BIN)/pytest tests/faults -m "faults and short" -s --timeout=0 --show-capture=no --tb=short

kills: setup ## kill -9 of each service, the broker and PostgreSQL while 300 jobs are under way; three minutes
	@$(BIN)/pytest tests/faults/test_kills.py -m faults -s --timeout=0 --show-capture=no --tb=short

test-containers: setup ## the services' tests with broker and databases from containers
	@SERVICENETZ_TEST_CONTAINERS=1 $(BIN)/pytest services -m stack

validate-invoices: setup ## every kind of e-invoice before the official validators; broken ones must all be rejected
	@$(BIN)/python deploy/jars.py install validators .venv/validators >/dev/null
	@$(BIN)/python tests/invoices

bench: setup ## all figures of docs/performance.md, in a quarter of an hour (BENCH=--quick: 3 min; --long: hours)
	@$(BIN)/python -m benchmarks $(BENCH)

bench-matching: setup ## finding candidates among 100,000 and a million partners, against SQL and a scan; some ten minutes
	@$(BIN)/python -m benchmarks.matching

bench-profile: setup ## where the time goes: by stage, function and statement, for each service
	@$(BIN)/python -m benchmarks --profile

bench-billing: setup ## settlements per second next to a bare insert of the same rows; XML and PDF per second
	@$(BIN)/python -m benchmarks.billing

up: setup ## keep everything running for development; Ctrl-C ends it
	@$(BIN)/servicenetz up

down: setup ## stop what `make up` (or `servicenetz up --detach`) started
	@$(BIN)/servicenetz down

status: setup ## what runs, and where
	@$(BIN)/servicenetz status

lint: setup types imports ## ruff, mypy --strict and the import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

# One package at a time: they all have a folder called tests.
TYPED := contracts chassis services/partner-registry services/job-exchange services/matching services/billing \
	deploy/local demo tests benchmarks
types: setup
	@set -e; for part in $(TYPED); do if [ -d $$part ]; then $(BIN)/mypy $$part; fi; done
	@$(BIN)/mypy deploy/bootstrap.py deploy/jars.py

imports: setup
	@$(BIN)/lint-imports

contracts: setup ## schemas and AsyncAPI document anew from the messages
	@$(BIN)/python -m contracts generate

asyncapi: setup ## the AsyncAPI document, by the AsyncAPI project's own parser (needs npm)
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer."; exit 2; }
	@cd contracts/asyncapi-check && npm install --no-package-lock --no-audit --no-fund --silent && node check.mjs

format: setup ## put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

UV_COMPILE := $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --universal --generate-hashes \
	--no-emit-index-url --no-header
requirements: setup ## newest releases into requirements/*.txt, and the jars' into deploy/*.lock.json
	@cd requirements && for part in runtime dev; do ../$(UV_COMPILE) $$part.in -o $$part.txt; done
	@$(BIN)/python deploy/jars.py lock

clean: ## stop what runs here and remove all that set-up and runs made
	@if [ -x $(BIN)/servicenetz ]; then $(BIN)/servicenetz down; fi
	@rm -rf .venv .servicenetz out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
