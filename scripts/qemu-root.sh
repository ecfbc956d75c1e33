#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes sure that there is a QEMU with the vfio-user client, and prints the
# path of the program to run. The system's own is taken when it is new enough;
# else one of a newer suite is unpacked into the cache, where it runs by its
# own loader and installs nothing on this machine.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

qemu_version() { "$1" --version 2>/dev/null | sed -n '1s/.*version \([0-9.]*\).*/\1/p'; }

# usable QEMU: version and device are there.
usable() {
	local version
	version=$(qemu_version "$1") && [ -n "$version" ] && version_at_least "$version" "$QEMU_MINIMUM" &&
		"$1" -machine none -device help 2>/dev/null | grep -q '"vfio-user-pci"'
}

write_wrapper() { # PATH: finds its root beside itself, so the cache may move
	cat >"$1" <<'WRAPPER'
#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
root=$(dirname "$(dirname "$(readlink -f "$0")")")
lib=$root/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR="$lib/qemu"
exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib:$root/usr/lib" \
	"$root/usr/bin/${0##*/}" \
	-L "$root/usr/share/qemu" -L "$root/usr/share/seabios" -L "$root/usr/lib/ipxe/qemu" "$@"
WRAPPER
	chmod 755 "$1"
}

build_qemu() {
	local folder=$1 version packages
	[ "$(dpkg --print-architecture)" = amd64 ] || cannot "QEMU from a newer suite is unpacked on amd64 only; install QEMU $QEMU_MINIMUM or newer"
	apt_view "$folder/apt"
	version=$(view_version qemu-system-x86)
	say "qemu: unpacking $version from Debian $SUITE into the cache"
	note_version QEMU "$version" "$QEMU_TESTED"
	read -ra packages <<<"$QEMU_PACKAGES"
	unpack_packages "$folder/apt" "$folder" "${packages[@]}"
	rm -rf "$folder/apt" "$folder/usr/share/doc" "$folder/usr/share/locale" "$folder/usr/share/man"
	mkdir -p "$folder/wrapper"
	write_wrapper "$folder/wrapper/qemu-system-x86_64"
	usable "$folder/wrapper/qemu-system-x86_64" || cannot "QEMU $version of Debian $SUITE does not run here or lacks vfio-user-pci"
	stamp_piece "$folder" "$QEMU_WANT" "qemu $version from $SUITE" \
		usr/bin/qemu-system-x86_64 usr/lib/x86_64-linux-gnu/libc.so.6 usr/share/seabios/bios-256k.bin wrapper/qemu-system-x86_64
}

system=$(command -v qemu-system-x86_64 || true)
if [ -n "$system" ] && usable "$system"; then
	note_version QEMU "$(qemu_version "$system")" "$QEMU_TESTED"
	qemu=$system
else
	QEMU_WANT="recipe $QEMU_RECIPE suites $SUITES packages $QEMU_PACKAGES tested $QEMU_TESTED"
	heal qemu "$QEMU_WANT" build_qemu
	qemu=$PCIGATE_CACHE/qemu/wrapper/qemu-system-x86_64
fi
mkdir -p "$PCIGATE_CACHE/bin"
ln -sfn "$qemu" "$PCIGATE_CACHE/bin/qemu-system-x86_64"
echo "$PCIGATE_CACHE/bin/qemu-system-x86_64"
