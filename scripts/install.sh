#!/bin/sh
# Installs what is missing of the Debian packages that Outdial needs. Usage: install.sh demo|test|lint
# Root or sudo is needed only when something is missing. apt sometimes fails once: it is tried three times.
set -eu

case "${1:-demo}" in
demo) wanted="postgresql:initdb espeak-ng:espeak-ng sox:sox" ;;
test) wanted="postgresql:initdb espeak-ng:espeak-ng sox:sox sip-tester:sipp baresip-core:baresip python3-grpc-tools:python3-grpc-tools openssl:openssl systemd:systemd-analyze libfaketime:libfaketime" ;;
lint) wanted="npm:npm" ;;
*) echo "usage: $0 demo|test|lint" >&2; exit 2 ;;
esac

there() {
    case "$1" in
    initdb) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 ;;
    libfaketime) ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 ;;
    python3-grpc-tools) /usr/bin/python3 -c 'import grpc, grpc_tools' >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=""
for pair in $wanted; do
    there "${pair#*:}" || missing="$missing ${pair%%:*}"
done
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
echo "installing:$missing"
for try in 1 2 3; do
    if $as_root apt-get update -q &&
        DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends $missing; then
        exit 0
    fi
    echo "apt failed (try $try of 3)" >&2
done
echo "could not install:$missing; install these packages by hand and run again" >&2
exit 1
