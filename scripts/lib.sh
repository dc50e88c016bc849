# Set-up shared by the commands beside this file. Source it; it changes to the repository's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# One target directory for every checkout, unless the caller names another.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/nextcloud-mcp-server/target}"

ensure_rust() {
  command -v cargo >/dev/null || fail "Rust is missing. Install it from https://rustup.rs, then run this again."
}

postgres_bin_dir() {
  if [ -n "${POSTGRES_BIN_DIR:-}" ]; then echo "$POSTGRES_BIN_DIR"; return; fi
  local found
  found=$(find /usr/lib/postgresql -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] || found=$(command -v initdb || true)
  [ -z "$found" ] || dirname "$(readlink -f "$found")"
}

# Installs the PostgreSQL server binaries where none are found: with apt-get as root, else says what to type.
ensure_postgres() {
  [ -z "$(postgres_bin_dir)" ] || return 0
  command -v apt-get >/dev/null || fail "PostgreSQL's initdb is missing. Install PostgreSQL 15 or newer, or set POSTGRES_BIN_DIR."
  [ "$(id -u)" = 0 ] || fail "PostgreSQL is missing. Type: sudo apt-get install postgresql"
  say "installing PostgreSQL"
  apt-get update -q >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -qy postgresql >&2
  [ -n "$(postgres_bin_dir)" ] || fail "PostgreSQL was installed but initdb is not found; set POSTGRES_BIN_DIR."
}

# Runs a command as an unprivileged user when this is root: PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then
    local user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    (cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@")
  else
    "$@"
  fi
}

# Starts a throw-away cluster for tests, names it in .env, and removes both when the script ends.
start_test_database() {
  ensure_postgres
  local bin dir
  bin=$(postgres_bin_dir)
  dir=$(mktemp -d /tmp/ncmcp-pg.XXXXXX)
  TEST_DATABASE_DIR=$dir
  trap stop_test_database EXIT
  if [ "$(id -u)" = 0 ]; then
    local user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$dir"
  fi
  head -c 24 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' >"$dir.password"
  chmod 644 "$dir.password"
  as_postgres "$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C --auth=scram-sha-256 \
    --pwfile="$dir.password" >/dev/null
  as_postgres "$bin/pg_ctl" -s -w -D "$dir/data" -l "$dir/log" \
    -o "-c listen_addresses='' -c unix_socket_directories=$dir -c max_connections=200 -c fsync=off -c synchronous_commit=off" start
  TEST_DATABASE_URL="postgres://postgres:$(cat "$dir.password")@localhost/postgres?host=$dir"
  # In a file, not in the environment: crates that look at DATABASE_URL would be built anew for every cluster.
  unset DATABASE_URL
  [ ! -e .env ] || fail "remove the file .env: the tests write their own"
  echo "DATABASE_URL=$TEST_DATABASE_URL" >.env
}

stop_test_database() {
  [ -n "${TEST_DATABASE_DIR:-}" ] || return 0
  as_postgres "$(postgres_bin_dir)/pg_ctl" -s -m immediate -D "$TEST_DATABASE_DIR/data" stop >/dev/null 2>&1 || true
  rm -rf "$TEST_DATABASE_DIR" "$TEST_DATABASE_DIR.password" .env
  TEST_DATABASE_DIR=
}
