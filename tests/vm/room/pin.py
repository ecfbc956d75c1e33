# SPDX-License-Identifier: BSD-3-Clause
"""How long one DMA_MAP of a guest's memory takes, and what it is made of. Runs in the room.

    python3 pin.py direct /dev/vfio/devices/vfioN MIB [MIB…]    ioctls on the device file, as a VMM makes them itself
    python3 pin.py through SOCKET MIB [MIB…]                    DMA_MAP to a vfio-user server

One line a size and kind of memory: seconds to allocate it (0: left to the map), to map, to map again, to unmap.
Kinds: "lazy" (memfd as it comes), "prealloc" (all pages there before), "huge" (hugetlb, prealloc) where pages are free.
"""

import fcntl
import mmap
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
from client import Client  # pylint: disable=wrong-import-position

VFIO_BIND, VFIO_ATTACH = 0x3b00 + 118, 0x3b00 + 119
IOAS_ALLOC, IOAS_UNMAP, IOAS_MAP_FILE = 0x3b81, 0x3b86, 0x3b8f
FIXED, WRITABLE, READABLE = 1, 2, 4
HUGE_PAGE = 2 << 20
POPULATE_WRITE = 23
IOVA = 4 << 30  # above the hole for interrupts, as most of a large guest is


class Direct:
    """The kernel's own doors."""

    def __init__(self, path):
        self.device, self.iommufd = os.open(path, os.O_RDWR), os.open("/dev/iommu", os.O_RDWR)
        self._call(self.device, VFIO_BIND, struct.pack("=IIiI", 16, 0, self.iommufd, 0))
        self.ioas = struct.unpack("=III", self._call(self.iommufd, IOAS_ALLOC, struct.pack("=III", 12, 0, 0)))[2]
        self._call(self.device, VFIO_ATTACH, struct.pack("=III", 12, 0, self.ioas))

    @staticmethod
    def _call(fd, number, arguments):
        arguments = bytearray(arguments)
        fcntl.ioctl(fd, number, arguments)
        return bytes(arguments)

    def map(self, iova, size, fd):
        self._call(self.iommufd, IOAS_MAP_FILE, struct.pack("=IIIiQQQ", 40, FIXED | WRITABLE | READABLE, self.ioas, fd,
                                                            0, size, iova))

    def unmap(self, iova, size):
        self._call(self.iommufd, IOAS_UNMAP, struct.pack("=IIQQ", 24, self.ioas, iova, size))


class Through:
    """A server that asks the kernel for us."""

    def __init__(self, path):
        self.client = Client(path, timeout_ms=600000)

    def map(self, iova, size, fd):
        self.client.dma_map(iova, size, fd)

    def unmap(self, iova, size):
        self.client.dma_unmap(iova, size)


def huge_pages_free():
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("HugePages_Free"))


def timed(call, *arguments):
    began = time.monotonic()
    call(*arguments)
    return time.monotonic() - began


def populate(fd, size):
    """As prealloc=on of QEMU: every page is touched. (fallocate() is not the same: such pages are cleared later.)"""
    with mmap.mmap(fd, size) as memory:
        memory.madvise(POPULATE_WRITE)


def measure(way, mib, kind):
    size = mib << 20
    flags = os.MFD_HUGETLB if kind == "huge" else 0
    fd = os.memfd_create("guest", os.MFD_CLOEXEC | flags)
    os.ftruncate(fd, size)
    try:
        allocated = timed(populate, fd, size) if kind != "lazy" else 0.0
        mapped = timed(way.map, IOVA, size, fd)
        unmapped = timed(way.unmap, IOVA, size)
        again = timed(way.map, IOVA, size, fd)
        way.unmap(IOVA, size)
    finally:
        os.close(fd)
    print(f"{kind} mib={mib} allocate={allocated:.3f} map={mapped:.3f} unmap={unmapped:.3f} again={again:.3f}",
          flush=True)


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("direct", "through"):
        sys.exit(__doc__)
    way = {"direct": Direct, "through": Through}[sys.argv[1]](sys.argv[2])
    for mib in map(int, sys.argv[3:]):
        for kind in "lazy", "prealloc":
            measure(way, mib, kind)
        if huge_pages_free() >= mib * (1 << 20) // HUGE_PAGE:
            measure(way, mib, "huge")


main()
