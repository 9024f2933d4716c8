# Everything is a target here; `make` shows them.
CARGO ?= cargo
VOICES := target/voices

.PHONY: help
help: ## shows this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: ## installs what is missing, builds, and shows everything at work in about a minute; ARGS="--keep" and the like
	@scripts/install.sh demo
	@scripts/build-voices.sh $(VOICES) ru en
	$(CARGO) build --locked -p outdial
	target/debug/outdial demo --voices $(VOICES) --results target/demo-results $(ARGS)

.PHONY: test
test: ## installs what is missing and runs all tests
	@scripts/install.sh test
	@scripts/build-voices.sh $(VOICES)
	@scripts/test.sh

.PHONY: install
install: ## builds the release and puts it under /usr, with voices and calling rules (as root; DESTDIR=ROOT for a package)
	@scripts/install.sh demo
	@scripts/build-voices.sh $(VOICES)
	$(CARGO) build --locked --release -p outdial
	install -D target/release/outdial $(DESTDIR)/usr/bin/outdial
	install -d $(DESTDIR)/usr/share/outdial $(DESTDIR)/etc/outdial
	cp -R config/profiles $(VOICES) $(DESTDIR)/usr/share/outdial/
	test -e $(DESTDIR)/etc/outdial/outdial.toml \
	  || install -m 640 config/outdial.example.toml $(DESTDIR)/etc/outdial/outdial.toml

.PHONY: check
check: ## formatting, lints, and the core for wasm32
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	rustup target add wasm32-unknown-unknown >/dev/null 2>&1 || true
	$(CARGO) build --locked -p engine -p sip -p media --target wasm32-unknown-unknown

.PHONY: bench
bench: ## measures the release daemon under load; OUTPUT=json for one document
	@scripts/install.sh test
	OUTPUT=$(OUTPUT) $(CARGO) bench --locked -p outdial --bench daemon

.PHONY: proto-lint
proto-lint: ## lints proto/ with buf, which npm brings
	@scripts/proto-lint.sh

.PHONY: soak
soak: ## kills the daemon 50 times in a busy run and simulates 2,000 bad days; OUT=FILE keeps what it counted
	@scripts/install.sh test
	scripts/soak.sh $(OUT)

.PHONY: bare
bare: ## runs make demo and make test on a bare Debian 12, each from a clean clone (as root; needs debootstrap)
	scripts/bare.sh

.PHONY: clean-run
clean-run: ## removes what the demo and the tests left behind
	rm -rf $(VOICES) target/demo-results target/tmp
