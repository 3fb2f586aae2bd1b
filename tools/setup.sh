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

# Who waits for the demo wants to know soon that there is no index; CI has time for one that stands still.
if [ "${CI:-}" = true ]; then
    patience=
else
    patience='--retries 2 --timeout 15'
fi

pip_install() { pip_run install "$@"; }

pip_run() {
    command=$1
    shift
    # shellcheck disable=SC2086 # several words
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip "$command" --quiet $patience "$@" 2>"$venv/pip.log"
    elif python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip --python "$python" "$command" --quiet $patience "$@" 2>"$venv/pip.log"
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

# The crate of the rustls backend: built once into build/wheels, and again when its sources change. What cargo has compiled
# is kept outside of the tree, so that the next clone on this machine has to compile the crate alone.
rustls_crate() {
    [ "$extra" = docs ] && return
    if ! command -v cargo >/dev/null 2>&1; then
        "$python" -c 'import unitls_rustls' 2>/dev/null || say 'there is no cargo here, so the backend rustls is left out'
        return
    fi
    built=build/wheels/.built
    if [ ! -e "$built" ] || [ -n "$(find rustls -name target -prune -o -type f -newer "$built" -print | head -n 1)" ]; then
        say 'building the crate of the backend rustls (a minute or two, the first time)'
        rm -rf build/wheels
        mkdir -p build/wheels
        if ! CARGO_TARGET_DIR=${UNITLS_CARGO_TARGET:-${XDG_CACHE_HOME:-$HOME/.cache}/unitls/cargo} \
            pip_run wheel --no-deps --wheel-dir build/wheels ./rustls; then
            [ "${CI:-}" = true ] && die "could not build ./rustls: $(why)"
            say "could not build ./rustls, so the backend rustls is left out ($(why))"
            return
        fi
        touch "$built"
    fi
    if [ ! -e "$venv/.installed-rustls" ] || [ "$built" -nt "$venv/.installed-rustls" ]; then
        pip_install --no-deps --force-reinstall build/wheels/*.whl || die "could not install the crate of ./rustls: $(why)"
        touch "$venv/.installed-rustls"
    fi
}

make_venv
if covered "$stamp" || { [ "$extra" = cli ] && covered "$venv/.installed-test"; }; then
    rustls_crate
    exit 0
fi

if pip_install --editable ".[$extra]"; then
    rm -f "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/unitls-sources.pth" "$venv/pip.log"
    touch "$stamp"
    rustls_crate
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
