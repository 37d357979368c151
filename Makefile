# The commands of the project; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Ansible's tools call one another by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONUNBUFFERED := 1

.PHONY: help setup lab-up lab-down demo test lint unit winrm molecule e2e faults nightly bench clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.done ## Install what the machine lacks and make .venv

$(VENV)/.done: requirements.txt requirements-dev.txt lab/im_lab/host_setup.py
	@echo "== setup"
	$(PYTHON) lab/lab setup-host
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

lab-up: setup ## Start the embedded lab
	@echo "== lab"
	lab/lab up

lab-down: ## Stop the embedded lab and leave nothing behind
	$(PYTHON) lab/lab down --all

demo: lab-up ## Run the main job end to end on the embedded lab
	@echo "== demo"
	ansible-playbook -i inventories/demo playbooks/site.yml

test: lint unit lab-up ## Run all tests, as CI does
	@echo "== molecule, e2e, faults and winrm, side by side"
	python tests/side_by_side.py molecule e2e faults winrm
	@echo "== all tests passed"

lint: setup ## Lint Python, YAML and Ansible
	@echo "== lint"
	ruff check .
	ruff format --check .
	mypy
	yamllint --strict .
	ansible-lint --offline
	ansible-galaxy collection install --offline -r requirements.yml

unit: setup ## Run the unit and template tests
	@echo "== unit"
	python -m pytest tests/unit -q -n 2

winrm: setup ## Run the tests of the Windows modules; they need pwsh (PowerShell 7) on the PATH, and skip without
	@echo "== winrm"
	python -m pytest tests/winrm -q -n 2

molecule: lab-up ## Run the molecule scenarios on real package managers
	@echo "== molecule"
	python tests/side_by_side.py molecule

e2e: lab-up ## Run the tests that need the lab: real server, real clients
	@echo "== e2e"
	python tests/side_by_side.py e2e

faults: lab-up ## Kill, deceive and spy on the engine on the lab's desks
	@echo "== faults"
	python -m pytest tests/faults -q -s -x

nightly: setup ## Run the long versions of the randomised tests: 100,000 pairs for each format, counts and seed
	@echo "== nightly"
	HYPOTHESIS_PROFILE=nightly python -m pytest tests/unit -q -n 2

bench: lab-up ## Measure the speed claims, one line each
	@python tests/bench/accounts.py
	@python tests/bench/fleet.py
	@python tests/bench/history.py
	@python tests/bench/page.py
	@python tests/bench/windows.py

clean: lab-down ## Remove the lab and what setup made
	rm -rf $(VENV) .ansible .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
