# "make help" lists the targets. Continuous integration (.ci/run) runs its checks by them.

GOLANGCI_VERSION    := v2.15.0
STATICCHECK_VERSION := v0.8.2
# The newer of the two Go releases that are supported; go.mod names the older.
NEWEST_GO           := go1.27.4

# Modules are found, not listed.
MODULES   := $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path '*/node_modules/*' -not -path '*/testdata/*' | sort))
# Packages whose coverage has a floor, in per cent.
FLOORED   := ./message ./keyjar ./state ./service
FLOOR     := 90
FUZZTIME  ?= 30s
MUTATIONS ?= 100000
BENCH     ?= .

GO  ?= go
BIN := $(CURDIR)/bin

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: check
check: fmt lint tidy race cover ## all of what a change must pass; run it before a commit

.PHONY: fmt
fmt: ## fail when gofmt would change a file
	@files=$$(gofmt -l $$(find . -name '*.go' -not -path '*/node_modules/*' -not -path '*/testdata/*')); \
	if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

.PHONY: lint
lint: vet tools ## go vet, staticcheck and golangci-lint, in every module
	@bad=0; for m in $(MODULES); do \
		echo "lint $$m"; \
		(cd $$m && $(BIN)/staticcheck ./...) || bad=1; \
		(cd $$m && $(BIN)/golangci-lint run --allow-parallel-runners ./...) || bad=1; \
	done; exit $$bad

.PHONY: vet
vet: ## go vet in every module alone, so that each is known to build without the others' checkouts
	@bad=0; for m in $(MODULES); do \
		echo "vet $$m"; \
		(cd $$m && GOWORK=off $(GO) vet ./...) || bad=1; \
	done; exit $$bad

.PHONY: cross
cross: ## build for systems that the tests do not run on: the library where an int has 32 bits, the command line for Windows
	GOARCH=386 $(GO) build ./...
	cd cmd && GOOS=windows $(GO) build ./...

.PHONY: newest
newest: ## test the library and the command line with the newest Go release
	GOTOOLCHAIN=$(NEWEST_GO) $(GO) test ./...
	cd cmd && GOTOOLCHAIN=$(NEWEST_GO) $(GO) test ./...

.PHONY: tidy
tidy: ## fail when a go.mod or go.sum is not tidy
	@bad=0; for m in $(MODULES); do \
		echo "tidy $$m"; \
		(cd $$m && GOWORK=off $(GO) mod tidy -diff) || bad=1; \
	done; exit $$bad

.PHONY: test
test: ## the tests of every module
	$(GO) test work

.PHONY: race
race: ## the same with the race detector, shuffled, and without cached results
	$(GO) test -race -shuffle=on -count=1 work

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	@for m in $(MODULES); do (cd $$m && \
		for p in $$($(GO) list ./...); do \
			for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
				echo "fuzz $$p $$f"; \
				$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
			done; \
		done) || exit 1; \
	done

.PHONY: mutate
mutate: ## 100,000 mutated requests for each endpoint, and responses for the relying party; MUTATIONS is another number
	$(GO) test ./op -run '^TestMutatedRequests$$' -count=1 -timeout 15m -v -mutations $(MUTATIONS)
	$(GO) test ./internal/pair -run '^TestMutatedResponses$$' -count=1 -timeout 15m -v -mutations $(MUTATIONS)

.PHONY: bench
bench: ## the benchmarks that BENCH matches (all)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: load
load: ## what the provider costs beside its floor; fails above the targets
	$(GO) run ./internal/load -gate

.PHONY: cover
cover: ## coverage of each package; fails below the floor
	@$(GO) test -cover ./... > coverage.out || { cat coverage.out; exit 1; }
	@cat coverage.out
	@$(MAKE) --no-print-directory floors REPORT=coverage.out

.PHONY: floors
floors: ## compare a report of "go test -cover" (REPORT) with the floor
	@for p in $(patsubst ./%,%,$(FLOORED)); do \
		awk -v p="$$p" -v floor=$(FLOOR) ' \
			$$2 ~ "/oidc/" p "$$" && match($$0, /coverage: [0-9.]+%/) { \
				found = 1; got = substr($$0, RSTART + 10, RLENGTH - 11); \
				if (got + 0 < floor) { printf "coverage of %s is %s%%, below %d%%\n", p, got, floor; exit 1 } } \
			END { if (!found) { printf "no coverage of %s was measured\n", p; exit 1 } }' $(REPORT) || exit 1; \
	done

.PHONY: golden
golden: ## rewrite the golden files of every package that has some
	@for d in $$(grep -rl --include='*_test.go' --exclude-dir=node_modules 'flag.Bool("update"' . | xargs -n1 dirname | sort -u); do \
		echo "golden $$d"; \
		(cd $$d && $(GO) test . -update) || exit 1; \
	done

.PHONY: docs
docs: ## regenerate the generated pages of docs/
	$(GO) test ./internal/readme -update

.PHONY: demo
demo: ## a demonstration relying party in the browser, with an embedded provider
	$(GO) run ./cmd/oidc demo

.PHONY: tools
tools: $(BIN)/golangci-lint-$(GOLANGCI_VERSION) $(BIN)/staticcheck-$(STATICCHECK_VERSION) ## install the linters into bin/

$(BIN)/golangci-lint-$(GOLANGCI_VERSION):
	GOBIN=$(BIN) GOWORK=off $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@touch $@

$(BIN)/staticcheck-$(STATICCHECK_VERSION):
	GOBIN=$(BIN) GOWORK=off $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@touch $@
