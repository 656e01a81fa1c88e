# "make" alone lists the targets.

# The modules of go.work.
MODULES := . build test

# The modules outside go.work: the examples, and those for programs that use what they depend on, which no other program takes on.
SEPARATE := $(patsubst %/go.mod,%,$(wildcard examples/go.mod registrar/*/go.mod registrar/*/*/go.mod))

# The packages whose tests judge time with the build tag timing, and those of module test.
TIMED := ./internal/etcdclient ./plugin/roster ./registrar/etcd ./registrar/memory
TIMED_TESTS := ./harness ./e2e ./faults ./rolling

# How long "make fuzz" spends on each target.
FUZZTIME ?= 60s

# Flags of "make bench", such as "-rounds 1 -rows ^chain/"; test/bench has them.
BENCHFLAGS ?=

# Flags of "make scale", such as "-rows ^fanout/"; test/scale has them.
SCALEFLAGS ?=

# Which benchmarks "make microbench" runs, how often, and with which earlier result it compares them.
BENCH ?= .
COUNT ?= 6
OLD ?=

# How long each fault of "make soak" lasts.
SOAK ?= 30m

# The version that "registrar version" shows.
VERSION ?=

# Programs that "make acceptance" needs, as PROGRAM:DEBIAN-PACKAGE.
DEPS := dig:bind9-dnsutils delv:bind9-dnsutils nft:nftables ip:iproute2 getent:libc-bin unshare:util-linux mount:mount setcap:libcap2-bin setpriv:util-linux \
	gcc:build-essential musl-gcc:musl-tools node:nodejs kdig:knot-dnsutils drill:ldnsutils ldns-compare-zones:ldnsutils \
	named-checkzone:bind9-utils unbound:unbound haproxy:haproxy prometheus:prometheus nsd:nsd knotd:knot \
	bash:bash zsh:zsh fish:fish

# Programs that "make bench" and "make scale" need, in the same form.
BENCH_DEPS := dnsperf:dnsperf nsd:nsd knotd:knot

# Packages of DEPS and BENCH_DEPS that bring a service of the same name.
SERVICES := unbound haproxy prometheus nsd knot

# Builds must not depend on the state of a git repository, which may be absent or another user's.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

GOLANGCI_LINT := $(CURDIR)/bin/golangci-lint

# each runs the command $(2) in each of the modules $(1), and stops at the first failure.
each = @for module in $(1); do echo "== $@ in $$module"; (cd $$module && $(2)) || exit 1; done

# each-alone does so by each module's own go.mod.
each-alone = $(call each,$(1),export GOWORK=off && $(2))

# in-modules runs the command $(1) in all modules.
define in-modules
$(call each,$(MODULES),$(1))
$(call each-alone,$(SEPARATE),$(1))
endef

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/coredns and bin/registrar
	go build -o bin/coredns ./build
	go build -ldflags '-X main.version=$(VERSION)' -o bin/registrar ./cmd/registrar

.PHONY: run
run: build ## Build, and serve svc.internal on 127.0.0.1:1053 with an etcd of its own
	exec bin/coredns -conf Corefile

.PHONY: example
example: build ## Build, and run the services of examples/shop; see examples/README.md
	cd examples && GOWORK=off go build -o ../bin/example/ ./shop/...
	exec examples/shop/run.sh

.PHONY: test
test: ## Run unit and end-to-end tests with the race detector; none depends on timing
	go test -race -timeout 20m work
	$(call each-alone,$(SEPARATE),go test -race -timeout 20m ./...)

.PHONY: timing
timing: ## Run the tests that depend on timing, one at a time; needs an otherwise idle machine
	go test -count=1 -p 1 -parallel 1 -timeout 40m -tags timing $(TIMED)
	cd test && GOWORK=off go test -count=1 -p 1 -parallel 1 -timeout 60m -tags timing $(TIMED_TESTS)

.PHONY: acceptance
acceptance: ## Run the tests that need root and the programs of "make deps"
	cd test && go test -count=1 -timeout 20m -tags acceptance,timing ./acceptance/...

.PHONY: soak
soak: ## Run the fault tests for hours, each fault for SOAK (30m); needs what "make acceptance" needs
	cd test && ROSTER_SOAK=$(SOAK) go test -count=1 -timeout 12h -tags timing -v ./faults
	cd test && ROSTER_SOAK=$(SOAK) go test -count=1 -timeout 12h -v -tags acceptance,timing -run '^TestPacketLoss$$' ./acceptance

.PHONY: standalone
standalone: ## Test each module with GOWORK=off and run each benchmark once; "make timing" has the rest of module test
	$(call each-alone,. build $(SEPARATE),go test -bench . -benchtime 1x -timeout 20m ./...)
	cd test && GOWORK=off go vet -tags acceptance,timing ./... && \
		GOWORK=off go test -timeout 20m $$(go list ./... | grep -vE '/(harness|e2e|faults|rolling|acceptance)$$')

.PHONY: deps
deps: ## Install the programs that "make acceptance" needs
	$(call install,$(DEPS))

# install installs those programs of $(1) that are missing.
define install
@missing=; packages=; \
for dep in $(1); do \
	command -v "$${dep%%:*}" >/dev/null || { missing="$$missing $${dep%%:*}"; packages="$$packages $${dep#*:}"; }; \
done; \
[ -n "$$missing" ] || { echo "$@: all there: $(foreach dep,$(1),$(firstword $(subst :, ,$(dep))))"; exit 0; }; \
command -v apt-get >/dev/null || \
	{ echo "$@: missing:$$missing. Without apt-get, install them by hand; Debian's packages are:$$packages" >&2; exit 1; }; \
sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
$$sudo env services="$(SERVICES)" sh test/deps.sh $$packages
endef

$(GOLANGCI_LINT): tools/go.mod tools/go.sum
	cd tools && GOWORK=off go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Check all code with golangci-lint
	$(call in-modules,$(GOLANGCI_LINT) run ./...)

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## Format all code
	$(call in-modules,$(GOLANGCI_LINT) fmt ./...)

.PHONY: vuln
vuln: ## Look for known vulnerabilities; needs the network
	cd tools && GOWORK=off go build -o ../bin/govulncheck golang.org/x/vuln/cmd/govulncheck
	$(call in-modules,$(CURDIR)/bin/govulncheck ./...)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (60s)
	$(call in-modules,$(fuzz-module))

# fuzz-module runs the fuzz targets of all packages below the current folder.
define fuzz-module
packages=$$(go list ./...) || exit 1; \
for package in $$packages; do \
	listed=$$(go test -list ^Fuzz $$package) || exit 1; \
	for target in $$(echo "$$listed" | grep ^Fuzz); do \
		echo "== $$package $$target"; \
		go test -run ^$$target\$$ -fuzz ^$$target\$$ -fuzztime $(FUZZTIME) $$package || exit 1; \
	done; \
done
endef

.PHONY: bench
bench: bench-deps build ## Compare with other DNS servers (BENCHFLAGS); installs them; see docs/benchmarks.md
	go build -o bin/bench/etcd ./test/cmd/etcd
	go build -o bin/bench/bench ./test/bench
	cd build && version=$$(go list -m -f '{{.Version}}' github.com/coredns/coredns) && \
		GOWORK=off GOBIN=$(CURDIR)/bin/bench go install github.com/coredns/coredns@$$version
	cd test && exec ../bin/bench/bench $(BENCHFLAGS)

.PHONY: scale
scale: bench-deps build ## Measure many servers, instances and changes (SCALEFLAGS); see docs/scale.md
	go build -o bin/bench/etcd ./test/cmd/etcd
	go build -o bin/bench/scale ./test/scale
	cd test && exec ../bin/bench/scale $(SCALEFLAGS)

.PHONY: bench-deps
bench-deps: ## Install the programs that "make bench" and "make scale" need
	$(call install,$(BENCH_DEPS))

.PHONY: microbench
microbench: ## Run the benchmarks beside the code (BENCH, COUNT), and compare with the file OLD
	mkdir -p bin
	cd tools && GOWORK=off go build -o ../bin/benchstat golang.org/x/perf/cmd/benchstat
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 2h work > bin/bench.txt || { cat bin/bench.txt; exit 1; }
	bin/benchstat $(OLD) bin/bench.txt

.PHONY: cover
cover: ## Write the coverage of all tests to coverage.html
	go test -timeout 20m -coverprofile coverage.out -coverpkg github.com/rosterdns/roster/... work
	go tool cover -func coverage.out | tail -n 1
	go tool cover -html coverage.out -o coverage.html

.PHONY: clean
clean: ## Remove what was built; the data of "make run" stays in data/
	rm -rf bin coverage.out coverage.html
