#!/usr/bin/env bash
# Runs commands on a bare Debian, as a newcomer would: tests/fresh.sh RELEASE COMMAND...
#
#   tests/fresh.sh bookworm "make demo ARGS=--exit" "make test"
#
# Each command runs in a fresh clone of the last commit, as a user without privileges, in a root file system that has
# python3, python3-venv, make and git. The root is kept in .cache/debian; what the commands leave behind is removed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
release=$1 root=$PWD/.cache/debian/$1
shift

refuse() {
    echo "$1" >&2
    exit 2
}
[ "$(id -u)" = 0 ] || refuse "Only root can make a root file system and enter it: run this as root."
command -v debootstrap >/dev/null || refuse "There is no debootstrap here: apt-get install debootstrap"

# The mounts of debootstrap, and those below, are in a namespace of their own: none can outlive it, and rm follows none.
if [ ! -e "$root" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    rm -rf "$root.part"
    mkdir -p "$root.part"
    echo "Making a bare $release in $root"
    unshare --mount debootstrap --variant=minbase --include=git,make,python3,python3-venv \
        "$release" "$root.part" ${mirror:+"$mirror"} >"$root.log" || refuse "debootstrap failed: see $root.log"
    chroot "$root.part" useradd --uid 1000 --create-home newcomer
    mkdir -p "$root.part/etc/ssl/certs"
    rm -f "$root.part"/var/cache/apt/archives/*.deb
    mv "$root.part" "$root"
fi

home=$(mktemp -d "$PWD/.cache/debian/home.XXXXXX")
trap 'rm -rf "$home"' EXIT
git clone --quiet --no-hardlinks . "$home/trunkline"
mkdir "$home/.config"
# How this machine reaches a package index: pip's and uv's configuration, proxies, certificate authorities.
for folder in pip uv; do
    [ ! -e "$HOME/.config/$folder" ] || cp --recursive "$HOME/.config/$folder" "$home/.config"
    [ ! -e "/etc/$folder" ] || cp --recursive "/etc/$folder" "$root/etc"
done
for file in /etc/pip.conf /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e "$file" ] || cp --dereference "$file" "$root$file"
done
mapfile -d '' variables < <(env -0 | grep -zE '^((PIP|UV)_|SSL_CERT_FILE=|REQUESTS_CA_BUNDLE=|(https?|no)_proxy=)' || true)
chown -R 1000:1000 "$home"

inside='
root=$1 home=$2
shift 2
mount --bind "$home" "$root/home/newcomer"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
exec chroot --userspec=1000:1000 --groups=1000 "$root" env -i HOME=/home/newcomer USER=newcomer PATH=/usr/bin:/bin LANG=C.UTF-8 "$@"
'
for command in "$@"; do
    echo "$release: $command"
    begin=$SECONDS
    unshare --mount --pid --fork --kill-child bash -ec "$inside" inside "$root" "$home" "${variables[@]}" \
        bash -ec "cd ~/trunkline && $command"
    echo "$release: done in $((SECONDS - begin)) s: $command"
done
