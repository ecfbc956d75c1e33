#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes sure that there is a CBMC, and prints the path of the program to run. The
# system's own is taken when it is new enough; else one of a newer suite is
# unpacked into the cache, where it runs by its own loader. The compiler that it
# calls to preprocess is the machine's own.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

cbmc_version() { "$1" --version 2>/dev/null | sed -n '1s/^\([0-9.]*\).*/\1/p'; }

usable() {
	local version
	version=$(cbmc_version "$1") && [ -n "$version" ] && version_at_least "$version" "$CBMC_MINIMUM"
}

write_wrapper() { # PATH: finds its root beside itself, so the cache may move
	cat >"$1" <<'WRAPPER'
#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
root=$(dirname "$(dirname "$(readlink -f "$0")")")
lib=$root/usr/lib/x86_64-linux-gnu
exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib:$root/usr/lib" "$root/usr/bin/${0##*/}" "$@"
WRAPPER
	chmod 755 "$1"
}

build_cbmc() {
	local folder=$1 version packages
	[ "$(dpkg --print-architecture)" = amd64 ] || cannot "CBMC from a newer suite is unpacked on amd64 only; install CBMC $CBMC_MINIMUM or newer"
	apt_view "$folder/apt"
	version=$(view_version cbmc)
	say "cbmc: unpacking $version from Debian $SUITE into the cache"
	note_version CBMC "$version" "$CBMC_TESTED"
	read -ra packages <<<"$CBMC_PACKAGES"
	unpack_packages "$folder/apt" "$folder" "${packages[@]}"
	mkdir -p "$folder/wrapper"
	write_wrapper "$folder/wrapper/cbmc"
	usable "$folder/wrapper/cbmc" || cannot "CBMC $version of Debian $SUITE does not run here"
	rm -rf "$folder/apt" "$folder/usr/share" "$folder/usr/include"
	stamp_piece "$folder" "$CBMC_WANT" "cbmc $version from $SUITE" \
		usr/bin/cbmc usr/lib/x86_64-linux-gnu/libc.so.6 wrapper/cbmc
}

system=$(command -v cbmc || true)
if [ -n "$system" ] && usable "$system"; then
	note_version CBMC "$(cbmc_version "$system")" "$CBMC_TESTED"
	cbmc=$system
else
	CBMC_WANT="recipe $CBMC_RECIPE suites $SUITES packages $CBMC_PACKAGES tested $CBMC_TESTED"
	heal cbmc "$CBMC_WANT" build_cbmc
	cbmc=$PCIGATE_CACHE/cbmc/wrapper/cbmc
fi
mkdir -p "$PCIGATE_CACHE/bin"
ln -sfn "$cbmc" "$PCIGATE_CACHE/bin/cbmc"
echo "$PCIGATE_CACHE/bin/cbmc"
