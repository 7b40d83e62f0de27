# Two commands matter: `make run` and `make test`. Both need only Python 3.11 and make.
PORT ?=
ARGS ?=
# Many tests wait for nodes and clocks: more of them than cores keep the cores busy.
WORKERS ?= 3

PY := .venv/bin/python
RUN := .venv/ready-to-run
DEV := .venv/ready-to-dev
CODE := manage.py eliot storyboard_app sessions_app farm_app gallery_app scripts tests

# Checks and tests write into a folder of their own, never into ./data.
ASIDE := data=$$(mktemp -d) && trap 'rm -rf "$$data"' EXIT && ELIOT_DATA="$$data"
PUBLIC := https://eliot.example.com
# The lock names the public index, whatever mirror this machine is told to use.
UV := .venv/bin/uv --quiet --no-config --offline
PYPI := --default-index https://pypi.org/simple --python $(PY)
EXPORT := $(UV) export --locked $(PYPI) --no-emit-project --no-header

help:
	@echo 'make run      start Eliot here; PORT=8011 and ARGS="..." go to manage.py start'
	@echo 'make test     run all tests; ARGS="-k gallery" goes to pytest'
	@echo 'make drill-all  run the drills of docs/faults.md over every kind of server'
	@echo 'make faults   write docs/faults.md'
	@echo 'make check    run every linter and check'
	@echo 'make lock     write uv.lock and both requirements files from pyproject.toml'

run: $(RUN)
	@exec $(PY) manage.py start $(if $(PORT),--port $(PORT)) $(ARGS)

test: $(DEV)
	@$(ASIDE) ELIOT_CHROMIUM="$$($(PY) -m scripts.browser)" \
		$(PY) -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

# Every row of docs/faults.md against every kind of server and every way to die.
drill-all: $(DEV)
	@$(ASIDE) ELIOT_CHROMIUM="$$($(PY) -m scripts.browser)" \
		$(PY) -m pytest --drill-all --numprocesses $(WORKERS) --dist worksteal $(ARGS)
	@$(ASIDE) $(PY) manage.py drill --kill-start 10
	@$(ASIDE) $(PY) manage.py drill --minutes 1

# docs/faults.md says what happens when something breaks, and which test shows it.
faults: $(DEV)
	@$(ASIDE) $(PY) -m pytest --collect-only --quiet --quiet --faults-page docs/faults.md > /dev/null

check: style types imports templates migrations deploy locked

style: $(DEV)
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: $(DEV)
	@$(ASIDE) $(PY) -m mypy --show-traceback $(CODE)

imports: $(DEV)
	@$(PY) .venv/bin/lint-imports --no-logo

templates: $(DEV)
	$(PY) -m djlint --lint --quiet templates

migrations: $(DEV)
	@$(ASIDE) $(PY) manage.py makemigrations --check

# As on a public address, and with no check silenced.
deploy: $(DEV)
	@$(ASIDE) ELIOT_PUBLIC_URL=$(PUBLIC) $(PY) manage.py check --deploy --fail-level WARNING \
		| grep -F 'no issues (0 silenced)'

# pyproject.toml, the lock and both exports say the same; run `make lock` when they do not.
locked: $(DEV)
	@$(UV) lock --check $(PYPI)
	@$(EXPORT) | diff -u requirements.txt -
	@$(EXPORT) --group test --group check | diff -u requirements-dev.txt -
	@! grep -E '(url|registry) = ' uv.lock | grep -vE '"https://(pypi|files\.pythonhosted)\.org/'

lock:
	uv lock --no-config --default-index https://pypi.org/simple
	uv export --quiet --frozen --no-emit-project --no-header --output-file requirements.txt
	uv export --quiet --frozen --no-emit-project --no-header --group test --group check --output-file requirements-dev.txt

install: $(DEV)

browser: $(DEV)
	@$(PY) -m scripts.browser

$(RUN): requirements.txt scripts/environment.py $(if $(shell test -x $(PY) || echo gone),ALWAYS)
	@$(call WITH_PYTHON,-m scripts.environment run)

$(DEV): requirements-dev.txt scripts/environment.py $(if $(shell test -x .venv/bin/pytest || echo gone),ALWAYS)
	@$(call WITH_PYTHON,-m scripts.environment dev)

# The first Python on this machine that is new enough; PYTHON=... names one.
define WITH_PYTHON
for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && exec "$$python" $(1); \
done; echo 'Eliot needs Python 3.11 or newer; none is here. PYTHON=/path/to/python names one.' >&2; exit 1
endef

.DEFAULT_GOAL := help
.PHONY: help run test drill-all faults check style types imports templates migrations deploy locked lock install browser ALWAYS
