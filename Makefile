# The verbs. Each sets up .venv by itself; `make help` lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo chat run test lint types package wheels local generate deploy release audit \
  production bench evaluate clean

SUPPORTED := 3.11, 3.12 or 3.13
VENV := .venv/bin
PYTEST_ARGS ?=
DEMO_ARGS ?=
CHAT_ARGS ?=
RUN_ARGS ?= --profile reported
EVALUATE_ARGS ?= --stage local --own-sandbox
STAGE ?= prod
OPS_ARGS ?=
BENCHES ?= turns slow_models single_flight freeze cpu_per_turn first_turn operations \
  cold_starts repeat_questions consent_to_ring outages hundred_consents predecessor_stage usage \
  capacity production
ENDPOINT ?= http://127.0.0.1:4566

# PYTHON given on the command line or in the environment is the only candidate.
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11)

define FIND_PYTHON
for candidate in $(CANDIDATES); do \
  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
    >/dev/null 2>&1; then found=$$candidate; break; fi; \
done; \
if [ -z "$$found" ]; then \
  echo "make: needs Python $(SUPPORTED) with its venv module; none among: $(CANDIDATES). Say which with PYTHON=..." >&2; \
  exit 1; \
fi
endef

.venv/.stamp: requirements-dev.txt
	@found=; $(FIND_PYTHON); "$$found" .ci/venv.py

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/.stamp ## Watch a visitor's story: chat, consent, call, Salesforce
	@$(VENV)/python -m sandbox.conversation demo $(DEMO_ARGS)

chat: .venv/.stamp ## Talk to the bot yourself, and take its call
	@$(VENV)/python -m sandbox.conversation chat $(CHAT_ARGS)

run: .venv/.stamp ## Keep the sandbox up, for the AWS CLI and boto3
	@$(VENV)/python -m sandbox serve $(RUN_ARGS)

local: .venv/.stamp ## The fulfilment function over HTTP (POST /lex), beside a sandbox of make run
	@cd atlas && AWS_ENDPOINT_URL=$(ENDPOINT) AWS_DEFAULT_REGION=us-east-1 \
	  AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox \
	  ../$(VENV)/chalice local --stage local

test: .venv/.stamp ## Every test
	@$(VENV)/python -m pytest $(PYTEST_ARGS)

lint: .venv/.stamp ## ruff, generated files, CloudFormation
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/python -m ops generate --check
	@$(VENV)/cfn-lint infra/*.yaml

types: .venv/.stamp ## mypy, strict
	@$(VENV)/mypy atlas ops sandbox infra

package: .venv/.stamp ## The deployment zip for STAGE, looked through, in dist/
	@$(VENV)/python -m ops package --stage $(STAGE) --out dist

wheels: .venv/.stamp ## Whether every pin that ships has a wheel for every Lambda runtime
	@$(VENV)/python -m ops wheels

generate: .venv/.stamp ## Rewrite what follows from ops/, ops/team.toml and infra/lex_bot.yaml
	@$(VENV)/python -m ops generate

deploy: .venv/.stamp ## Stacks, code and release of STAGE; OPS_ARGS reach it, e.g. --dry-run
	@$(VENV)/python -m ops deploy --stage $(STAGE) $(OPS_ARGS)

release: .venv/.stamp ## Make what is deployed of STAGE live, step by step, or take it back
	@$(VENV)/python -m ops release --stage $(STAGE) $(OPS_ARGS)

audit: .venv/.stamp ## Compare what is live of STAGE with every known fault
	@$(VENV)/python -m ops audit --stage $(STAGE) $(OPS_ARGS)

production: .venv/.stamp ## The life of a stage on a sandbox: deploy, audit, good and bad releases, destroy
	@$(VENV)/python -m bench.production

bench: .venv/.stamp ## Every measurement of bench/, one after the other, with its figures
	@failed=; for bench in $(BENCHES); do \
	  printf '\n== %s\n' "$$bench"; \
	  $(VENV)/python -m bench.$$bench || failed="$$failed $$bench"; \
	done; \
	if [ -n "$$failed" ]; then echo "make: not as promised:$$failed" >&2; exit 1; fi

evaluate: .venv/.stamp ## Judge every model's answers; EVALUATE_ARGS="--stage dev" asks real ones
	@$(VENV)/python -m ops evaluate $(EVALUATE_ARGS)

clean: ## Remove .venv, caches and built files
	@rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .sandbox dist
	@rm -rf atlas/.chalice/deployments atlas/.chalice/deployed
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
