# Everything a user or CI runs. Needs Debian 12 and root; installs the rest itself.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help toolchain up down check test molecule ordinary nightly bench lock generate

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# The lab's provider gives each tenant one address in its management network.
WERKENDAM_BASTION := 10.255.0.11
ROLES := $(notdir $(wildcard roles/*))
SCENARIO := default
# Stacks of the lab live and die with it (docs/adr/0006).
LAB_STACKS := Pulumi.*-lab.yaml Pulumi.*-lab.env

help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

toolchain: ## install or build everything that is needed, once
	@toolchain/bootstrap

up: toolchain ## from this record to verified hosts in the lab
	@lab status > /dev/null 2>&1 || rm -f $(LAB_STACKS)
	@lab up
	@tenant init werkendam --datacenter <(lab describe) --bastion-address $(WERKENDAM_BASTION)
	@tenant up werkendam

down: ## end the lab and everything in it
	@lab down
	@rm -f $(LAB_STACKS)

check: toolchain ## the fast part of the tests: no lab
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	yamllint --strict .
	ansible-lint --offline
	for module in lab/vcenter toolchain/provider; do (cd $$module && go vet ./... && go test ./...); done
	pytest --numprocesses 2

# Two labs side by side: a host that boots or waits leaves a core to the other lab.
test: check ## everything that CI runs
	pytest -m lab --numprocesses 2 --dist loadfile
	@$(MAKE) --no-print-directory molecule ROLE=unit

# Molecule keeps what it knows of a scenario below ANSIBLE_HOME: of this checkout, not of the user.
molecule: toolchain ## test ROLE on hosts of its own: SCENARIO default (unless told) or alternative
	@$(if $(wildcard roles/$(ROLE)/molecule),,$(error ROLE: "$(ROLE)" is no role. Allowed: $(ROLES)))
	@cd roles/$(ROLE); ANSIBLE_HOME=$(CURDIR)/.ansible \
	  molecule test --scenario-name $(SCENARIO) --no-command-borders

ordinary: toolchain ## the lab on a Debian 12 of its own, booted in emulation
	@python -m tests.ordinary

nightly: check ## what takes too long for every change: all roles, 100 kills, an ordinary machine
	@for role in $(ROLES); do for scenario in default alternative; do \
	  $(MAKE) --no-print-directory molecule ROLE=$$role SCENARIO=$$scenario; \
	done; done
	KILLS=100 pytest -m lab tests/lab/test_kill.py
	@$(MAKE) --no-print-directory ordinary

bench: toolchain ## measure the speed anew and write docs/performance.md
	@for goal in compilation deployment workday converge verification matrix edge failover boot; do python -m benchmarks.$$goal; done
	@LAB_NAME=labbench lab down
	@rm -f Pulumi.werkendam-labbench.*
	@python -m benchmarks.table

lock: toolchain ## resolve requirements.in into requirements.lock
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements.in -o requirements.lock

generate: toolchain ## write the generated files anew: schemas, golden plan, picture
	python -m infra.record.schema
	python -m tests.golden
	python -m infra.operations.picture
	python -m tests.unit.roles.option_table
	python -m tests.failure.case
	python -m tests.matrix.saboteur
	python -m tests.isolation.saboteur
