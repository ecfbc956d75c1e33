#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes sure that there is a kernel for the machine room's emulated host, and
# prints the folder it is in:
#   kernel           what QEMU's -kernel takes; boots the guests inside, too
#   bzImage          the same, packed, for programs that want that
#   config release   of the kernel
#   busybox          static, for initramfs archives
#
# Debian's prebuilt kernels have neither iommufd nor VFIO's device files, so
# this one is built from Debian's kernel source with the options of
# tests/vm/room/kernel.config, in a throw-away root with the matching compiler:
# about ten minutes on two cores. Nothing is installed on this machine.
# shellcheck disable=SC2016 source=lib.sh
. "$(dirname "$0")/lib.sh"

OPTIONS=$(dirname "$SCRIPTS")/tests/vm/room/kernel.config

# The source, without the bulk that this kernel never looks at.
unpack_source() { # DEB ROOT
	local tarball
	tarball=$(dpkg-deb --fsys-tarfile "$1" | tar t 2>/dev/null | grep '/linux-source-[0-9.]*\.tar\.xz$')
	mkdir -p "$2/build/linux"
	dpkg-deb --fsys-tarfile "$1" | tar xO "$tarball" |
		enter_root "$2" sh -c 'xz -dc -T0 | tar x -C /build/linux --strip-components=1 --no-same-owner \
			--exclude="*/Documentation/devicetree" --exclude="*/arch/arm*/boot/dts" \
			--exclude="*/drivers/gpu/drm/amd/include"'
}

# make_kernel ROOT TARGET...: make inside the root; the log stays in /build/log.
make_kernel() {
	local root=$1
	shift
	enter_root "$root" nice make -C /build/linux ARCH=x86_64 KBUILD_BUILD_USER=pcigate KBUILD_BUILD_HOST=room \
		KBUILD_BUILD_TIMESTAMP=@0 LOCALVERSION=-room -j"$(nproc)" "$@" >"$root/build/log" 2>&1 || {
		tail -n 20 "$root/build/log" >&2
		return 1
	}
}

# Every line of the options file holds in the kernel's own configuration.
check_options() { # CONFIG
	local line name lost=
	while read -r line; do
		case $line in
		CONFIG_*) grep -qxF "$line" "$1" || lost+=" $line" ;;
		'# CONFIG_'*' is not set')
			name=${line#\# }
			! grep -q "^${name%% *}=" "$1" || lost+=" ${name%% *}=n"
			;;
		esac
	done <"$OPTIONS"
	[ -z "$lost" ] || cannot "this kernel does not take these options of tests/vm/room/kernel.config:$lost"
}

build_room() {
	local folder=$1 root=$1/root version source packages linux=$1/root/build/linux
	[ "$(dpkg --print-architecture)" = amd64 ] || cannot "the machine room is built on amd64 only"
	apt_view "$folder/apt"
	version=$(view_version "$KERNEL_SOURCE")
	say "room: fetching the source of kernel $version and a compiler from Debian $SUITE"
	note_version "the room's kernel" "$version" "$KERNEL_TESTED"
	source=$(view_depends "$KERNEL_SOURCE" '^linux-source-[0-9]')
	read -ra packages <<<"$ROOM_PACKAGES $ROOM_BUILD_PACKAGES"
	unpack_packages "$folder/apt" "$root" dash coreutils "${packages[@]}"
	ln -sf mawk "$root/usr/bin/awk"
	[ -e "$root/usr/bin/sh" ] || ln -s dash "$root/usr/bin/sh"
	(cd "$folder/apt" && apt-get "${APT_VIEW[@]}" download "$source" >"$folder/apt/log" 2>&1)
	say "room: unpacking"
	unpack_source "$folder"/apt/linux-source-*.deb "$root"

	say "room: compiling the kernel (about ten minutes on two cores)"
	make_kernel "$root" tinyconfig
	cat "$OPTIONS" >>"$linux/.config"
	make_kernel "$root" olddefconfig
	check_options "$linux/.config"
	make_kernel "$root" bzImage
	enter_root "$root" strip --strip-all -o /build/kernel /build/linux/vmlinux
	cp "$root/build/kernel" "$folder/kernel"
	cp "$linux/arch/x86/boot/bzImage" "$folder/bzImage"
	cp "$linux/.config" "$folder/config"
	cp "$linux/include/config/kernel.release" "$folder/release"
	find "$root/usr/bin" -name busybox -exec cp {} "$folder/busybox" \;
	rm -rf "$root" "$folder/apt"
	stamp_piece "$folder" "$ROOM_WANT" "linux $version from $SUITE" kernel bzImage config busybox
	say "room: ready"
}

ROOM_WANT="recipe $ROOM_RECIPE options $(sha256sum <"$OPTIONS" | cut -c 1-16) suites $SUITES kernel $KERNEL_SOURCE"
ROOM_WANT+=" tested $KERNEL_TESTED packages $ROOM_PACKAGES $ROOM_BUILD_PACKAGES"
heal room "$ROOM_WANT" build_room
echo "$PCIGATE_CACHE/room"
