# vulora: `make` builds bin/vulora, `make demo` runs it, `make test` tests it; each does its own set-up.

SHELL   = bash
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)
BUILD    = $(GO) build -trimpath -ldflags '$(LDFLAGS)'

.PHONY: all build demo test test-amx test-coopmat deps lint shaders static release bench fuzz clean

all: build

build: ## bin/vulora: needs Go and a C compiler, no Vulkan SDK
	$(BUILD) -o bin/vulora ./cmd/vulora

demo: build ## train the embedded model on 54 rows and ask it before and after
	bin/vulora demo

test: deps ## every test, Vulkan ones on whatever driver there is
	$(GO) vet ./...
	@set -o pipefail; $(GO) test -timeout 20m -v ./... 2>&1 | awk -f .ci/report.awk
	$(GO) test -timeout 20m -race ./autograd ./tensor/cpu ./tensor/gpu ./vk ./qwen2/tokenizer
	VULORA_STRESS=20 GODEBUG=clobberfree=1 MALLOC_PERTURB_=165 $(GO) test -count=1 -run TestGarbageCollectionStress ./vk
	CGO_ENABLED=0 $(GO) build -tags novulkan -o /dev/null ./cmd/vulora

test-amx: ## the CPU device's tests with AMX tiles, which an emulator computes; Linux on a processor with AVX512_BF16
	mkdir -p bin
	$(CC) -O2 -o bin/amx-emulate .ci/amx/emulate.c -lm
	$(GO) test -c -o bin/cpu.test ./tensor/cpu
	cd tensor/cpu && VULORA_AMX=emulated ../../bin/amx-emulate ../../bin/cpu.test -test.run 'AMX|BF16|Linear|Pairs'

test-coopmat: ## products of matrices, on the software device of a newer Mesa in a root of its own: needs to be root
	GO='$(GO)' .ci/coopmat test

# A Vulkan driver for machines without a GPU. Elsewhere than on Debian and Ubuntu it says what is missing.
deps:
	@if [ "$$VULORA_TEST_VULKAN" = off ]; then \
	  echo "VULORA_TEST_VULKAN=off: nothing is tested on Vulkan"; \
	elif ls /usr/share/vulkan/icd.d /etc/vulkan/icd.d 2>/dev/null | grep -q json && PATH="$$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q libvulkan.so.1; then \
	  :; \
	elif command -v apt-get >/dev/null; then \
	  echo "installing a software Vulkan driver: mesa-vulkan-drivers libvulkan1"; \
	  S=$$( [ "$$(id -u)" = 0 ] || echo sudo ); \
	  $$S apt-get update -qq && $$S apt-get install -y -qq --no-install-recommends mesa-vulkan-drivers libvulkan1; \
	else \
	  echo "no Vulkan driver found: install one (Mesa's lavapipe will do), or set VULORA_TEST_VULKAN=off to test without"; exit 1; \
	fi

lint: ## formatting and static analysis
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

# Those with matrices need a newer glslc: make shaders VULORA_MATRIX_TOOLS='.ci/coopmat run' takes that of test-coopmat.
shaders: ## recompile shaders/*.comp; needs glslc and spirv-val
	$(GO) run ./shaders/build

static: ## bin/vulora-static: the CPU device only, no libc
	CGO_ENABLED=0 $(BUILD) -tags novulkan -o bin/vulora-static ./cmd/vulora

release: ## dist/: linux amd64 and arm64, windows amd64; the last two need cross compilers
	GOOS=linux GOARCH=amd64 $(BUILD) -o dist/vulora-linux-amd64 ./cmd/vulora
	CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc GOOS=linux GOARCH=arm64 $(BUILD) -o dist/vulora-linux-arm64 ./cmd/vulora
	CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc GOOS=windows GOARCH=amd64 $(BUILD) -o dist/vulora-windows-amd64.exe ./cmd/vulora

bench: ## the op table's rows, timed
	$(GO) test -run '^$$' -bench . ./tensor/... ./bench/...

FUZZTIME ?= 60s
fuzz: ## every fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; \
	done

clean:
	rm -rf bin dist
