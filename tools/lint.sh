#!/bin/sh
# ruff and mypy, by the Python that is named: lint.sh PYTHON. One that is not installed is said, and with CI=true an error.
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
exit $status
