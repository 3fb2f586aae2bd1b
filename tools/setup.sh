#!/bin/sh
# Makes the virtual environment and installs the package with an extra into it: setup.sh cli|test|docs
#
# A second run is quick: a stamp says what is there, and holds until pyproject.toml changes. What cannot be installed is
# said in one line, and no stamp is set, so that the next run tries again. With CI=true it is an error.
set -eu

extra=$1
venv=${VENV:-.venv}
python=$venv/bin/python
stamp=$venv/.installed-$extra

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_new_enough "$PYTHON" || die "$PYTHON is not Python 3.11 or newer"
        echo "$PYTHON"
        return
    fi
    for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if is_new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    die "found no Python 3.11 or newer; name one: make PYTHON=/path/to/python ..."
}

make_venv() {
    if [ -x "$python" ] && is_new_enough "$python"; then
        return
    fi
    found=$(find_python)
    "$found" -m venv --clear "$venv" >/dev/null 2>&1 && return
    # Some systems ship venv without pip (Debian: the package python3-venv). The demo does not need pip.
    "$found" -m venv --clear --without-pip "$venv" || die "could not make $venv with $found"
}

pip_install() {
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install --quiet --retries 2 --timeout 15 "$@" 2>"$venv/pip.log"
    elif python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip --python "$python" install --quiet --retries 2 --timeout 15 "$@" 2>"$venv/pip.log"
    else
        echo "there is no pip; on Debian and Ubuntu install python3-venv" >"$venv/pip.log"
        return 1
    fi
}

# The first thing that pip, or a build that it started, calls an error.
why() { { grep 'ERROR: ' "$venv/pip.log" || cat "$venv/pip.log"; } | head -n 1 | sed 's/^ *ERROR: //' | cut -c 1-160; }

# Without an index the sources are used as they are.
use_sources() {
    site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$python" -c 'import unitls' 2>/dev/null || echo "$PWD/src" >"$site/unitls-sources.pth"
}

covered() {
    [ -e "$1" ] && [ -z "$(find pyproject.toml -newer "$1")" ]
}

make_venv
covered "$stamp" && exit 0
[ "$extra" = cli ] && covered "$venv/.installed-test" && exit 0

if pip_install --editable ".[$extra]"; then
    rm -f "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/unitls-sources.pth" "$venv/pip.log"
    touch "$stamp"
    exit 0
fi
reason=$(why)
use_sources
[ "${CI:-}" = true ] && die "could not install .[$extra]: $reason"
case $extra in
    cli) say "could not install rich, cryptography and trustme; going on without them ($reason)" ;;
    *) "$python" -c 'import pytest, pytest_timeout, hypothesis' 2>/dev/null \
        && say "could not install everything of .[$extra]; going on with what is there ($reason)" && exit 0
       die "could not install .[$extra] ($reason)" ;;
esac
