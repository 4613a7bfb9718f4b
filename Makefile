# `make` alone lists the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.ready-dev
# The tests wait for each other's processes a third of the time: a few more workers than cores pay.
WORKERS ?= 3

.PHONY: help demo test lint types architecture unit soak bench clean

help:
	@echo "make demo    set up, start a simulated Forge and the server, make a few pictures"
	@echo "             FORGE=http://host:7860 uses a real Forge"
	@echo "make test    set up, then lint, types, import contracts and tests"
	@echo "make soak    the slow tests: crashes, races"
	@echo "make bench   the speed figures, each beside its floor"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $(READY)

$(DEV_READY): $(READY) requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	@touch $(DEV_READY)

demo: $(READY)
	$(BIN)/stablequeue demo $(if $(FORGE),--forge $(FORGE))

test: lint types architecture unit

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV_READY)
	$(BIN)/mypy

architecture: $(DEV_READY)
	$(BIN)/lint-imports

unit: $(DEV_READY)
	$(BIN)/pytest -n $(WORKERS)

soak: $(DEV_READY)
	$(BIN)/pytest -m soak

bench: $(DEV_READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
