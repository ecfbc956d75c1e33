# SPDX-License-Identifier: BSD-3-Clause
"""Resizable BARs over vfio-user: the size that a guest writes is the size of the region that its client is told of."""

import errno
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from vfio_user import CONFIG, Case, Server
from client import ByLibrary

ID_REBAR = 0x15
BAR, MIB = 2, 1 << 20
FUNCTION = "sim:endpoint-test,bars=auto/-/1M:mem64:prefetch,rebar=2:1M/4M/64M"
COMMAND, MEMORY = 4, 2
REGION_MMAP = 4
GUARDED = ("--policy", "rebar=on")


class Rebar(ByLibrary, Case):
    FUNC = FUNCTION
    OPTIONS = GUARDED

    def setUp(self):
        super().setUp()
        self.c = self.client()
        self.at = self.c.find(ID_REBAR, extended=True).offset

    def size(self, client=None):
        """As its capability has it, and as sizing the BAR finds it: the same."""
        c = client or self.c
        control = c.read32(CONFIG, self.at + 8)
        low, high = (c.read32(CONFIG, 0x10 + 4 * n) for n in (BAR, BAR + 1))
        for n in (BAR, BAR + 1):
            c.write32(CONFIG, 0x10 + 4 * n, 0xffffffff)
        mask = c.read32(CONFIG, 0x10 + 4 * BAR) & ~15 | c.read32(CONFIG, 0x14 + 4 * BAR) << 32
        c.write32(CONFIG, 0x10 + 4 * BAR, low)
        c.write32(CONFIG, 0x14 + 4 * BAR, high)
        size = MIB << (control >> 8 & 0x3f)
        self.assertEqual((1 << 64) - mask, size)
        return size

    def resize(self, n, client=None):
        (client or self.c).write32(CONFIG, self.at + 8, 0x20 | BAR | n << 8)

    def region(self, client=None):
        region = (client or self.c).region_init(BAR)
        self.addCleanup(self.c.region_finish, region)
        return region

    def agrees(self, size, client=None):
        self.assertEqual(self.size(client), size)
        self.assertEqual(self.region(client).size, size)


class Resized(Rebar):
    def test_what_is_offered(self):
        self.assertEqual(self.c.read32(CONFIG, self.at + 4), (1 | 4 | 64) << 4)
        self.agrees(MIB)

    def test_up_to_the_end(self):
        self.resize(6)
        self.agrees(64 * MIB)
        self.c.config_write16(COMMAND, MEMORY)
        self.c.write32(BAR, 64 * MIB - 4, 0x600dcafe)
        self.assertEqual(self.c.read32(BAR, 64 * MIB - 4), 0x600dcafe)
        self.refused(errno.EINVAL, self.c.read, BAR, 64 * MIB, 4)

    def test_what_is_mapped_is_the_new_one(self):
        self.resize(6)
        region = self.region()
        self.assertEqual(region.flags & REGION_MMAP, REGION_MMAP)
        self.assertEqual(os.fstat(region.fds[0]).st_size, 64 * MIB)
        self.c.config_write16(COMMAND, MEMORY)
        with self.c.region_map(region, 0, region.size) as view:
            view[-4:] = b"last"
            self.assertEqual(self.c.read(BAR, region.size - 4, 4), b"last")

    def test_down_again(self):
        self.resize(6)
        region = self.region()
        old = self.c.region_map(region, 0, region.size)
        self.addCleanup(old.close)
        self.c.config_write16(COMMAND, MEMORY)
        self.c.write32(BAR, 0, 0x11223344)
        self.c.config_write16(COMMAND, 0)
        self.resize(2)
        self.agrees(4 * MIB)
        self.c.config_write16(COMMAND, MEMORY)
        # Its contents are lost, and what was mapped before shows nothing of it.
        self.assertEqual(self.c.read32(BAR, 0), 0)
        old[0:4] = b"old!"
        self.assertEqual(self.c.read32(BAR, 0), 0)
        self.refused(errno.EINVAL, self.c.read, BAR, 4 * MIB, 4)
        self.refused(errno.EINVAL, self.c.read, BAR, 4 * MIB - 2, 4)
        self.refused(errno.EINVAL, self.c.write, BAR, 64 * MIB - 4, bytes(4))

    def test_not_while_memory_is_on(self):
        self.c.config_write16(COMMAND, MEMORY)
        self.resize(6)
        self.assertTrue(self.server.said("while memory is on"))
        self.agrees(MIB)
        self.c.config_write16(COMMAND, 0)
        self.resize(6)
        self.agrees(64 * MIB)

    def test_not_to_what_is_not_there(self):
        for n in [*range(64)]:
            if n not in (0, 2, 6):
                self.resize(n)
        self.assertTrue(self.server.said("not on offer"))
        self.agrees(MIB)

    def test_a_reset_keeps_it(self):
        self.resize(2)
        self.c.reset()
        self.agrees(4 * MIB)
        self.c.config_write16(COMMAND, MEMORY)
        self.c.write32(BAR, 4 * MIB - 4, 7)
        self.assertEqual(self.c.read32(BAR, 4 * MIB - 4), 7)

    def test_it_goes_with_its_client(self):
        self.resize(6)
        self.region()
        self.c.close()
        second = self.client()
        self.agrees(MIB, second)
        second.config_write16(COMMAND, MEMORY)
        self.refused(errno.EINVAL, second.read, BAR, MIB, 4)
        self.assertEqual(second.read32(BAR, MIB - 4), 0)

    def test_again_and_again(self):
        before = self.server.fds()
        for n in (6, 2, 0, 6, 0) * 20:
            self.resize(n)
            self.region()
        self.assertLessEqual(self.server.fds(), before + 2)
        self.agrees(MIB)


class Strict(Resized):
    OPTIONS = (*GUARDED, "--profile", "strict")


class Truthful(Rebar):
    """Without the policy."""

    OPTIONS = ()

    def test_the_size_that_is_there(self):
        self.assertEqual(self.c.read32(CONFIG, self.at + 4), 1 << 4)
        self.resize(2)
        self.agrees(MIB)


class Behind(Rebar):
    """Another server's function: a client of it does not resize, and says so."""

    def setUp(self):
        super().setUp()
        self.c.close()
        self.near = Server("vfio-user:" + self.server.path, *GUARDED)
        self.addCleanup(self.near.stop)
        self.c = self.client(self.near.path)

    def test_it_has_the_size_it_has(self):
        self.assertEqual(self.c.read32(CONFIG, self.at + 4), 1 << 4)
        self.assertTrue(self.near.said("cannot resize"))
        self.resize(2)
        self.agrees(MIB)


class Raw(Rebar):
    """Hardware's own registers: what it does shows in the regions."""

    OPTIONS = ("--profile", "raw")

    def test_hardware_resizes(self):
        self.resize(6)
        region = self.region()
        self.assertEqual(region.size, 64 * MIB)
        self.assertEqual(os.fstat(region.fds[0]).st_size, 64 * MIB)
        self.resize(0)
        self.assertEqual(self.region().size, MIB)


if __name__ == "__main__":
    unittest.main()
