#!/bin/sh
# Lints proto/ with buf (rules: proto/buf.yaml). buf comes from npm into target/npm; the registry is tried three times.
set -eu
cd "$(dirname "$0")/.."
version=1.75.0
buf=target/npm/node_modules/.bin/buf

[ "$("$buf" --version 2>/dev/null || true)" = "$version" ] || {
    scripts/install.sh lint
    for try in 1 2 3; do
        # Its install scripts do nothing that Linux needs: the binary is a package of its own.
        npm install --prefix target/npm --no-save --no-audit --no-fund --ignore-scripts "@bufbuild/buf@$version" && break
        echo "npm failed (try $try of 3)" >&2
        [ "$try" -lt 3 ] || { echo "could not install buf $version; proto/ was not linted" >&2; exit 1; }
    done
}
cd proto
exec "../$buf" lint --error-format=text
