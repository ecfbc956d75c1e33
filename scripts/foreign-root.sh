#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# foreign-root.sh arm64|s390x: makes sure that there is a folder with the
# libraries of that processor, to compile against and to run from, and prints
# the path of a Meson cross file for it. Nothing of it is installed here.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

case ${1-} in
arm64) gnu=aarch64-linux-gnu cpu=aarch64 endian=little ;;
s390x) gnu=s390x-linux-gnu cpu=s390x endian=big ;;
*) echo "usage: foreign-root.sh arm64|s390x" >&2 && exit 2 ;;
esac
arch=$1
piece=foreign-$arch

own_suite() {
	local VERSION_CODENAME=
	# shellcheck disable=SC1091
	. /etc/os-release
	echo "${VERSION_CODENAME%%/*}"
}

# Links to absolute paths would lead out of the folder.
relative_links() {
	local root=$1 link target
	find "$root" -type l -lname '/*' | while read -r link; do
		target=$root$(readlink "$link")
		ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$target")" "$link"
	done
}

build_foreign() {
	local folder=$1 packages SUITES
	SUITES=$(own_suite)
	apt_view "$folder/apt" "$arch"
	say "$piece: unpacking the libraries of Debian $SUITE for $arch into the cache"
	read -ra packages <<<"$FOREIGN_PACKAGES"
	unpack_packages "$folder/apt" "$folder" "${packages[@]}"
	relative_links "$folder"
	rm -rf "$folder/apt" "$folder/usr/share/doc" "$folder/usr/share/man" "$folder/usr/share/locale"
	stamp_piece "$folder" "$want" "$arch libraries of $SUITE" usr/include/cmocka.h "usr/lib/$gnu/crt1.o"
}

want="recipe $FOREIGN_RECIPE suite $(own_suite) packages $FOREIGN_PACKAGES"
heal "$piece" "$want" build_foreign
root=$PCIGATE_CACHE/$piece
cross=$PCIGATE_CACHE/$piece.cross
cat >"$cross.new" <<CROSS
[binaries]
c = '$gnu-gcc'
ar = '$gnu-ar'
strip = '$gnu-strip'
pkgconfig = 'pkg-config'
pkg-config = 'pkg-config'
exe_wrapper = ['qemu-$cpu', '-L', '$root']

[properties]
sys_root = '$root'
pkg_config_libdir = ['$root/usr/lib/$gnu/pkgconfig', '$root/usr/share/pkgconfig']

[built-in options]
c_args = ['--sysroot=$root']
c_link_args = ['--sysroot=$root']

[host_machine]
system = 'linux'
cpu_family = '$cpu'
cpu = '$cpu'
endian = '$endian'
CROSS
mv "$cross.new" "$cross"
echo "$cross"
