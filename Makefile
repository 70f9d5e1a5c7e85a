# Every target makes the virtual environment first, when it is missing.
.DEFAULT_GOAL := help
.PHONY: help .venv train test proofs v1 dtypes faults bench matrix check lint format types data sample tensorboard lock clean

PY := .venv/bin/python
# The first Python on this machine that TensorFlow supports.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)

help: ## show this list
	@grep -E '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.venv: .venv/installed ## make the virtual environment

.venv/installed: requirements.lock setup.py
	@test -n "$(PYTHON)" || { echo "no Python 3.10 to 3.13 found: make PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo ../../../.. > $$(echo .venv/lib/python3.*/site-packages)/checkout.pth # PYTHONSAFEPATH=1 hides the root
	@touch $@

train: .venv ## train the small model, on PTB if it is in data/ptb, else on the sample
	$(PY) train.py --config small

test: .venv ## run the tests
	$(PY) -m pytest -n 2 --dist loadfile -m "not long"

proofs: .venv ## run the longer tests: faults in small counts, trainings, the sides of the benchmark
	$(PY) -m pytest -n 2 --dist loadfile -m long

v1: .venv ## run the library's tests with TensorFlow 1's behaviour switched on
	TF1RNN_BEHAVIOUR=v1 $(PY) -m pytest -n 2 --dist loadfile tests/tf1rnn

dtypes: .venv ## run the library's tests in float16, in float32 and in float64
	for dtype in float16 float32 float64; do \
		TF1RNN_DTYPE=$$dtype $(PY) -m pytest -n 2 --dist loadfile tests/tf1rnn \
			--ignore tests/tf1rnn/contrib --ignore tests/tf1rnn/compat || exit 1; \
	done

faults: .venv ## kill, damage, fill and corrupt whole runs, many times (KILLS=5 for fewer)
	KILLS=$(or $(KILLS),100) DAMAGES=$(or $(DAMAGES),200) HOSTILE=$(or $(HOSTILE),1000) \
	$(PY) -m pytest -o timeout=7200 tests/faults

# PyTorch has an environment of its own: in one process with TensorFlow it can abort. Its builds for
# processors lie on its own index; that of PyPI for Linux does not start without 5 GB of CUDA
# libraries, and comes only where the index cannot be reached.
TORCH ?= 2.13.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH_PIP := .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check

bench: .venv .venv-bench/torch-$(TORCH) ## compare the speed with PyTorch, Keras and TensorFlow 1's cells (SIZE=all for all)
	$(PY) bench.py --size $(or $(SIZE),small) $(if $(SECONDS),--seconds $(SECONDS))

.venv-bench/torch-$(TORCH):
	$(PYTHON) -m venv .venv-bench
	@rm -f .venv-bench/torch-*
	$(TORCH_PIP) --no-deps --timeout 15 --retries 1 --extra-index-url $(TORCH_INDEX) torch==$(TORCH)
	$(TORCH_PIP) torch==$(TORCH) numpy
	@touch $@

matrix: .venv ## run the tests under every claimed Python and TensorFlow that is here (PAIRS="3.10-2.18 ...")
	$(PY) .ci/matrix.py $(PAIRS)

check: lint types test ## lint, format, types and tests

lint: .venv ## check style and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: .venv ## rewrite the code in the project's format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

types: .venv ## check types
	$(PY) -m mypy

data: .venv ## fetch the Penn Treebank into data/ptb (SOURCE=folder or address, else its public home)
	$(PY) data/fetch.py $(if $(SOURCE),--source "$(SOURCE)")

sample: .venv ## write data/sample anew and print its exact entropies
	$(PY) data/make_sample.py

tensorboard: .venv ## show logs/ in the browser, on this machine only
	.venv/bin/tensorboard --logdir logs --host 127.0.0.1

lock: .venv ## pin the newest versions that fit setup.py into requirements.lock
	$(PY) -m pip install --quiet uv
	.venv/bin/uv pip compile --quiet --universal --python-version 3.10 --extra tests setup.py -o requirements.lock

clean: ## remove the virtual environments and caches; logs and data stay
	rm -rf .venv .venv-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
