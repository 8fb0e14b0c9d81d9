# The one door to everything. `make help` lists what it opens.
# MODE=debug makes `make run` build without optimisation (faster to build, slower to run).
MODE  ?= release
ARGS  ?= demo
JOBS  ?= $(shell nproc)
BUILD := swift build -j $(JOBS)
# Carries Swift's runtime: it runs where no Swift is (docs/decisions/0020). Always with this flag:
# with and without it in turns, everything would be built anew each time.
RELEASE := $(BUILD) -c release --static-swift-stdlib

.PHONY: help setup build run test check fmt bench templates clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## install what the build needs and is missing (Debian, Ubuntu)
	@sh etc/setup.sh

build: setup ## the release binary: .build/release/outcry
	$(RELEASE) --product outcry

run: setup ## build, then run the demonstration; ARGS='run --config etc/outcry.yaml' is the real thing
	$(if $(filter release,$(MODE)),$(RELEASE),$(BUILD) -c $(MODE)) --product outcry
	.build/$(MODE)/outcry $(ARGS)

test: setup ## check and run every test
	$(BUILD) --build-tests
	@$(MAKE) --no-print-directory check-only
	OUTCRY_PYTHON=$$(sh Tests/python.sh) swift test --no-parallel --skip-build

check: setup ## format, build, the tidy tests, the shipped rules
	$(BUILD) --build-tests
	@$(MAKE) --no-print-directory check-only
	swift test --skip-build --filter TidyTests

.PHONY: check-only
check-only:
	swift format lint --strict -r Sources Tests Package.swift
	.build/debug/outcry check --strict rules
	.build/debug/outcry test rules Tests/Scenarios/*.yaml

fmt: ## format the sources
	swift format -i -r Sources Tests Package.swift

bench: setup ## measure; writes .build/bench.json; FIGURES='--only i --devices 1000000' for a part
	$(RELEASE) --product outcry
	$(RELEASE) --product outcry-bench
	sh Tests/Benchmarks/bench.sh $(FIGURES)

templates: ## carry templates/ into the binary
	sh templates/embed.sh

clean: ## remove the build
	rm -rf .build
