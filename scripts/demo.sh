#!/bin/sh
# Shows what runs today, on real SIP and the shipped spreadsheet: what an import understands, whether a person may be
# called now, how a debt is spoken, and calls placed through the production stack to a SIP peer on loopback.
set -eu
bin="${1:-target/debug/outdial}"
port="${DEMO_PORT:-15060}"

echo "== the shipped spreadsheet, as an import understands it"
"$bin" import config/demo/prospects.xlsx --dry-run

echo "== may this person be called at 11:30 in Moscow? and at 23:30?"
"$bin" rules check --profile ru_collection --number +74951234567 --at 2026-06-19T08:30:00Z
"$bin" rules check --profile ru_collection --number +74951234567 --at 2026-06-19T20:30:00Z || true

echo "== a debt, as it is spoken"
"$bin" speak --lang ru --currency RUB 21001.05
"$bin" speak --lang en --currency USD 1234.50

echo "== twenty calls to a SIP peer on loopback"
log=$(mktemp -d)
( cd "$log" && exec sipp -sn uas -i 127.0.0.1 -p "$port" -nostdin -m 20 >sipp.log 2>&1 ) &
peer=$!
trap 'kill "$peer" 2>/dev/null || true; rm -rf "$log"' EXIT
"$bin" call --to "sip:+79005550001@127.0.0.1:$port" --calls 20 --rate 10 --hold 1
