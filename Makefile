# `make` alone lists the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready

.PHONY: help demo test lint types architecture unit soak bench clean

help:
	@echo "make demo    set up, start a simulated Forge and the server, make a few pictures"
	@echo "             FORGE=http://host:7860 uses a real Forge"
	@echo "make test    set up, then lint, types, import contracts and tests"
	@echo "make soak    the slow tests: crashes, races"
	@echo "make bench   the speed figures, each beside its floor"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $(READY)

demo: $(READY)
	$(BIN)/stablequeue demo $(if $(FORGE),--forge $(FORGE))

test: lint types architecture unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

architecture: $(READY)
	$(BIN)/lint-imports

unit: $(READY)
	$(BIN)/pytest

soak: $(READY)
	$(BIN)/pytest -m soak

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
