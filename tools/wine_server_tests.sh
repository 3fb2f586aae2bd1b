#!/usr/bin/env bash
# Runs the server's side of the SChannel backend under Wine 10, which Debian 12 does not have: in a folder with Debian 13,
# made by debootstrap below ~/.cache/unitls (2 GB, 90 seconds when it is made). wine_server_tests.sh [PYTHON]
# It needs root and debootstrap, and the Windows Python that wine_tests.sh has unpacked.
set -euo pipefail
cd "$(dirname "$0")/.."

run=${1:-.venv/bin/python}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/unitls/wine
root=$cache/debian-13
python=$(ls -d "$cache"/python-3.* 2>/dev/null | sort | tail -n 1 || true)

skip() {
    echo "wine: $1, so SChannel's server was not tested" >&2
    exit 0
}
[[ $(id -u) == 0 ]] || skip "only root can change the root folder"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
[[ -n $python ]] || skip "tools/wine_tests.sh has to run first"

mounted() { mountpoint --quiet "$root/$1"; }
inside() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root XDG_RUNTIME_DIR=/tmp DEBIAN_FRONTEND=noninteractive \
        WINEPREFIX=/prefix WINEARCH=win64 WINEDEBUG=-all "WINEDLLOVERRIDES=mscoree=;mshtml=" PYTHONDONTWRITEBYTECODE=1 "$@"
}
leave() {
    inside wineserver -k >/dev/null 2>&1 || true
    for folder in source python proc; do
        if mounted "$folder"; then umount "$root/$folder" || umount --lazy "$root/$folder"; fi
    done
}

make_root() {
    # Never removed while something of the system is mounted below it.
    if mounted proc || mounted source || mounted python; then skip "an earlier run is still mounted"; fi
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    timeout 300 debootstrap --variant=minbase trixie "$root" >"$cache/debian-13.log" 2>&1 || return 1
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    mkdir -p "$root/source" "$root/python" "$root/identities" "$root/prefix"
    mount -t proc proc "$root/proc"
    inside timeout 400 apt-get -qq -y --no-install-recommends install wine wine64 libgnutls30t64 >>"$cache/debian-13.log" 2>&1 ||
        return 1
    touch "$root/complete"
}

trap leave EXIT
[[ -f $root/complete ]] || make_root || { tail -n 5 "$cache/debian-13.log" >&2; skip "Debian 13 could not be had"; }
mounted proc || mount -t proc proc "$root/proc"
mounted source || mount --bind . "$root/source"
mounted python || mount --bind "$python" "$root/python"

PYTHONPATH=src:tests/wine "$run" -c 'import sys, pathlib, peers; peers.write_identities(pathlib.Path(sys.argv[1]))' "$root/identities"
inside timeout 30 wineserver -p </dev/null >/dev/null 2>&1 || true
inside timeout 180 wine wineboot -i </dev/null >/dev/null 2>&1
inside timeout --kill-after=10 300 wine /python/python.exe -X utf8 'Z:\source\tests\wine\server.py' 'Z:\identities' \
    </dev/null 2>&1 | { grep -v -e '^GnuTLS error:' -e '^TLS secrets are written' || true; }
