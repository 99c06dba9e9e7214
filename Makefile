# Everything a user or CI runs. Needs Debian 12 and root; installs the rest itself.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help toolchain up down check test bench lock generate

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# The lab's provider gives each tenant one address in its management network.
WERKENDAM_BASTION := 10.255.0.11
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
	pytest

test: check ## everything that CI runs
	pytest -m lab

bench: toolchain ## measure the speed anew and write docs/performance.md
	@for goal in compilation deployment converge verification boot; do python -m benchmarks.$$goal; done
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
