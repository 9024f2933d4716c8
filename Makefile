# Everything is a target here; `make` shows them.
CARGO ?= cargo
VOICES := target/voices

.PHONY: help
help: ## shows this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: ## installs what is missing, builds, and shows what runs today on real SIP and a real spreadsheet
	@scripts/install.sh demo
	$(CARGO) build --locked -p outdial
	scripts/demo.sh target/debug/outdial

.PHONY: test
test: ## installs what is missing and runs all tests
	@scripts/install.sh test
	@scripts/build-voices.sh $(VOICES)
	@scripts/test.sh

.PHONY: check
check: ## formatting, lints, and the core for wasm32
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	rustup target add wasm32-unknown-unknown >/dev/null 2>&1 || true
	$(CARGO) build --locked -p engine -p sip -p media --target wasm32-unknown-unknown

.PHONY: proto-lint
proto-lint: ## lints proto/ with buf, which npm brings
	@scripts/proto-lint.sh

.PHONY: clean-run
clean-run: ## removes what the demo and the tests left behind
	rm -rf $(VOICES) target/tmp
