#!/bin/sh
# Runs the unit tests, the conformance kit on two backends and the adapters on one, on every Python from 3.11 on that is found
# besides the one of .venv.
set -eu

run=${VENV:-.venv}/bin/python
here=none
[ -x "$run" ] && here=$("$run" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
found=0
status=0

candidates() {
    for minor in 11 12 13 14; do
        for path in "$(command -v "python3.$minor" || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin/python; do
            # A launcher without a version behind it does not start.
            if [ -n "$path" ] && "$path" -c "import sys; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
                echo "3.$minor $path"
                break
            fi
        done
    done
}

test_on() {
    venv=build/pythons/$1
    echo "== Python $1"
    PYTHON=$2 VENV=$venv sh tools/setup.sh test || return 1
    spread=$("$venv/bin/python" -c 'import xdist' 2>/dev/null && echo '-n auto --dist worksteal')
    # The libraries bound by cffi are the same for every Python: these two differ from one to the next, and so do asyncio and ssl.
    # shellcheck disable=SC2086
    UNITLS_TEST_ADAPTERS=openssl "$venv/bin/python" -m pytest -q -p no:cacheprovider -m 'not slow' $spread \
        --tls-backend openssl --tls-backend rustls tests/unit tests/conformance tests/adapters
}

list=$(candidates)
while read -r version path; do
    if [ -n "$version" ] && [ "$version" != "$here" ]; then
        found=1
        test_on "$version" "$path" </dev/null || status=1
    fi
done <<END
$list
END
[ "$found" = 1 ] || echo "other-pythons: found none besides $here"
exit $status
