# make reproduce   the plan in params.yaml, from nothing to a report
# make test        the whole test suite
# TORCH_INDEX=…    torch without CUDA, from PyTorch's index of processor builds, in an environment that is built anew
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c '$(FITS)' 2> /dev/null && echo $$name && break; done)
BIN := .venv/bin
READY := .venv/.ready
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: environment rehearse reproduce test test-older smoke lint format pull checkout use keep tables docs lock schema bench faults distribution test-slurm reproduce-gpu clean-environment
.DEFAULT_GOAL := reproduce

.venv/.locked: requirements.lock
	@$(if $(PYTHON),$(PYTHON) -c '$(FITS)' 2> /dev/null,false) || { echo "make: Python 3.11, 3.12 or 3.13 is needed\
	$(if $(PYTHON), and $(PYTHON) is none of them); install one, or name one: PYTHON=…"; exit 2; }
	$(PYTHON) -m venv .venv
ifdef TORCH_INDEX
	$(INSTALL) --no-deps --index-url $(TORCH_INDEX) $$(sed -nE 's/^((torch|torchvision)==[^ ]+).*/\1/p' requirements.lock)
	awk '/^[^ ]/ { kept = !/^(torch|torchvision|triton|nvidia-.*|cuda-.*)==/ } kept' requirements.lock > .venv/requirements.lock
	$(INSTALL) --no-deps --require-hashes -r .venv/requirements.lock
else
	$(INSTALL) --require-hashes -r requirements.lock
endif
	@touch $@

$(READY): .venv/.locked pyproject.toml
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

environment: $(READY)  ## .venv from the lock, without doing anything else

reproduce: $(READY)  ## run the plan in params.yaml and print its tables
	snakemake --cores all
	@hardmine show --test

test: $(READY)  ## the whole suite
	pytest

# A processor without AVX-512 adds up in another order.
OLDER := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 OPENBLAS_CORETYPE=Haswell \
	FAISS_OPT_LEVEL=AVX2 NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR"
test-older: $(READY)  ## once more what could hang on rounding, computed as on a processor without AVX-512
	$(OLDER) pytest tests/methods tests/retrieval -k "not figures and not test_door"

smoke: $(READY)  ## all verbs on a tiny plan
	snakemake --cores all --configfile experiments/smoke.yaml
	@hardmine show --test --plan experiments/smoke.yaml

lint: $(READY)  ## style, types, rules
	ruff check . && ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	! snakemake --lint 2>&1 | grep '^    \*' | grep -v 'Specify a conda environment or container for each rule'
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

keep: $(READY)  ## take the results of report/PLAN into docs/kept, for the tables of the docs
	@test -n "$(PLAN)" || { echo "make: say which: make keep PLAN=report/glyphs-tuned"; exit 2; }
	python docs/kept/tables.py --keep $(PLAN) $(if $(REHEARSAL),--rehearsal $(REHEARSAL))

tables: $(READY)  ## write the tables and figures of the docs from docs/kept
	python docs/kept/tables.py

rehearse: $(READY)  ## try every step of every plan on made images: hours and memory into docs/rehearsal.md; goes on where it was
	hardmine rehearse params.yaml experiments/*.yaml --limit-seconds 5 --images 2000 --classes 50 \
		--table docs/kept/rehearsal/plans.csv; left=$$?; python docs/kept/tables.py; exit $$left

docs: $(READY)  ## the docs site into build/site, with warnings as errors
	sphinx-build -q -W --keep-going -b html -d build/doctrees docs build/site
	@echo build/site/index.html

lock: $(READY)  ## bring requirements.lock in line with pyproject.toml, for every system; locked versions stay
	uv pip compile pyproject.toml --quiet --universal --extra workflow --extra slurm --extra onnx --extra docs --extra dev \
		--generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements.lock

schema: $(READY)  ## write the JSON schema of plans for editors
	hardmine schema > src/hardmine/settings/plan.schema.json

bench: $(READY)  ## speed and memory against named peers, under half an hour on two quiet cores
	python -m benchmarks --write docs/benchmarks.md

faults: $(READY)  ## break the pipeline a hundred times and see that nothing is lost or wrong; SEED=… draws others
	pytest --hypothesis-profile=long tests/settings/test_fuzz.py tests/artefacts/test_fuzz.py tests/search/test_fuzz.py \
	  tests/images/test_strangers.py tests/datasets/test_strangers.py
	python tests/faults/campaign.py --faults $(or $(FAULTS),110) --seed $(or $(SEED),0)

distribution: $(READY)  ## what a release uploads, checked, into dist/: make distribution TAG=v0.1.0 on the commit of that tag
	@test -n "$(TAG)" || { echo "make: say which: make distribution TAG=v0.1.0"; exit 2; }
	python .ci/release.py $(TAG)

test-slurm: $(READY)  ## the small pipeline on a Slurm controller and node that are started here and taken down
	pytest -n 0 -m slurm tests/workflow/test_slurm.py

GPUS ?= $(shell nvidia-smi --list-gpus 2> /dev/null | wc -l)
reproduce-gpu: $(READY)  ## the same on the GPUs of this machine, a job each
	snakemake --cores all --profile profiles/gpu --resources gpu=$(GPUS)
	@hardmine show --test

clean-environment:
	rm -rf .venv
