#!/bin/sh
# Runs the conformance kit against the TLS libraries of Debian trixie, in a chroot: trixie_tests.sh [--help] [BACKEND...]
set -eu

usage() {
    cat <<END
Usage: tools/trixie_tests.sh [--fresh] [BACKEND...] [-- PYTEST ARGUMENT...]

Runs the conformance kit against the TLS libraries of Debian trixie, for each BACKEND (gnutls, nss, mbedtls and wolfssl if
none is named), and the tests of forks on all of them. Root is needed, and the package debootstrap. The chroot is made once
and kept for the next run; the mounts that a run needs are its own, and end with it.

  --fresh       make the chroot anew, with the packages of today
  --help        show this

Environment:
  CHROOT        where the chroot is kept; ${XDG_CACHE_HOME:-~/.cache}/unitls/trixie if not set
  MIRROR        a mirror of Debian; if not set, the one in /etc/apt on Debian, and debootstrap's own elsewhere
END
}

fail() {
    echo "trixie: $*" >&2
    exit 1
}

fresh=
backends=
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --fresh) fresh=yes ;;
        --) shift; break ;;
        -*) usage >&2; exit 2 ;;
        *) backends="$backends $1" ;;
    esac
    shift
done
backends=${backends:-gnutls nss mbedtls wolfssl}

root=$(cd "$(dirname "$0")/.." && pwd)
chroot=${CHROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/unitls/trixie}
packages="python3 python3-cffi-backend python3-pytest python3-cryptography python3-idna ca-certificates
    libgnutls30t64 libnss3 libmbedtls21 ^libwolfssl42(t64)?\$"

[ "$(id -u)" = 0 ] || fail "a chroot needs root"
command -v debootstrap >/dev/null || fail "debootstrap is not installed: apt-get install debootstrap"

mirror() {
    grep -q '^ID=debian' /etc/os-release || return 0
    sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb \(\[[^]]*\] \)\{0,1\}\(http[^ ]*\) .*/\2/p' \
        /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1
}

make_chroot() {
    from=${MIRROR:-$(mirror)}
    mkdir -p "$(dirname "$chroot")"
    new=$(mktemp -d "$chroot.XXXXXX")
    trap 'rm -rf --one-file-system "$new"' EXIT
    trap 'exit 1' HUP INT TERM
    echo "trixie: making $chroot"
    {
        debootstrap --variant=minbase trixie "$new" $from &&
            printf 'exit 101\n' >"$new/usr/sbin/policy-rc.d" && chmod +x "$new/usr/sbin/policy-rc.d" &&
            DEBIAN_FRONTEND=noninteractive chroot "$new" apt-get -q install -y --no-install-recommends $packages &&
            chroot "$new" apt-get clean
    } >"$chroot.log" 2>&1 </dev/null || { tail -n 20 "$chroot.log" >&2; fail "it could not be made; see $chroot.log"; }
    rm -rf --one-file-system "$chroot"
    chmod 755 "$new"
    mv "$new" "$chroot"
    trap - EXIT
}

# In a mount namespace of its own: however it ends, its mounts end with it, and the chroot can be removed.
# shellcheck disable=SC2016 # the inner shell expands these
inside='
set -eu
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/tmp"
mkdir -p "$1/mnt/unitls"
mount --bind "$2" "$1/mnt/unitls"
mount -o remount,bind,ro "$1/mnt/unitls"
chroot=$1
shift 2
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/mnt/unitls/src HOME=/tmp \
    chroot "$chroot" sh -c "cd /tmp && exec \"\$@\"" sh python3 -m pytest -q -p no:cacheprovider -p unitls.testing.pytest_plugin \
    -c /dev/null --noconftest --rootdir /mnt/unitls "$@"
'
run() {
    unshare --mount --propagation private sh -c "$inside" sh "$chroot" "$root" "$@" || status=1
}

[ -z "$fresh" ] && [ -d "$chroot" ] || make_chroot
chroot "$chroot" dpkg-query -W -f '${Package} ${Version}\n' 'libgnutls30*' libnss3 'libmbedtls2*' 'libwolfssl4*' |
    sed -n 's/^\(.* [^ ].*\)/trixie: \1/p'
status=0
for backend in $backends; do
    echo "== $backend"
    run /mnt/unitls/src/unitls/testing/test_conformance.py --tls-backend "$backend" "$@"
done
echo "== forks"
run /mnt/unitls/tests/conformance/test_fork.py
exit $status
