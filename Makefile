# make reproduce   the plan in params.yaml, from nothing to a report
# make test        the whole test suite
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: environment reproduce test smoke lint format pull checkout use lock schema bench faults test-slurm reproduce-gpu clean-environment
.DEFAULT_GOAL := reproduce

.venv/.locked: requirements.lock
	@command -v $(PYTHON) > /dev/null || { echo "make: $(PYTHON) is needed; name another with PYTHON=…"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(READY): .venv/.locked pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

environment: $(READY)  ## .venv from the lock, without doing anything else

reproduce: $(READY)  ## run the plan in params.yaml and print its tables
	snakemake --cores all
	@hardmine show --test

test: $(READY)  ## the whole suite
	pytest

smoke: $(READY)  ## all six verbs on a tiny plan
	snakemake --cores all --configfile experiments/smoke.yaml
	@hardmine show --test --plan experiments/smoke.yaml

lint: $(READY)  ## style, types, rules
	ruff check . && ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint
	lint-imports --no-logo

format: $(READY)
	ruff check --fix . ; ruff format .
	snakefmt Snakefile workflow

pull: $(READY)  ## fetch data, models and results of the checked-out commit from the DVC remote
	dvc pull

checkout: $(READY)  ## put the data, models and results of the checked-out commit in place from the DVC cache
	dvc checkout

use: $(READY)  ## make PLAN=experiments/x.yaml the plan in force, for dvc repro
	@test -n "$(PLAN)" || { echo "make: say which: make use PLAN=experiments/glyphs-full.yaml"; exit 2; }
	hardmine check --plan $(PLAN)
	cp $(PLAN) params.yaml

lock: $(READY)  ## write requirements.lock anew from pyproject.toml
	uv pip compile pyproject.toml --quiet --extra workflow --extra slurm --extra onnx --extra dev --generate-hashes --no-emit-index-url \
		--no-header --python-version 3.11 -o requirements.lock

schema: $(READY)  ## write the JSON schema of plans for editors
	hardmine schema > src/hardmine/settings/plan.schema.json

bench: $(READY)  ## speed and memory against named peers, under half an hour on two quiet cores
	python -m benchmarks --write docs/benchmarks.md

faults: $(READY)  ## break the pipeline a hundred times and see that nothing is lost or wrong; SEED=… draws others
	pytest --hypothesis-profile=long tests/settings/test_fuzz.py tests/artefacts/test_fuzz.py
	python tests/faults/campaign.py --faults $(or $(FAULTS),110) --seed $(or $(SEED),0)

test-slurm: $(READY)  ## the small pipeline on a Slurm controller and node that are started here and taken down
	pytest -n 0 -m slurm tests/workflow/test_slurm.py

GPUS ?= $(shell nvidia-smi --list-gpus 2> /dev/null | wc -l)
reproduce-gpu: $(READY)  ## the same on the GPUs of this machine, a job each
	snakemake --cores all --profile profiles/gpu --resources gpu=$(GPUS)
	@hardmine show --test

clean-environment:
	rm -rf .venv
