#!/bin/sh
# Shows that a fresh machine is enough: a Debian 12 with nothing but git, make, a C compiler, curl's certificates and
# the host's Rust toolchain clones the repository and runs `make demo`, then, from another clone, `make test`.
#
#   scripts/bare.sh [REPOSITORY] [TARGET...]     REPOSITORY: path or URL, this one when absent; TARGET: demo test
#
# Needs root and debootstrap. The root lies in BARE_ROOT (default /var/tmp/outdial-bare) and is kept when BARE_KEEP=1.
# DEBIAN_MIRROR names another mirror; the host's apt and cargo settings, proxies among them, hold inside as well.
set -eu

fail() {
    echo "bare: $*" >&2
    exit 1
}

repository=${1:-$(cd "$(dirname "$0")/.." && pwd)}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- demo test
root=${BARE_ROOT:-/var/tmp/outdial-bare}
suite=bookworm
mirror=${DEBIAN_MIRROR:-}

[ "$(id -u)" = 0 ] || fail "debootstrap and chroot need root"
command -v debootstrap >/dev/null || fail "debootstrap is not installed (Debian: apt install debootstrap)"
rustup=${RUSTUP_HOME:-$HOME/.rustup}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
[ -d "$rustup/toolchains" ] || fail "there is no Rust toolchain in $rustup"

# A mirror that the host uses is one that can be reached.
if [ -z "$mirror" ]; then
    mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) '"$suite"' .*/\2/p' \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1)
fi

mounted=""
bind() { # SOURCE TARGET ro|rw
    mkdir -p "$(dirname "$root$2")"
    if [ -d "$1" ]; then mkdir -p "$root$2"; else : >>"$root$2"; fi
    mount --bind "$1" "$root$2"
    [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"
    mounted="$root$2 $mounted"
}
clean_up() {
    for place in $mounted; do umount -l "$place" || echo "bare: $place stays mounted" >&2; done
    # What is still mounted must not be deleted with the root.
    if [ "${BARE_KEEP:-0}" = 1 ] || grep -q " $root/" /proc/mounts; then
        echo "bare: $root is kept"
    else
        rm -rf "$root"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

now() { date +%s; }
began=$(now)
if [ ! -x "$root/usr/bin/git" ]; then
    # debootstrap speaks to the mirror through the proxy of apt, if there is one.
    proxy=$(apt-config dump Acquire::http::Proxy --format '%v%n' 2>/dev/null | head -n 1)
    [ -z "$proxy" ] || export http_proxy="${http_proxy:-$proxy}"
    debootstrap --variant=minbase --include=git,make,gcc,libc6-dev,ca-certificates \
        "$suite" "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
        fail "debootstrap failed; see $root.log"
fi
echo "bare: Debian $(cat "$root/etc/debian_version") made in $(($(now) - began)) s"

# The host's way to the network: a copy, since packages add to these directories.
for settings in /etc/resolv.conf /etc/hosts /etc/apt/apt.conf /etc/apt/apt.conf.d /etc/apt/sources.list.d \
    /etc/apt/sources.list /etc/apt/keyrings /etc/apt/trusted.gpg.d; do
    [ ! -e "$settings" ] || cp -rLT "$settings" "$root$settings"
done
# Whom the host trusts; a copy, for packages that add to the directory.
[ ! -f /etc/ssl/certs/ca-certificates.crt ] ||
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
for certificates in "${SSL_CERT_FILE:-}" "${CARGO_HTTP_CAINFO:-}"; do
    [ -z "$certificates" ] || [ -e "$root$certificates" ] || bind "$certificates" "$certificates" ro
done
# Of the two forms of the list of sources, the one that the host uses.
[ -e /etc/apt/sources.list ] || : >"$root/etc/apt/sources.list"
mount -t proc proc "$root/proc" && mounted="$root/proc $mounted"
bind /dev /dev rw
bind "$rustup" /opt/rustup ro
bind "$cargo_home/bin" /opt/cargo/bin ro
for settings in config.toml config credentials.toml; do
    [ ! -e "$cargo_home/$settings" ] || bind "$cargo_home/$settings" "/opt/cargo/$settings" ro
done
if [ -d "$repository" ]; then
    bind "$repository" /repository ro
    # A worktree's objects lie elsewhere.
    common=$(git -C "$repository" rev-parse --path-format=absolute --git-common-dir)
    case $common in "$repository"/*) ;; *) bind "$common" "$common" ro ;; esac
    source=/repository
else
    source=$repository
fi
branch=$(git -C "$repository" rev-parse HEAD 2>/dev/null || echo HEAD)

# Runs in the root with nothing of the host's environment but the way to the network.
inside() {
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
        PATH=/opt/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        RUSTUP_HOME=/opt/rustup CARGO_HOME=/opt/cargo \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${HTTP_PROXY:+HTTP_PROXY="$HTTP_PROXY"} ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} \
        ${no_proxy:+no_proxy="$no_proxy"} ${SSL_CERT_FILE:+SSL_CERT_FILE="$SSL_CERT_FILE"} \
        ${CARGO_HTTP_CAINFO:+CARGO_HTTP_CAINFO="$CARGO_HTTP_CAINFO"} \
        ${RUSTUP_TOOLCHAIN:+RUSTUP_TOOLCHAIN="$RUSTUP_TOOLCHAIN"} \
        sh -eu -c "$1"
}

failed=0
for target; do
    began=$(now)
    log=$root.$target.log
    echo "bare: make $target from a clean clone, log in $log"
    rm -f "$log.status"
    {
        inside "git config --global --add safe.directory '*'; rm -rf /srv/$target;
            git clone -q $source /srv/$target && cd /srv/$target && git checkout -q $branch && make $target" 2>&1 ||
            echo $? >"$log.status"
    } | while IFS= read -r line; do printf '%5d %s\n' $(($(now) - began)) "$line"; done >"$log"
    if [ ! -e "$log.status" ]; then
        echo "bare: make $target: good, $(($(now) - began)) s from clone to end"
    else
        failed=1
        echo "bare: make $target: FAILED after $(($(now) - began)) s"
        tail -n 20 "$log"
    fi
    if [ "$target" = demo ]; then
        # The demo tells at its end how long it took and when its first call was made.
        times=$(sed -n 's/^ *\([0-9]*\) .*time *\([0-9]*\) s in all, first call after \([0-9]*\).*/\1 - \2 + \3/p' "$log")
        [ -z "$times" ] || echo "bare: first call of the demo $(($times)) s after the clone began"
    fi
done
exit $failed
