# shellcheck shell=sh disable=SC2034
# SPDX-License-Identifier: BSD-3-Clause
#
# Everything that comes from outside and changes with time stands here and
# nowhere else: suites, package names, and the versions we tested with.
#
# The archive moves on. Where it gives another version than the tested one,
# the scripts print a visible line and go on; what is cached stays as it is
# until a line here changes.

# Suites to take the newer pieces from, the first that works wins.
SUITES="sid testing"
# Used only when the machine's own apt names no Debian mirror.
DEFAULT_MIRROR="http://deb.debian.org/debian"

# QEMU: the vfio-user client is in 10.1; 10.1.1 is the first we support.
QEMU_MINIMUM="10.1.1"
QEMU_TESTED="11.1.3"
QEMU_PACKAGES="qemu-system-x86 ipxe-qemu"
QEMU_RECIPE=2

# The guest: Debian's prebuilt kernel, and what is compiled against it.
KERNEL_TESTED="7.2.13"
KERNEL_IMAGE="linux-image-amd64"
KERNEL_HEADERS="linux-headers-amd64"
KERNEL_SOURCE="linux-source"
GUEST_PACKAGES="busybox-static pciutils pci.ids"
GUEST_BUILD_PACKAGES="gcc libc6-dev make mawk sed grep findutils tar xz-utils zstd binutils kmod"
# Of Debian's own modules these alone, with what they need.
GUEST_MODULES="vmd irqbypass vfio vfio_iommu_type1 vfio-pci-core vfio-pci dca i2c-algo-bit igb"
GUEST_RECIPE=3

# The emulated host of the machine room: the same kernel, built from its source
# with tests/vm/room/kernel.config.
ROOM_PACKAGES="busybox-static"
ROOM_BUILD_PACKAGES="gcc libc6-dev make bash mawk sed grep findutils diffutils tar gzip xz-utils binutils bison flex bc libelf-dev python3-minimal perl-base"
ROOM_RECIPE=1

# CBMC, for the proofs: in Debian from 13 on.
CBMC_MINIMUM="6.0"
CBMC_TESTED="6.6.0"
CBMC_PACKAGES="cbmc"
CBMC_RECIPE=1

# Tests for other processors: their libraries, of the suite that this machine
# itself is of, because its cross compiler was built against that C library.
FOREIGN_PACKAGES="libc6-dev libcmocka-dev libjson-c-dev zlib1g-dev libpci-dev libbsd-dev libseccomp-dev"
FOREIGN_RECIPE=2

# Another vfio-user server: libvfio-user's samples, of the source that Debian 12's QEMU carries along. Below a mirror.
LIBVFIO_USER_SOURCE="pool/main/q/qemu/qemu_7.2+dfsg.orig.tar.xz"
LIBVFIO_USER_SHA256="91aca71520040edc40b8d437aa3004dae614f58e286cf653ee8996c07af2962f"
LIBVFIO_USER_SAMPLES="server gpio-pci-idio-16"
LIBVFIO_USER_RECIPE=1

# What the host needs, by purpose. "a|b" would stand for the first of two names
# that there is; today all names are the same in Debian 12, 13 and sid.
DEPS_BUILD="meson ninja-build gcc libc6-dev pkg-config libjson-c-dev zlib1g-dev libpci-dev libbsd-dev libseccomp-dev"
DEPS_CHECK="clang g++ libcmocka-dev python3 clang-format pciutils binutils libclang-rt-dev valgrind systemd mandoc"
DEPS_VM="python3 util-linux iproute2 tar xz-utils"
DEPS_FOREIGN="gcc-aarch64-linux-gnu gcc-s390x-linux-gnu qemu-user"
