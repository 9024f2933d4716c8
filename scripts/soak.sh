#!/bin/sh
# The long form of two tests: kills of the daemon in a busy run, and days on which everything fails in the simulator.
#
#   scripts/soak.sh [FILE]      what was counted also goes to FILE, as Markdown
#
# OUTDIAL_KILLS (50), OUTDIAL_SEEDS (2000) and OUTDIAL_SEED (1) say how much, and which.
set -eu
cd "$(dirname "$0")/.."
export OUTDIAL_KILLS="${OUTDIAL_KILLS:-50}" OUTDIAL_SEEDS="${OUTDIAL_SEEDS:-2000}" OUTDIAL_SEED="${OUTDIAL_SEED:-1}"
cargo=${CARGO:-cargo}
out=${1:-}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

# The status of a test, not of what shows its output.
run() { # NAME COMMAND...
    echo "== $1"
    shift
    { "$@" 2>&1 || echo "FAILED: $*"; } | tee -a "$lines"
    ! grep -q '^FAILED: ' "$lines"
}

good=0
{ run "kills: $OUTDIAL_KILLS" "$cargo" test --locked -p outdial --test crash -- --nocapture &&
    run "seeds: $OUTDIAL_SEEDS" "$cargo" test --locked -p simulator --test invariants -- --nocapture; } ||
    good=1
if [ -n "$out" ]; then
    mkdir -p "$(dirname "$out")"
    {
        echo "# Soak"
        echo
        echo "What \`make soak\` printed on $(date -u +%F) at $(git rev-parse --short HEAD): $OUTDIAL_KILLS kills of the daemon" \
            "(seed $OUTDIAL_SEED), $OUTDIAL_SEEDS bad days in the simulator."
        echo "Machine: $(nproc) processors, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo) of memory," \
            "$(uname -sr)."
        echo
        echo '```'
        grep -E '^(kill |[0-9]+ (calls|outcomes)|test )|FAILED' "$lines" || true
        echo '```'
    } >"$out"
fi
exit $good
