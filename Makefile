# Rankscope: `make run` is all that a newcomer needs, `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: run quickstart test lint proof bench screenshots docs clean help

PY := .venv/bin/python
SETUP := sh scripts/bootstrap.sh
ARGUMENTS = $(if $(METHOD),--method $(METHOD)) $(QUICKSTART_ARGS)
export PYTHON

run: ## set up everything and open the window (without a display: do the quick start)
	@$(SETUP) run $(ARGUMENTS)

quickstart: ## the quick start in the terminal; METHOD=qlora trains on 4-bit weights
	@$(SETUP) quickstart $(ARGUMENTS)

test: lint ## set up and run everything that must pass before a commit
	@$(PY) -m pytest -m 'not slow' -n auto --maxprocesses 8 --dist worksteal $(PYTEST_ARGS)

lint: environment-dev ## format, lint and types
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy

proof: environment-dev ## the slow proofs: real training, killed workers
	@$(PY) -m pytest -m slow -o faulthandler_timeout=2400 $(PYTEST_ARGS)

bench: environment-bench ## window, spectra, memory plans and training speed against the stock stack (40 min); BENCH_ARGS="--only P1"
	@$(PY) scripts/bench.py
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(PY) scripts/bench_ranks.py --write
	@$(PY) scripts/bench_rank_page.py
	@$(PY) scripts/bench_data_page.py
	@$(PY) scripts/bench_memory.py --write
	@$(PY) scripts/bench_training.py --write $(BENCH_ARGS)

screenshots: environment-dev ## make the pictures of the README from the real window
	@$(PY) scripts/screenshots.py

docs: environment-dev ## write docs/settings.md and docs/checks.md from the code
	@$(PY) -m core.settings.reference docs/settings.md
	@$(PY) -m core.report.checklist docs/checks.md

clean: ## remove everything that was made here, the environment included
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: environment-dev environment-bench
environment-dev environment-bench:
	@$(SETUP) $(@:environment-%=%)
