#!/bin/sh
# Runs the unit tests and the conformance kit on every Python from 3.11 on that is found besides the one of .venv.
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
    "$venv/bin/python" -m pytest -q -p no:cacheprovider -m 'not slow' tests/unit tests/conformance
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
