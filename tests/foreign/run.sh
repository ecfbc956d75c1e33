#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# run.sh ARCH BUILD: the unit and property tests, compiled for arm64 or s390x
# into BUILD and run under qemu-user; TAP on stdout. A machine that cannot have
# the compiler, the emulator or the libraries gets one skipped test that says so.
set -u
cd "$(dirname "$0")/../.." || exit 3
arch=$1 build=$2
case $arch in
arm64) emulator=qemu-aarch64 ;;
*) emulator=qemu-$arch ;;
esac

skip() {
	echo "1..1"
	echo "ok 1 - $arch # SKIP $1"
	exit 0
}

scripts/deps.sh foreign || skip "the cross compiler or qemu-user cannot be installed"
cross=$(scripts/foreign-root.sh "$arch") || skip "the libraries for $arch cannot be had"
log=$build.log
{
	[ -f "$build/build.ninja" ] || meson setup "$build" --cross-file "$cross" --buildtype=debugoptimized
} >"$log" 2>&1 && ninja -C "$build" --quiet >>"$log" 2>&1 || {
	echo "1..1"
	echo "not ok 1 - $arch builds"
	tail -n 15 "$log" | sed 's/^/# /'
	exit 1
}
python3 -B tests/foreign/run.py "$build" "$emulator" "${cross%.cross}"
