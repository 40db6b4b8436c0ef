# Every target makes .venv first when it is missing or older than its locks.

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# pip writes no files outside this folder.
export PIP_NO_CACHE_DIR := 1
# Python keeps what it has compiled, in folders that Git ignores: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test test-all test-fast coverage clients chaos lint bench bench-quick lock clean

up: .venv/ready
	@$(BIN)/vitrine up

# `make test-all` adds further files, documents, pages, faults and servers, and what takes longest.
test: .venv/dev $(if $(BROWSER),,.browser/chromium)
	$(BIN)/pytest -m "not long" -n 4 --dist loadfile --no-loadscope-reorder
	@echo "make test-all runs the long tests, too."

test-all: .venv/dev $(if $(BROWSER),,.browser/chromium)
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

# The browser of the tests, by npm's lock, unless BROWSER names another one; without one, its tests
# are skipped and say so.
.browser/chromium: tests/browser/package-lock.json tests/browser/chromium.py | .venv/dev
	@echo "Setting up the browser of the tests (once)"
	@$(BIN)/python tests/browser/chromium.py .browser

# Faults for twenty minutes, under load; see docs/cache.md.
chaos: .venv/dev
	$(BIN)/python -m tests.chaos

# All tests of the ignored folders are real.
test-fast: .venv/dev
	$(BIN)/pytest -m "not real and not slow" -n 2 --dist worksteal --ignore tests/integration --ignore tests/clients

# The lines that the tests of `make test-fast` run, in this process; those of servers are not seen.
coverage: .venv/dev
	$(BIN)/coverage run -m pytest -m "not real and not slow"
	$(BIN)/coverage report

# Generates clients from the OpenAPI documents and runs them; needs Node.js 20 or newer.
clients: .venv/dev tests/clients/node_modules/.package-lock.json
	$(BIN)/pytest tests/clients

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	@echo "Installing the generators (once)"
	@npm ci --prefix tests/clients --ignore-scripts --no-audit --no-fund

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/plain_words.py

# Compares Vitrine with other frameworks, in about 25 minutes; the quick one takes three.
# VS=REVISION also measures Vitrine at that revision, in the same run.
bench: .venv/ready .venv-bench/ready
	$(BIN)/python -m bench $(if $(VS),--vs $(VS))

bench-quick: .venv/ready .venv-bench/ready
	$(BIN)/python -m bench --quick $(if $(VS),--vs $(VS))

.venv-bench/ready: bench/requirements.lock
	@echo "Setting up the peers (once)"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --no-deps --require-hashes -r bench/requirements.lock
	@touch $@

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
	  "Vitrine needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Setting up .venv (once)"
	@$(PYTHON) -m venv .venv || { echo "Python cannot make a virtual environment; on Debian and Ubuntu install python3-venv."; exit 1; }
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/ready requirements-dev.lock
	@echo "Setting up what tests need (once)"
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

# Rewrites all locks with the newest versions that pyproject.toml allows.
COMPILE := $(BIN)/uv pip compile --universal --upgrade --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header
# The servers and the packages of the command line, which functions of AWS Lambda do not need.
UNPACKED := gunicorn granian uvloop ijson jmespath rich markdown-it-py mdurl pygments openpyxl \
	et-xmlfile defusedxml
lock: .venv/ready
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) pyproject.toml --extra embedded --extra lambda --extra dev -o requirements-dev.lock
	$(COMPILE) pyproject.toml --extra embedded -c requirements-dev.lock -o requirements.lock
	$(COMPILE) pyproject.toml --extra image -c requirements-dev.lock -o requirements-image.lock
	$(COMPILE) pyproject.toml --extra lambda -c requirements-dev.lock \
		$(addprefix --no-emit-package ,$(UNPACKED)) -o requirements-lambda.lock
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/python scripts/vendor.py
	$(COMPILE) bench/requirements.in -c requirements.lock -o bench/requirements.lock

clean:
	rm -rf .venv .venv-bench build *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache
	rm -rf .browser tests/clients/node_modules tests/clients/build
