# The few commands that people and continuous integration share.
PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check install --quiet
NEWER_PIP = $(PIP) "pip>=25.3"  # which knows build constraints
LOCKED = --constraint constraints.txt --build-constraint constraints.txt
# uv takes a quarter of the time; pip serves where only pip has been told of an index.
install = .venv/bin/uv pip install --python .venv/bin/python --quiet --compile-bytecode $(LOCKED) $(1) || { $(NEWER_PIP) && $(PIP) $(LOCKED) $(1); }

.PHONY: help setup demo test long fresh oldest oldest-sqlite oldest-postgresql oldest-dependencies check check-form check-mypy check-pyright check-layers check-lines bench clients soak crash isolation lock clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s  %s\n", $$1, $$2}' Makefile

setup: .venv/.dev  ## set up .venv with everything that development needs

demo: .venv/.runtime  ## run the hub and a receiver on real events; ARGS="--exit" ends it, ARGS="--json" for machines
	.venv/bin/trunkline demo $(ARGS)

# Some machines say that Python is to keep no bytecode: each worker, and each command that a test starts, would compile all anew.
test: export PYTHONDONTWRITEBYTECODE =
test: setup  ## run the tests, the slow ones excepted; ARGS="tests/core -k retry" for some
	.venv/bin/python -m pytest -n 4 --dist worksteal -m "not slow" $(ARGS)

# What waits or measures time has the machine to itself.
LONG = .venv/bin/python -m pytest -p tests.continuous_integration $(ARGS) -m
long: setup .cache/servers/bin/python  ## run all slow tests, of which continuous integration leaves some to another day (40 to 80 minutes); ARGS for some
	$(LONG) "slow and not (alone or timed)" -n 4 --dist loadfile --no-loadscope-reorder
	$(LONG) "slow and timed and not alone" -n 4 --dist loadfile --no-loadscope-reorder
	$(LONG) "slow and alone"

# Servers that only the tests of `make long` push to.
.cache/servers/bin/python: .venv/bin/uv
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .cache/servers
	.venv/bin/uv pip install --python $@ --quiet gunicorn hypercorn tornado waitress

fresh:  ## do what the README says on a bare Debian 12 and 13, as a newcomer; ROOTS="trixie" for one of them (as root)
	@set -e; for root in $(or $(ROOTS),bookworm trixie); do tests/fresh.sh $$root "make demo ARGS=--exit" "make test"; done

oldest: oldest-sqlite oldest-postgresql oldest-dependencies  ## run tests on the oldest SQLite, PostgreSQL and dependencies that are supported

ON_OLDEST = .venv/bin/python -m pytest -p tests.oldest -n 4 --dist worksteal -m "not slow" $(ARGS)

oldest-sqlite: setup .cache/sqlite/libsqlite3.so.0
	LD_LIBRARY_PATH=.cache/sqlite $(ON_OLDEST) --oldest sqlite -k "not postgresql" \
		tests/core/store tests/core/stream tests/plugins/crm

oldest-postgresql: setup
	$(ON_OLDEST) --oldest postgresql -k postgresql tests/core/store tests/core/stream

oldest-dependencies: .venv/bin/uv
	.venv/bin/uv venv --quiet --clear --seed --python .venv/bin/python .cache/oldest
	.venv/bin/uv pip install --python .cache/oldest/bin/python --quiet --compile-bytecode --resolution lowest-direct --editable . --editable ./kit --group dev
	.cache/oldest/bin/python -m pytest -n 6 --dist worksteal -m "not slow" \
		--deselect tests/contract/test_dependencies.py::test_everything_that_gets_installed_is_pinned $(ARGS)

# The package from npm brings the source of SQLite 3.35.2 in one file.
.cache/sqlite/libsqlite3.so.0:
	mkdir -p $(@D)
	cd $(@D) && npm pack --silent better-sqlite3@7.4.1
	tar --extract --gzip --to-stdout --file $(@D)/better-sqlite3-7.4.1.tgz package/deps/sqlite3.tar.gz | tar --extract --gzip --directory $(@D)
	cc -O1 -w -shared -fPIC -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DESERIALIZE -DSQLITE_ENABLE_JSON1 \
		$(@D)/sqlite3.c -o $@ -lpthread -ldl -lm

CHECKS = check-pyright check-mypy check-layers check-form check-lines  # the longest first

check: setup  ## judge form, types, layers and the lines of each room
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(CHECKS)

check-form:
	.venv/bin/ruff format --check --quiet
	.venv/bin/ruff check --quiet

check-mypy:
	.venv/bin/mypy
	.venv/bin/mypy tests/typing/good_*.py tests/typing/bad_*.py

check-pyright:
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 .venv/bin/pyright
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 .venv/bin/pyright --project tests/typing

check-layers:
	.venv/bin/lint-imports --no-logo

check-lines:  # the budget of each room: tests/contract/lines.txt
	.venv/bin/python tests/contract/lines.py

bench: setup  ## measure, and write the figures to docs/internals/performance.md; ARGS="--only push" for one suite
	.venv/bin/python -m benchmarks --write-docs $(ARGS)

clients: setup  ## make clients from the OpenAPI document, compile them and call a hub with each; ARGS="rust" for some; needs npm, a JDK with Gson, Go and Debian's crates
	.venv/bin/python -m tests.clients $(ARGS)

soak: setup  ## load the hub for an hour, and write to docs/internals/performance.md what changed from its begin to its end; ARGS="--scale 0.1" for six minutes
	.venv/bin/python -m benchmarks --only soak --rounds 1 --write-docs $(ARGS)

crash: setup  ## kill the hub at each of its fault points, SEEDS (200) times each, and write docs/internals/reliability.md; goes on after a stop
	.venv/bin/python tests/reliability/crash --seeds $(or $(SEEDS),200) --journal .crash/outcomes.jsonl --write-docs $(ARGS)

isolation: setup  ## attack the hub beside a victim, row by row, and write the table of docs/internals/reliability.md; goes on after a stop
	.venv/bin/python tests/reliability/isolation --journal .isolation/outcomes.jsonl --write-docs $(ARGS)

lock: .venv/bin/uv  ## write constraints.txt, and the hashes for the container, anew from pyproject.toml; ARGS="--upgrade" takes the newest versions
	.venv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--no-header --no-annotate --quiet --output-file constraints.txt $(ARGS)
	echo hatchling | .venv/bin/uv pip compile pyproject.toml - --extra redis --extra mcp --extra otel --universal --python-version 3.11 \
		--no-header --no-annotate --quiet --generate-hashes --constraint constraints.txt \
		--output-file docs/examples/deploy/requirements.lock

clean:  ## remove everything that these targets made
	rm -rf .venv dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .crash .isolation

.venv/.dev: .venv/.runtime
	$(call install,--group dev)
	@touch $@

# The demo needs none of the kit's dependencies; development brings them.
.venv/.runtime: pyproject.toml kit/pyproject.toml constraints.txt | .venv/bin/uv
	$(call install,--editable .)
	$(call install,--no-deps --editable ./kit)
	@touch $@

.venv/bin/uv:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "trunkline needs Python 3.11 or newer. Name another one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { \
		echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(PIP) --no-compile uv
