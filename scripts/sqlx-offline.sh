#!/usr/bin/env bash
# Writes .sqlx: the database's answers about every query of `store`, against which a build without a
# database checks them. Starts a throw-away Postgres, applies the migrations, compiles the crate once.
# Usage: scripts/sqlx-offline.sh          (writes)
#        scripts/sqlx-offline.sh --check  (fails when what is committed is not what would be written)
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "no Postgres binaries found; apt install postgresql-15" >&2; exit 1; }

dir=$(mktemp -d)
as=()
if [ "$(id -u)" = 0 ]; then
    # initdb and postgres refuse to run as root.
    chown postgres "$dir"
    as=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
stop() {
    "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || echo "postgres was not running" >&2
    rm -rf "$dir"
}
trap stop EXIT
cd "$dir"
"${as[@]}" "$bin/initdb" -D "$dir/data" -U outdial --auth=trust --no-sync --locale=C.UTF-8 -E UTF8 >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w \
    -o "-k $dir -c listen_addresses='' -c fsync=off" start >/dev/null
cd - >/dev/null
export PGHOST=$dir PGUSER=outdial
createdb checked
for migration in crates/shell/store/migrations/*.sql; do
    psql -q -v ON_ERROR_STOP=1 -d checked -f "$migration"
done

fresh=$dir/sqlx
mkdir "$fresh"
touch crates/shell/store/src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$fresh DATABASE_URL="postgres://outdial@localhost/checked?host=$dir" \
    cargo check --quiet -p store --all-targets

if [ "${1:-}" = --check ]; then
    diff -r .sqlx "$fresh" || { echo ".sqlx is out of date; run scripts/sqlx-offline.sh" >&2; exit 1; }
else
    rm -rf .sqlx
    cp -r "$fresh" .sqlx
    echo "$(find .sqlx -name '*.json' | wc -l) queries written"
fi
