# `make` lists the targets. Each does its own set-up, so that it works on a fresh machine.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# One debug tree for everything: the same packages and features for build, clippy, tests and the fast demo.
ALL := --workspace --all-features

# `DEMO_FAST=1 make demo` is the short form for CI; `make demo ARGS="--keep --output json"` passes flags on.
ifeq ($(DEMO_FAST),1)
DEMO_BUILD := cargo build $(ALL) --bins --examples
DEMO := target/debug/examples/demo
else
DEMO_BUILD := cargo build --release --workspace --bins --examples
DEMO := target/release/examples/demo
endif
ARGS :=

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS=$$'\t' read -r name text; do \
		printf '  make %-9s %s\n' "$$name" "$$text"; \
	done

.PHONY: setup
setup: ## install what this machine lacks: HAProxy, a linker, cargo-nextest
	@tools/setup --tests

.PHONY: demo
demo: ## release a new version of a service through a real HAProxy, and measure every step
	@tools/setup
	$(DEMO_BUILD)
	$(DEMO) $(ARGS)

.PHONY: test
test: setup ## run all tests and doctests
	tools/test $(ALL)

.PHONY: check
check: setup fmt licences clippy docs features ## everything a change has to pass: format, licences, lints, docs, features, tests
	tools/test $(ALL)

.PHONY: fmt
fmt: ## check the format
	cargo fmt --all --check

.PHONY: clippy
clippy: ## check the lints
	cargo clippy $(ALL) --all-targets -- -D warnings

.PHONY: docs
docs: ## build the documentation; a warning is an error
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --no-deps

.PHONY: licences
licences: ## check licences, duplicate versions and sources of what the tree depends on
	@tools/licences

.PHONY: features
features: ## compile the core alone, the server without `http`, and each feature alone
	tools/features

# FUZZ_SECONDS is the time for each target, TARGETS some of them: `make fuzz FUZZ_SECONDS=600 TARGETS="yaml gateway"`.
TARGETS :=

.PHONY: fuzz
fuzz: ## throw damaged documents at every reader: FUZZ_SECONDS=120 for each
	FUZZ_SECONDS=$${FUZZ_SECONDS:-120} cargo run --quiet --release --package vamp-workspace --example fuzz -- $(TARGETS)

.PHONY: sabotage
sabotage: setup ## break the build on purpose, way after way: a named test notices each
	tools/sabotage

.PHONY: soak
soak: setup ## run every suite ten times, the long versions, and write a table; SUITES="crash demo" runs only these
	tools/soak $(SUITES)

# The rivals are a workspace of their own, in the same target folder: nothing else builds them.
RIVALS := CARGO_TARGET_DIR=$(CURDIR)/target cargo

.PHONY: bench
bench: ## measure conditions, weights, the router, rendering, the store and the way to HAProxy, beside wirefilter and cel
	@tools/setup
	cargo build --release --package vamp-server --bins
	cargo bench --package vamp-workspace --bench artifact --bench condition --bench router --bench routing --bench store -- --quiet
	$(RIVALS) bench --manifest-path benches/rivals/Cargo.toml --bench rule --bench rules -- --quiet
	@echo
	@$(RIVALS) run --quiet --release --manifest-path benches/rivals/Cargo.toml
	@echo
	@cargo bench --quiet --package vamp-workspace --bench effective
	@echo
	@cargo bench --quiet --package vamp-workspace --bench data_path
	@echo
	@cargo bench --quiet --package vamp-workspace --bench scale
	@echo
	@cargo bench --quiet --package vamp-workspace --bench many
