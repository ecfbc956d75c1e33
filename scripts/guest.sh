#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes sure that there is a Linux guest, and prints the folder it is in:
#   kernel           what QEMU's -kernel takes
#   initramfs.cpio   busybox, lspci, setpci, the driver, its selftest, our own driver, VFIO and a few modules more
#   config release   of the kernel
#   src/             the kernel's driver and selftest that were compiled
#
# The kernel is Debian's prebuilt one. Debian leaves out one driver that we
# need, drivers/misc/pci_endpoint_test.c: it is compiled from Debian's kernel
# source against Debian's kernel headers, in a throw-away root with the
# matching compiler. Nothing is installed on this machine.
# shellcheck disable=SC2016 source=lib.sh
. "$(dirname "$0")/lib.sh"

TREE=$(dirname "$SCRIPTS")
LIB=usr/lib/x86_64-linux-gnu

# First package of the list; empty is an error of the archive.
one_of() { [ -n "${1:-}" ] && printf '%s\n' "$1"; }

# fetch FOLDER PACKAGE...: downloads them alone, without what they depend on.
fetch() {
	local folder=$1
	shift
	(cd "$folder" && apt-get "${APT_VIEW[@]}" download "$@" >"$folder/log" 2>&1) ||
		{
			tail -n 3 "$folder/log" >&2
			return 1
		}
}

# The files of the kernel source that are compiled, into FOLDER.
unpack_source() { # DEB ROOT FOLDER
	local tarball
	tarball=$(dpkg-deb --fsys-tarfile "$1" | tar t 2>/dev/null | grep '/linux-source-[0-9.]*\.tar\.xz$')
	mkdir -p "$2/build/src"
	dpkg-deb --fsys-tarfile "$1" | tar xO "$tarball" |
		enter_root "$2" sh -c 'xz -dc -T0 | tar x -C /build/src --strip-components=1 --wildcards \
			"*/drivers/misc/pci_endpoint_test.c" "*/include/uapi/linux/pcitest.h" \
			"*/tools/testing/selftests/pci_endpoint" "*/tools/testing/selftests/kselftest*.h"'
}

# QEMU can start an uncompressed kernel without its slow unpacking stage.
unpack_kernel() { # VMLINUZ ROOT OUT
	local setup offset length
	setup=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1")
	offset=$(od -An -tu4 -j $((0x248)) -N 4 "$1")
	length=$(od -An -tu4 -j $((0x24c)) -N 4 "$1")
	# The last four bytes are the unpacked size, not part of the stream.
	dd if="$1" of="$2/build/payload" iflag=skip_bytes,count_bytes status=none bs=1M \
		skip=$(((setup + 1) * 512 + offset)) count=$((length - 4))
	if enter_root "$2" zstd -dqcf /build/payload >"$3" 2>/dev/null && [ "$(dd if="$3" bs=1 skip=1 count=3 status=none)" = ELF ]; then
		return
	fi
	say "NOTE: the kernel is not zstd-compressed; the guest boots the packed image (a second slower)"
	cp "$1" "$3"
}

# compile ROOT RELEASE
compile() {
	local headers=/usr/src/linux-headers-$2
	ln -sf mawk "$1/usr/bin/awk"
	mkdir -p "$1/build/module"
	cp "$1/build/src/drivers/misc/pci_endpoint_test.c" "$TREE"/tests/vm/guest/*.c "$1/build/module/"
	echo 'obj-m := pci_endpoint_test.o pcigate_vectors.o' >"$1/build/module/Kbuild"
	enter_root "$1" sh -c "make -s -C $headers M=/build/module modules &&
		strip --strip-debug /build/module/*.ko &&
		gcc -O2 -static -I/build/src/tools/testing/selftests -o /build/pci_endpoint_selftest \
			/build/src/tools/testing/selftests/pci_endpoint/pci_endpoint_test.c" >"$1/build/log" 2>&1 || {
		tail -n 20 "$1/build/log" >&2
		return 1
	}
}

# The few of Debian's modules that the guest needs, beside our own.
take_modules() { # IMAGE ROOT
	local name file
	for name in $GUEST_MODULES; do
		file=$(find "$1" \( -name "$name.ko" -o -name "$name.ko.xz" \) -print -quit)
		[ -n "$file" ] || say "NOTE: this kernel has no module $name; what needs it will say so"
		[ -z "$file" ] || cp "$file" "$2/build/module/"
	done
	enter_root "$2" sh -c 'find /build/module -name "*.ko.xz" -exec xz -d {} +'
}

# What the guest's root file system holds, into /build/initramfs of ROOT.
fill_initramfs() { # ROOT RELEASE
	local root=$1 tree=$1/build/initramfs modules=usr/lib/modules/$2 name library
	mkdir -p "$tree"/{bin,dev,proc,sys,tmp,run,root,etc,lib64,usr/share/misc} "$tree/$LIB" "$tree/$modules/extra"
	ln -s bin "$tree/sbin"
	ln -s usr/lib "$tree/lib"
	ln -s ../bin "$tree/usr/bin"
	ln -s ../bin "$tree/usr/sbin"
	for name in busybox lspci setpci; do
		find "$root/usr/bin" "$root/usr/sbin" -name "$name" -exec cp {} "$tree/bin/$name" \;
	done
	for name in $("$tree/bin/busybox" --list); do
		[ -e "$tree/bin/$name" ] || ln -s busybox "$tree/bin/$name"
	done
	for name in lspci setpci; do
		enter_root "$root" "/$LIB/ld-linux-x86-64.so.2" --list "/usr/bin/$name"
	done |
		sed -n 's|.*/\(lib[^ /]*\.so[^ ]*\) (.*|\1|p' | sort -u |
		while read -r library; do cp -L "$root/$LIB/$library" "$tree/$LIB/"; done
	cp -L "$root/$LIB/ld-linux-x86-64.so.2" "$tree/lib64/"
	cp "$root/usr/share/misc/pci.ids" "$tree/usr/share/misc/"
	cp "$root/build/pci_endpoint_selftest" "$tree/bin/"
	cp "$root"/build/module/*.ko "$tree/$modules/extra/"
	cp "$root/usr/lib/modules/$2"/modules.* "$tree/$modules/"
	enter_root "$root" /usr/sbin/depmod -b /build/initramfs "$2"
	cp "$TREE/tests/vm/init" "$tree/init"
	chmod 755 "$tree/init"
}

build_guest() {
	local folder=$1 root=$1/root image version release source packages
	[ "$(dpkg --print-architecture)" = amd64 ] || cannot "the guest is built on amd64 only"
	apt_view "$folder/apt"
	version=$(view_version "$KERNEL_IMAGE")
	say "guest: fetching kernel $version, its headers and a compiler from Debian $SUITE"
	note_version "the guest's kernel" "$version" "$KERNEL_TESTED"
	image=$(one_of "$(view_depends "$KERNEL_IMAGE" '^linux-image-[0-9]')")
	release=${image#linux-image-}
	source=$(one_of "$(view_depends "$KERNEL_SOURCE" '^linux-source-[0-9]')")
	read -ra packages <<<"$GUEST_PACKAGES $GUEST_BUILD_PACKAGES $KERNEL_HEADERS"
	unpack_packages "$folder/apt" "$root" dash coreutils "${packages[@]}"
	mkdir -p "$root/build"

	# The image is one package or several, by suite.
	fetch "$folder/apt" "$image" "$source"
	read -ra packages <<<"$(view_depends "$image" "^linux-(binary|base|modules)-${release//+/\\+}\$" | tr '\n' ' ')"
	[ ${#packages[@]} -eq 0 ] || fetch "$folder/apt" "${packages[@]}"

	say "guest: unpacking"
	find "$folder/apt" -maxdepth 1 -name 'linux-*.deb' ! -name 'linux-source*' -print0 |
		xargs -0 -n 1 sh -c 'dpkg-deb -x "$1" "$0"' "$folder/image"
	find "$folder/image" \( -name vmlinuz -o -name 'vmlinuz-*' \) -type f -exec cp {} "$folder/vmlinuz" \;
	find "$folder/image" "$root/usr/lib/modules" \( -name config -o -name 'config-*' \) -type f -exec cp {} "$folder/config" \;
	echo "$release" >"$folder/release"
	unpack_kernel "$folder/vmlinuz" "$root" "$folder/kernel"
	unpack_source "$folder"/apt/linux-source-*.deb "$root" "$folder/src"
	cp -r "$root/build/src" "$folder/src"

	say "guest: compiling the endpoint test driver and its selftest"
	compile "$root" "$release"
	take_modules "$folder/image" "$root"
	fill_initramfs "$root" "$release"
	python3 "$TREE/tests/vm/cpio.py" "$root/build/initramfs" "$folder/initramfs.cpio"
	rm -rf "$root" "$folder/apt" "$folder/image"
	stamp_piece "$folder" "$GUEST_WANT" "linux $version ($release) from $SUITE" kernel initramfs.cpio vmlinuz config
	say "guest: ready"
}

GUEST_WANT="recipe $GUEST_RECIPE init $(cat "$TREE/tests/vm/"{init,cpio.py,guest/*.c} | sha256sum | cut -c 1-16)"
GUEST_WANT+=" suites $SUITES kernel $KERNEL_IMAGE tested $KERNEL_TESTED packages $GUEST_PACKAGES $GUEST_BUILD_PACKAGES"
GUEST_WANT+=" modules $GUEST_MODULES"
heal guest "$GUEST_WANT" build_guest
echo "$PCIGATE_CACHE/guest"
