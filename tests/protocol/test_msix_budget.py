# SPDX-License-Identifier: BSD-3-Clause
"""How many MSI-X vectors a client has: by the operator's bound, by its own wish, and never more."""

import errno
import os
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from vfio_user import *
from client import GET, PROBE, SET, ByLibrary

MSIX_VECTORS = 0x8001
PAYLOAD = 120
TABLE = 2048


class Budget(ByLibrary, Case):
    FUNC = f"sim:endpoint-test,msix={TABLE}"

    def setUp(self):
        super().setUp()
        self.c = self.client()

    def set(self, vectors):
        self.c.feature_set(MSIX_VECTORS, struct.pack("=I", vectors) + bytes(PAYLOAD - 4))

    def get(self):
        """(vectors, table, ceiling, reason)."""
        answer = self.c.feature_get(MSIX_VECTORS, bytes(PAYLOAD))
        vectors, table, ceiling, reserved = struct.unpack_from("=IIII", answer)
        self.assertEqual(reserved, 0)
        return vectors, table, ceiling, answer[16:].rstrip(b"\0").decode()

    def table_size(self):
        return (self.c.config_read16(self.c.find(0x11).offset + 2) & 0x7ff) + 1

    def place(self, register):
        place = self.c.config_read32(self.c.find(0x11).offset + register)
        return place & 7, place & ~7

    def raise_msix(self, vector):
        self.c.write32(0, EP_IRQ_TYPE, 2)
        self.c.write32(0, EP_IRQ_NUMBER, vector + 1)
        self.c.write32(0, EP_COMMAND, EP_RAISE_MSIX)

    def agrees(self, n):
        """Table Size, the interrupt index and SET_IRQS say the same, and nothing past it fires."""
        self.assertEqual(self.table_size(), n)
        self.assertEqual(self.c.irq_info(MSIX).count, n)
        self.refused(errno.EINVAL, self.c.irq_trigger, MSIX, 0, n + 1)
        if n < TABLE:
            self.refused(errno.EINVAL, self.c.irq_enable, MSIX, n, [self.eventfd()])
        if n < 8:
            self.refused(errno.EINVAL, self.c.irq_enable, MSIX, 0, [self.eventfd() for _ in range(n + 1)])
        self.c.config_write16(4, 6)
        fd = self.eventfd()
        self.c.irq_enable(MSIX, n - 1, [fd])
        bar, table = self.place(4)
        for vector in (n - 1, TABLE - 1):
            entry = struct.pack("<IIII", 0xfee00000, 0, vector, 0)
            self.c.write(bar, table + vector * 16, entry)
            self.assertEqual(self.c.read(bar, table + vector * 16, 16), entry)
        if n < TABLE:
            self.raise_msix(n)
            self.raise_msix(TABLE - 1)
        self.c.info()
        self.assertEqual(count(fd, 0.1), 0)
        self.raise_msix(n - 1)
        self.assertEqual(count(fd, 1), 1)
        bar, pba = self.place(8)
        self.assertEqual(self.c.read(bar, pba, TABLE // 8), bytes(TABLE // 8))


class Free(Budget):
    def test_it_can_be_asked_for(self):
        for flags in (0, GET, SET, GET | SET):
            self.c.feature_probe(MSIX_VECTORS, flags)
            self.assertEqual(self.c.feature(MSIX_VECTORS | PROBE | flags, room=PAYLOAD), b"")

    def test_without_a_bound_all_can_be_had(self):
        self.assertEqual(self.get(), (TABLE, TABLE, TABLE, ""))
        self.agrees(TABLE)

    def test_lowered(self):
        for n in (1, 2, 2047):
            with self.subTest(n=n):
                self.c.close()
                self.c = self.client()
                self.set(n)
                self.assertEqual(self.get(), (n, TABLE, TABLE, ""))
                self.agrees(n)

    def test_the_next_client_has_all(self):
        self.set(3)
        self.assertEqual(self.table_size(), 3)
        self.c.close()
        self.c = self.client()
        self.assertEqual(self.get(), (TABLE, TABLE, TABLE, ""))
        self.assertEqual(self.table_size(), TABLE)

    def test_what_cannot_be(self):
        for n in (0, TABLE + 1, 0xffffffff):
            self.refused(errno.EINVAL, self.set, n)
        self.refused(errno.EINVAL, self.c.feature_set, MSIX_VECTORS, bytes(16))
        self.assertEqual(self.get()[0], TABLE)

    def test_who_has_seen_the_size_keeps_it(self):
        self.table_size()
        self.refused(errno.EBUSY, self.set, 3)
        self.assertRegex(self.get()[3], "told")
        self.set(TABLE)  # what is

    def test_all_of_configuration_space_shows_it_too(self):
        self.c.read(CONFIG, 0, 256)
        self.refused(errno.EBUSY, self.set, 3)

    def test_who_looks_for_a_capability_has_seen_it_too(self):
        self.c.find(1)
        self.refused(errno.EBUSY, self.set, 3)

    def test_who_has_seen_the_count_keeps_it(self):
        self.c.irq_info(MSIX)
        self.refused(errno.EBUSY, self.set, 3)

    def test_other_registers_and_interrupts_do_not_show_it(self):
        self.c.read(CONFIG, 0, 64)
        self.c.irq_info(MSI)
        self.set(3)
        self.assertEqual(self.get()[0], 3)

    def test_who_has_set_something_up_keeps_it(self):
        self.c.irq_enable(MSI, 0, [self.eventfd()])
        self.refused(errno.EBUSY, self.set, 3)
        self.assertRegex(self.get()[3], "set up")


class Bounded(Budget):
    OPTIONS = ("--policy", "msix-vectors=3")

    def test_the_operators_bound(self):
        self.assertEqual(self.get(), (3, TABLE, 3, ""))
        self.agrees(3)

    def test_a_client_gets_no_more(self):
        self.refused(errno.EINVAL, self.set, 4)
        self.set(1)
        self.set(3)
        self.set(2)
        self.agrees(2)


class BoundedLinux(Bounded):
    OPTIONS = ("--policy", "msix-vectors=3", "--profile", "linux")


class Raw(Budget):
    OPTIONS = ("--profile", "raw")

    def test_without_mediation_there_is_no_bound(self):
        vectors, table, ceiling, reason = self.get()
        self.assertEqual((vectors, table, ceiling), (TABLE, TABLE, TABLE))
        self.assertRegex(reason, "mediation")
        self.refused(errno.EOPNOTSUPP, self.set, 3)


class Behind(ByLibrary, Case):
    """A bound below another server's, which has one of its own."""

    FUNC = f"sim:endpoint-test,msix={TABLE}"
    OPTIONS = ("--policy", "msix-vectors=8")

    def test_the_lower_counts(self):
        for n, shown in ((3, 3), (8, 8), (9, 8)):
            with self.subTest(n=n):
                near = Server("vfio-user:" + self.server.path, "--policy", f"msix-vectors={n}")
                self.addCleanup(near.stop)
                client = self.client(near.path)
                self.assertEqual(client.irq_info(MSIX).count, shown)
                self.refused(errno.EINVAL, client.irq_enable, MSIX, shown, [self.eventfd()])
                client.close()
                near.stop()


if __name__ == "__main__":
    unittest.main()
