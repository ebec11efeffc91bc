# Bundy: build, try, test. Every target works on a fresh Debian machine with Go; as root, what is missing is installed
# from Debian's packages, otherwise the target says what is missing.
GO      ?= go
export PATH := $(PATH):/usr/sbin:/sbin
BIN     := bin
LINKS   := bundyctl bundy-loadzone bundy-dbutil bundy-cmdctl-usermgr bundy-certgen bundy-kea-config bundy-ha-notify
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test unit suites race race-unit lint reference demo run bench bench-auth bench-dhcp bench-ddns clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/bundy ./cmd/bundy
	@for name in $(LINKS); do ln -sf bundy $(BIN)/$$name; done

# All tests: units, and whole suites in both placements.
test: lint
	tools/need test
	GO=$(GO) tools/test -timeout 30m ./internal/... ./cmd/...
	GO=$(GO) tools/test -timeout 30m $(PARALLEL) ./test

# Whole suites spend much of their time waiting for processes and clocks: more of them at once than processors.
PARALLEL := -parallel 4

suites:
	tools/need test
	GO=$(GO) tools/test -timeout 30m $(PARALLEL) ./test

unit:
	GO=$(GO) tools/test ./internal/... ./cmd/...

race:
	tools/need race
	GORACE=atexit_sleep_ms=0 GO=$(GO) tools/test -race -timeout 30m ./...

race-unit:
	tools/need race
	GORACE=atexit_sleep_ms=0 GO=$(GO) tools/test -race -timeout 30m ./internal/... ./cmd/...

lint:
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# The generated part of the documentation; a test fails when it is out of date.
reference: build
	$(BIN)/bundy bundy-reference docs/reference

# The main job end to end, in network namespaces of its own. Needs root.
demo: build
	tools/need demo
	test/demo/demo

# The same suite unprivileged on high ports of loopback, with an example zone.
run: build
	test/demo/run

# Benchmarks of our own code, then side by side with Debian's peers in one run.
bench: build
	tools/need bench
	BUNDY_BENCH=1 $(GO) test -run '^TestPeers$$' -v -count=1 -timeout 30m ./test

# The authoritative server beside nsd and knotd in one run: load, CPU for a query, latency, memory, reload.
bench-auth: build
	tools/need bench-auth
	BUNDY_BENCH=1 $(GO) test -run '^TestAuthPeers$$' -v -count=1 -timeout 30m ./test

# The DHCP servers beside kea in one run: rate, CPU for a lease, start with a million leases. Needs root.
bench-dhcp: build
	tools/need bench-dhcp
	BUNDY_BENCH=1 $(GO) test -run '^TestDHCPPeers$$' -v -count=1 -timeout 30m ./test

# Names from leases: ACK to name, CPU for a request beside kea-dhcp-ddns with named as the target, 100,000 leases at once.
bench-ddns: build
	tools/need bench-ddns
	BUNDY_BENCH=1 $(GO) test -run '^TestDDNSPeers$$' -v -count=1 -timeout 30m ./test

clean:
	rm -rf $(BIN)
