# Needs Rust, make, and a CPython of 3.11 or later. Everything else goes into .venv and the target folder.
#
#   make demo    set up, write a data set, run the example program
#   make test    set up, run the Rust tests and the Python tests
#
# What can be set: PYTHON (the interpreter that .venv is made from), CARGO_TARGET_DIR, CARGO_FLAGS (as --locked),
# TEST_ARGS (for pytest), BENCH_ARGS (for the benchmarks), DEMO_DATA, DEMO_FILES, DEMO_ROWS.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

VENV := .venv
PY := $(VENV)/bin/python
CORE := python/dusk/_core.abi3.so

# Outside the clone and the same for all clones: the dependencies take many minutes of CPU time and are compiled once.
ifeq ($(strip $(CARGO_TARGET_DIR)),)
CARGO_TARGET_DIR := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dusk/target
endif
export CARGO_TARGET_DIR
# The crate is configured for the interpreter of .venv, whichever one is first in PATH.
export PYO3_PYTHON := $(abspath $(PY))
# An active environment of another kind must not decide where packages go.
unexport CONDA_PREFIX PYTHONHOME PYTHONPATH
export VIRTUAL_ENV := $(abspath $(VENV))
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_QUIET := 1

DEMO_DATA ?= data
DEMO_FILES ?= 4
DEMO_ROWS ?= 200000

RUST_SOURCES := Cargo.toml $(wildcard Cargo.lock) build.rs $(shell find src)

.PHONY: help
help:
	@echo "make setup    .venv with what dusk needs, and dusk itself, built"
	@echo "make demo     set up, write $(DEMO_FILES) CSV files to $(DEMO_DATA)/, run examples/groupby_csv.py on them"
	@echo "make build    build the core into python/dusk"
	@echo "make test     test-rs and test-py"
	@echo "make compat   Dask's own tests against dusk; COMPAT_ARGS='--extend' enters what passes into the ledger"
	@echo "make lint     rustfmt, clippy, ruff, the stubs against the core"
	@echo "make fmt      format Rust and Python"
	@echo "make bench    race against other engines; BENCH_ARGS='csv_groupby --rounds 3'"
	@echo "make clean    remove .venv, the built core, caches and the demo's data; the target folder stays"

# --- the environment ------------------------------------------------------------------------------------------------

$(VENV)/.made:
	@sh .ci/make_venv.sh $(VENV)
	@touch $@

# The packages come from pyproject.toml, so that they stand in one place. $(1): names of extras.
# A `+` stands for the package's own dependencies and the build backend.
define install
	@echo "installing Python packages: $(1)"
	@$(PY) -c 'import sys, tomllib; \
	    everything = tomllib.load(open("pyproject.toml", "rb")); project = everything["project"]; \
	    extras = project["optional-dependencies"] | {"+": everything["build-system"]["requires"] + project["dependencies"]}; \
	    print(*(line for name in sys.argv[1:] for line in extras[name]), sep="\n")' $(1) > $(VENV)/requirements.txt
	@$(PY) -m pip install --requirement $(VENV)/requirements.txt
	@touch $@
endef

$(VENV)/.runs: $(VENV)/.made pyproject.toml
	$(call install,+)

$(VENV)/.tests: $(VENV)/.runs
	$(call install,+ test)

$(VENV)/.lints: $(VENV)/.runs
	$(call install,+ lint)

$(VENV)/.benches: $(VENV)/.runs
	$(call install,+ bench)

.PHONY: setup
setup: build

# --- the core -------------------------------------------------------------------------------------------------------

# maturin leaves the file's old time when nothing has changed; the touch keeps make from asking again.
$(CORE): $(VENV)/.runs $(RUST_SOURCES)
	$(VENV)/bin/maturin develop --release $(CARGO_FLAGS)
	@touch $@

.PHONY: build
build: $(CORE)

# --- the program ----------------------------------------------------------------------------------------------------

# The stamp names the size, so that other numbers make other data.
DEMO_STAMP := $(DEMO_DATA)/.made-$(DEMO_FILES)x$(DEMO_ROWS)

$(DEMO_STAMP): examples/make_data.py | $(VENV)/.runs
	@rm -f $(DEMO_DATA)/.made-* $(DEMO_DATA)/large_dataset_*.csv
	$(PY) examples/make_data.py $(DEMO_DATA) --files $(DEMO_FILES) --rows $(DEMO_ROWS)
	@touch $@

.PHONY: demo
demo: build $(DEMO_STAMP)
	$(PY) examples/groupby_csv.py "$(DEMO_DATA)/large_dataset_*.csv" --check

# --- tests ----------------------------------------------------------------------------------------------------------

.PHONY: test test-rs test-py
test: test-rs test-py

test-rs: build
	@$(PY) .ci/check_libpython.py
	cargo test --release $(CARGO_FLAGS)

test-py: build $(VENV)/.tests
	$(PY) -m pytest $(TEST_ARGS)

.PHONY: compat
compat: build $(VENV)/.tests
	$(PY) -m tests.compat run $(COMPAT_ARGS)

# --- style ----------------------------------------------------------------------------------------------------------

# Targets of their own, so that `make --keep-going lint` shows the faults of all of them.
.PHONY: lint lint-fmt lint-clippy lint-ruff lint-stubs fmt
lint: lint-fmt lint-clippy lint-ruff lint-stubs

lint-fmt:
	cargo fmt --check

lint-clippy: $(VENV)/.made
	cargo clippy --release --all-targets $(CARGO_FLAGS) -- -D warnings

lint-ruff: $(VENV)/.lints
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

lint-stubs: build $(VENV)/.lints
	$(PY) -m mypy.stubtest dusk._core --mypy-config-file pyproject.toml --concise \
	    --allowlist .ci/stubtest-allow --ignore-unused-allowlist

fmt: $(VENV)/.lints
	cargo fmt
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

# --- races ----------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: build $(VENV)/.benches
	$(PY) -m benchmarks.run $(BENCH_ARGS)

.PHONY: clean
clean:
	rm -rf $(VENV) $(CORE) $(DEMO_DATA)/.made-* $(DEMO_DATA)/large_dataset_*.csv .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find python tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
