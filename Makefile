PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak lint types bench docs clean

help: ## show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.installed ## make .venv with pinned versions

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# Small nets and few iterations: twelve methods, three seeds, two data sets in some minutes on two cores.
RING := iterations=2500 network.width=64 network.depth=3 batch_size=128 evaluate_every=500
DIGITS := dataset=digits network=dcgan network.width=16 batch_size=64 iterations=1000 evaluate_every=250
SEEDS := 'seed=range(0,3)'

demo: setup ## compare the methods on a mixture and on real images, in some minutes
	@$(BIN)/python -m steadygan sweep stabilizers name=demo/ring $(RING) $(SEEDS)
	@$(BIN)/python -m steadygan sweep stabilizers name=demo/digits $(DIGITS) $(SEEDS)
	@$(BIN)/python -m steadygan report outputs/demo/ring
	@$(BIN)/python -m steadygan report outputs/demo/digits

# Two, whatever there is: some tests start processes of their own. A file's tests share what they have made.
WORKERS ?= 2

test: setup ## run the whole suite; WORKERS=0 in one process
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

soak: setup ## run the tests that take longer than the suite may; STEADYGAN_KILLS=200 says how often runs are killed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m soak

lint: setup ## check style, mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## check types
	$(BIN)/basedpyright

bench: setup ## measure speed, as ratios in one run
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/step.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/langevin.py costs
	$(BIN)/python benchmarks/ledger.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/frechet.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/inception.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/evaluation.py
	$(BIN)/python benchmarks/population.py

docs: setup ## write docs/config.md from conf/
	$(BIN)/python docs/config_page.py > docs/config.md

clean: ## remove what was installed and computed
	rm -rf $(VENV) outputs build dist .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
