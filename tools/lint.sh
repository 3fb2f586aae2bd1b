#!/bin/sh
# ruff and mypy, by the Python that is named, and rustfmt and clippy where they are: lint.sh PYTHON. Without ruff or mypy it says
# so, and with CI=true that is an error.
set -eu

run=$1
status=0

has() {
    "$run" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)" && return 0
    echo "lint: $1 is not installed, so it was not run" >&2
    [ "${CI:-}" = true ] && status=1
    return 1
}

if has ruff; then
    "$run" -m ruff check --quiet . || status=1
    "$run" -m ruff format --check --quiet . || { echo 'lint: run ruff format' >&2; status=1; }
fi
if has mypy; then
    "$run" -m mypy --no-error-summary || status=1
fi
if command -v cargo >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then
    # What the crate's build has compiled is used again.
    export CARGO_TARGET_DIR="${UNITLS_CARGO_TARGET:-${XDG_CACHE_HOME:-$HOME/.cache}/unitls/cargo}"
    (cd rustls && cargo fmt --check >/dev/null) || { echo 'lint: run cargo fmt in rustls/' >&2; status=1; }
    (cd rustls && cargo clippy --release --locked --quiet -- -D warnings) || status=1
fi
exit $status
