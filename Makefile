# The commands of the README. Works with GNU make 3.81 (macOS) and newer.
# Another Python: make install PYTHON=python3.12        Another place: make install VENV=/tmp/lessons

# The first Python of a version that TensorFlow supports, and that can make virtual environments.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(if $(shell \
  $(p) -c "import sys, ensurepip; print((3, 11) <= sys.version_info[:2] <= (3, 13) or '')" 2>/dev/null),$(p))) no-python)
VENV ?= .venv
UV ?= uv
# For JupyterLab, for example in a container: make lab LAB_FLAGS="--allow-root --no-browser"
LAB_FLAGS ?=

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
FETCH_TRIED := $(VENV)/.fetch-tried
BROWSER := $(VENV)/.browser
LESSON_1 := notebooks/01_dataset_exploration.ipynb

.PHONY: help install lab test browser-test lint data notebooks record requirements clean

help:
	@echo "make lab           install, try to fetch CIFAR-10, open lesson 1 in JupyterLab"
	@echo "make test          unit tests, and all notebooks with their outputs compared"
	@echo "make lint          ruff, notebooks included"
	@echo "make data          fetch CIFAR-10 (170 MB)"
	@echo "make notebooks     run the notebooks on the stand-in and keep their outputs"
	@echo "make record NAME=lecture/none-0   make a recorded run, or a whole plan, again (needs CIFAR-10)"
	@echo "make browser-test  the lessons in a real JupyterLab in Chromium (see CONTRIBUTING.md)"
	@echo "make requirements  renew the pinned versions (needs uv)"

install: $(INSTALLED)

# pip refuses an editable install among hash-checked requirements, hence two steps.
$(INSTALLED): requirements.txt pyproject.toml
	@case "$(PYTHON)" in no-python) \
	  echo "Python 3.11, 3.12 or 3.13 with venv is needed; none found." >&2; \
	  echo "Debian, Ubuntu: apt install python3-venv. Or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
	  exit 1;; esac
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	@touch $@

lab: $(FETCH_TRIED)
	$(BIN)/jupyter lab $(LAB_FLAGS) $(LESSON_1)

# Once per installation, so that a later start does not wait for a network that is not there.
$(FETCH_TRIED): $(INSTALLED)
	@$(BIN)/python -m vgg_lesson.data || \
	  echo "No CIFAR-10: the lessons use drawn stand-in images. 'make data' tries again."
	@touch $@

data: $(INSTALLED)
	$(BIN)/python -m vgg_lesson.data

test: $(INSTALLED)
	$(BIN)/python -m pytest

browser-test: $(BROWSER)
	$(BIN)/python -m pytest -n 0 tests/browser

$(BROWSER): $(INSTALLED) requirements-browser.txt tests/browser/package.json
	$(BIN)/python -m pip install --require-hashes -r requirements-browser.txt
	npm install --prefix tests/browser --no-package-lock --ignore-scripts --no-audit --no-fund
	@touch $@

lint: $(INSTALLED)
	$(BIN)/ruff check .

# NAME is a record or a plan of experiments/plans.py; records that are there already are passed over.
record: $(INSTALLED)
	$(BIN)/python -m experiments.record $(NAME)

notebooks: $(INSTALLED)
	$(BIN)/python tools/execute_notebooks.py

# One file for Python 3.11 to 3.13 on Linux, macOS and Windows; the browser's extra packages apart.
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
  --no-emit-index-url --no-annotate --custom-compile-command "make requirements"
requirements:
	$(COMPILE) pyproject.toml --group develop --output-file requirements.txt
	$(COMPILE) --group browser --constraint requirements.txt --output-file requirements-browser.txt

clean:
	rm -rf $(VENV)
