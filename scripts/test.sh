#!/bin/sh
# All tests: with nextest where it is installed (a retried test counts as failed), else with cargo test.
set -eu
export OUTDIAL_VOICES="${OUTDIAL_VOICES:-$(pwd)/target/voices}"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace
    cargo test --locked --workspace --doc
else
    cargo test --locked --workspace --no-fail-fast
fi
