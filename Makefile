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
install: ## builds the release and puts it under /usr, with voices, calling rules and the systemd units (as root; DESTDIR=ROOT for a package)
	@scripts/install.sh demo
	@scripts/build-voices.sh $(VOICES)
	$(CARGO) build --locked --release -p outdial
	install -D target/release/outdial $(DESTDIR)/usr/bin/outdial
	install -d $(DESTDIR)/usr/share/outdial $(DESTDIR)/etc/outdial
	cp -R config/profiles $(VOICES) $(DESTDIR)/usr/share/outdial/
	test -e $(DESTDIR)/etc/outdial/outdial.toml \
	  || install -m 640 config/outdial.example.toml $(DESTDIR)/etc/outdial/outdial.toml
	install -D -m 644 -t $(DESTDIR)/usr/lib/systemd/system deploy/systemd/outdial.service \
	  deploy/systemd/outdial-backup.service deploy/systemd/outdial-backup.timer
	install -D -m 644 deploy/systemd/outdial.sysusers $(DESTDIR)/usr/lib/sysusers.d/outdial.conf
	@# The service runs as its own user, who must be able to read the configuration. A package does this itself.
	test -n "$(DESTDIR)" || ! command -v systemd-sysusers >/dev/null \
	  || { systemd-sysusers outdial.conf && chgrp outdial /etc/outdial/outdial.toml; }
	test -n "$(DESTDIR)" || ! test -d /run/systemd/system || systemctl daemon-reload

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
