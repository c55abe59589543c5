#!/bin/sh
# Writes requirements.lock from pyproject.toml and sandbox/pyproject.toml: what `make lock` runs. Takes options of `uv pip compile`.
#
# One resolution for all, then written in two parts, so that an action can install the first alone.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

uv=$(command -v uv) || {
    "${PYTHON:-python3}" -m venv "$tmp/venv"
    "$tmp/venv/bin/pip" install --quiet uv
    uv=$tmp/venv/bin/uv
}
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate "$@" >/dev/null
}

# What the sandbox needs besides Tidemill itself, which no index has.
sed -n 's/^    "\([^"]*\)",.*/\1/p' sandbox/pyproject.toml | grep -vx tidemill >"$tmp/sandbox.in"
everything="pyproject.toml --group dev $tmp/sandbox.in"

# shellcheck disable=SC2086 # lists of options, here and below
test ! -f requirements.lock || grep -v '^--' requirements.lock >"$tmp/all"
compile $everything --output-file "$tmp/all" "$@"
compile pyproject.toml --constraints "$tmp/all" --output-file "$tmp/runtime"
skip=$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' "$tmp/runtime")
compile --constraints "$tmp/all" $everything $skip --output-file "$tmp/rest"

{
    cat <<'END'
# Made by `make lock` from pyproject.toml and the sandbox's: every package, for Python 3.11 to 3.14 on Linux.
# Everything:     pip install --require-hashes -r requirements.lock
# To run, only:   sed '/^# --- tools/,$d' requirements.lock | pip install --require-hashes -r /dev/stdin
--only-binary :all:

# --- runtime
END
    cat "$tmp/runtime"
    printf '\n# --- tools: for tests, linters, and the examples\n'
    cat "$tmp/rest"
} >requirements.lock
