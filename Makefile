# `make run` starts everything a newcomer needs on one machine; `make test` proves that the whole of it holds.
# PORT=8000 is the web server's; the Stripe simulator and the mail catcher take the next two. PYTHON names an interpreter.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.PHONY: run test lint check mails screenshots bench simulate

PORT ?= 8000
# How many test processes run side by side; each has services of its own, for which it waits a quarter of the time: three keep two
# cores busy.
WORKERS ?= 3
BIN := .venv/bin
# The system's certificates where it has any: they include those of a proxy at work.
UV_ENV := UV_PYTHON_DOWNLOADS=never $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),UV_SYSTEM_CERTS=1)
UV_SYNC := $(UV_ENV) $(BIN)/uv sync --frozen --inexact --python $(BIN)/python --quiet
CHECK_ENV := set -a; . .ci/check.env; set +a;

run: .venv/for-running
	@exec $(BIN)/python -m redreport.local --port $(PORT) --end-with-parent

test: lint check
	@exec $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder

lint: .venv/for-testing
	@$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(CHECK_ENV) $(BIN)/mypy

check: .venv/for-testing
	@$(CHECK_ENV) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(CHECK_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING

mails: .venv/for-testing
	@exec $(BIN)/python -m redreport.local.mail_compiler

screenshots: .venv/for-testing
	@$(BIN)/python -m tests.brand_pictures
	exec $(BIN)/python -m tests.screenshots

bench: .venv/for-testing
	@echo "A purchase, step by step:          python -m tests.bench.bench_purchase"
	$(BIN)/python -m tests.bench.bench_purchase
	echo "The desk over 100,000 seats:       python -m tests.bench.bench_desk"
	LOG_LEVEL=WARNING $(BIN)/python -m tests.bench.bench_desk
	echo "First views of the public pages:   python -m tests.bench.bench_pages"
	exec $(BIN)/python -m tests.bench.bench_pages

simulate: .venv/for-testing
	@SIMULATED_DAYS_BETWEEN_BEATS=1 SIMULATED_SEATS=500 LOG_LEVEL=WARNING exec $(BIN)/python -m pytest tests/simulation -q -s -o "addopts=-p tests.environment_first"

# The marks below stand for "what the lock says is installed": nothing is done again until the lock changes.
.venv/bin/uv: .ci/uv-requirements.txt
	@python=$${PYTHON:-$$(.ci/find-python)}
	$(BIN)/python -c '' 2>/dev/null || { rm -rf .venv; "$$python" -m venv .venv; }
	echo "Installing what the lock names …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/uv-requirements.txt
	touch $@

.venv/for-running: .venv/bin/uv uv.lock
	@$(UV_SYNC)
	touch $@

.venv/for-testing: .venv/bin/uv uv.lock
	@$(UV_SYNC) --all-groups
	touch $@ .venv/for-running
