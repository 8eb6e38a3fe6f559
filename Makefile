# Postern's commands. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run test unit integration browser test-databases soak image-test lint types bench requirements clean

DOVECOT := dovecot-imapd dovecot-lmtpd dovecot-managesieved
SERVERS := $(DOVECOT) redis-server haproxy postfix postgrey postfix-policyd-spf-python iproute2 slapd openssl docker-compose
BROWSER := chromium fonts-dejavu-core
FILTERS := spamd spamc libdbd-mysql-perl libdbd-pg-perl dovecot-mysql dovecot-pgsql rspamd
DATABASES := postgresql mariadb-server postfix-mysql postfix-pgsql $(FILTERS)
IMAGE := buildah debootstrap
PYTEST := .venv/bin/python -m pytest
KILLS := tests/courier/test_kills.py tests/courier/test_sql_kills.py tests/faults/test_killed_workers.py tests/faults/test_sql_kills.py
# Tests with servers mostly wait: two processes share them, file by file, each with servers and a browser of its own, and
# in our order (tests/conftest.py).
SHARED := -n 2 --dist loadfile --no-loadscope-reorder
PURE := not servers and not databases and not browser and not slow
# Settings of the developer's own must not reach the tests; `make run` takes them as they are. Without bytecode each run
# would rewrite the assertions of all tests anew: 4 s.
CLEAN := env -u PYTHONDONTWRITEBYTECODE $(shell env | sed -n 's/^\(POSTERN_[A-Z_]*\)=.*/-u \1/p')

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Start Postern at http://127.0.0.1:8000, with demo accounts; IMAP=imaps://… SMTP=smtps://… takes real ones; PORT=9000
	@.ci/environment requirements.txt app/demo/requirements.txt
	@[ -n "$(IMAP)" ] || .ci/apt-install $(DOVECOT) || true
	@exec .venv/bin/python -m app.demo $(if $(IMAP),--imap "$(IMAP)") $(if $(SMTP),--smtp "$(SMTP)") $(if $(PORT),--port "$(PORT)")

test: environment lint types packages-test ## Everything but databases and image: lint, types, unit, servers, browser
	$(CLEAN) $(PYTEST) -n 2 -m "$(PURE)"
	$(CLEAN) $(PYTEST) $(SHARED) -m "not databases and not ($(PURE))"

unit: environment ## The pure tests with fewer random examples: no server, less than half a minute
	$(CLEAN) SCRIPTS=1000 $(PYTEST) -n 2 --hypothesis-profile quick -m "$(PURE)"

integration: environment packages-test ## The tests on real servers: Dovecot, Redis, Postfix, Exim, HAProxy
	$(CLEAN) $(PYTEST) $(SHARED) -m servers

browser: environment packages-test ## The journeys in Debian's Chromium
	$(CLEAN) $(PYTEST) $(SHARED) -m browser

test-databases: environment packages-test packages-databases ## The tests of SQL on PostgreSQL and MariaDB, started for it
	$(CLEAN) $(PYTEST) $(SHARED) -m databases

soak: environment packages-test packages-databases ## Mails saved and sent under blows, 500 schedules each, and 200,000 Sieve scripts; the tests above have few
	$(CLEAN) SCHEDULES=500 $(PYTEST) -n 4 $(KILLS)
	$(CLEAN) BLOWS=200 $(PYTEST) tests/blocklog/test_kills.py
	$(CLEAN) SCRIPTS=200000 $(PYTEST) -n 2 tests/sieve/test_script.py tests/sieve/test_read.py tests/sieve/test_match.py

image-test: environment packages-image ## Build the Dockerfile without an engine and start the result read-only
	bash tests/image/build.sh

lint: environment ## Check style with ruff
	.venv/bin/ruff check .

types: environment ## Check types with mypy
	.venv/bin/mypy

bench: environment packages-test ## Measure latency, commands and memory on a real Dovecot
	$(CLEAN) .venv/bin/python -m tests.bench

requirements: ## Compile the pinned lists from the short ones; UPGRADE=1 takes newer versions
	.ci/compile-requirements $(if $(UPGRADE),--upgrade)

clean: ## Take away the virtual environment and everything under var/ (the demo's mail too)
	rm -rf .venv var

.PHONY: environment packages-test packages-databases packages-image
environment:
	@.ci/environment requirements.txt requirements-test.txt

packages-test:
	@.ci/apt-install $(SERVERS) $(BROWSER)
	@.ci/exim >/dev/null
	@.ci/debian13 >/dev/null

packages-databases:
	@.ci/apt-install $(DATABASES)

packages-image:
	@.ci/apt-install $(IMAGE)
