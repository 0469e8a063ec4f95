# `make run`: the page and the program, then http://localhost:9090.  `make test`: everything.  `make bench`: beside the peers.
CARGO ?= cargo
CHROME ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: run test test-rust test-web test-browser lint web bench fuzz deny

run:
	$(CARGO) run --release

test: lint test-rust test-web test-browser

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

test-rust:
	$(CARGO) test --workspace --quiet

web/node_modules: web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

web: web/node_modules
	cd web && npm run --silent build

test-web: web/node_modules
	cd web && npm run --silent check && npm test --silent

# The page in the real browser, on the real program. Debian's Chromium is installed when it is missing and we may.
test-browser: web/node_modules
	scripts/chromium.sh
	$(CARGO) build
	cd web && node e2e/run.mjs

# Licences, sources and unwanted crates; needs `cargo install cargo-deny`.
deny:
	$(CARGO) deny check bans licenses sources

bench:
	bench/run.sh

fuzz:
	fuzz/run.sh
