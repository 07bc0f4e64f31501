# The commands a person types. Python 3.11 or newer and make are all they need.
PYTHON ?= python3
BIN := .venv/bin
# Python keeps what it compiles, whatever the caller's environment says: else each of the many
# processes compiles everything anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help up demo test test-installation lint format bench proof screenshots requirements clean
help:
	@echo "make demo   see Periodic do its main job, step by step, in the terminal"
	@echo "make up     run the web server, the worker and a Gmail sandbox"
	@echo "make test   run the tests of the code"
	@echo "make test-installation   run those that start web servers, workers, databases, a browser"
	@echo "make lint   ruff, mypy and import-linter"
	@echo "make bench  measure, and write benchmarks/results.json"
	@echo "make screenshots  make the pictures of the documentation anew, in docs/pictures/"
	@echo "make requirements  pin what requirements*.in name, with hashes"
	@echo "make proof  kill workers, hosts and PostgreSQL over 100,000 changes, and write docs/proof.md"

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Periodic needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 demo"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
		{ echo "Python could not make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "installing the packages that Periodic needs into .venv: a minute or two, once"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: .venv/installed
	@$(BIN)/python -m demo

up: .venv/installed
	@$(BIN)/python -m demo.up

PYTEST := $(BIN)/python -m pytest -n auto --dist loadgroup
test: .venv/installed-dev
	$(PYTEST) -m "not installation"

test-installation: .venv/installed-dev
	$(PYTEST) -m installation

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=platform:. $(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed-dev
	$(BIN)/python -m benchmarks

# One resolution for every platform and Python 3.11 or newer. What is pinned stays as it is until
# its line in the .in file changes; "make requirements UPGRADE=--upgrade" renews the rest.
PIN := UV_CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/uv pip compile --quiet $(UPGRADE) \
	--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
requirements:
	@test -x $(BIN)/uv || $(MAKE) .venv/installed-dev
	$(PIN) requirements.in --output-file requirements.txt
	$(PIN) requirements-dev.in --output-file requirements-dev.txt

proof: .venv/installed-dev
	$(BIN)/python -m tests.proof
	$(BIN)/python -m tests.outages --page docs/proof.md

screenshots: .venv/installed-dev
	$(BIN)/python -m tests.browser.screenshots

clean:
	rm -rf .venv var
