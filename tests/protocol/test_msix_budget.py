# SPDX-License-Identifier: BSD-3-Clause
"""How many MSI-X vectors a client has: by the operator's bound, by its own wish, and never more."""

import errno
import os
import struct
import unittest

from vfio_user import *

DEVICE_FEATURE = 16
GET, SET, PROBE = 1 << 16, 1 << 17, 1 << 18
MSIX_VECTORS = 0x8001
PAYLOAD = 120
TABLE = 2048


class Budget(Case):
    FUNC = f"sim:endpoint-test,msix={TABLE}"

    def setUp(self):
        super().setUp()
        self.c = self.client()

    def feature(self, flags, vectors=0, client=None):
        payload = struct.pack("=IIII", vectors, 0, 0, 0) + bytes(PAYLOAD - 16)
        return (client or self.c).call(DEVICE_FEATURE, struct.pack("=II", 8 + PAYLOAD, MSIX_VECTORS | flags) + payload).body

    def get(self, client=None):
        """(vectors, table, ceiling, reason)."""
        answer = self.feature(GET, client=client)
        self.assertEqual(len(answer), 8 + PAYLOAD)
        vectors, table, ceiling, reserved = struct.unpack_from("=IIII", answer, 8)
        self.assertEqual(reserved, 0)
        return vectors, table, ceiling, answer[24:].rstrip(b"\0").decode()

    def table_size(self):
        return (struct.unpack("<H", self.c.read(CONFIG, self.c.capability(0x11) + 2, 2))[0] & 0x7ff) + 1

    def place(self, register):
        place = struct.unpack("<I", self.c.read(CONFIG, self.c.capability(0x11) + register, 4))[0]
        return place & 7, place & ~7

    def raise_msix(self, vector):
        self.c.write32(0, EP_IRQ_TYPE, 2)
        self.c.write32(0, EP_IRQ_NUMBER, vector + 1)
        self.c.write32(0, EP_COMMAND, EP_RAISE_MSIX)

    def agrees(self, n):
        """Table Size, the interrupt index and SET_IRQS say the same, and nothing past it fires."""
        self.assertEqual(self.table_size(), n)
        self.assertEqual(self.c.irq_info(MSIX)[3], n)
        self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | TRIGGER, MSIX, n, 1, fds=[self.eventfd()])
        self.refused(errno.EINVAL, self.c.set_irqs, NONE | TRIGGER, MSIX, 0, n + 1)
        if n < 8:
            self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | TRIGGER, MSIX, 0, n + 1,
                         fds=[self.eventfd() for _ in range(n + 1)])
        self.c.command(6)
        fd = self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, n - 1, 1, fds=[fd])
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
            answer = self.c.call(DEVICE_FEATURE, struct.pack("=II", 8, MSIX_VECTORS | PROBE | flags)).body
            self.assertEqual(answer, struct.pack("=II", 8, MSIX_VECTORS | PROBE | flags))

    def test_without_a_bound_all_can_be_had(self):
        self.assertEqual(self.get(), (TABLE, TABLE, TABLE, ""))
        self.agrees(TABLE)

    def test_lowered(self):
        for n in (1, 2, 2047):
            with self.subTest(n=n):
                self.c.close()
                self.c = self.client()
                self.feature(SET, n)
                self.assertEqual(self.get(), (n, TABLE, TABLE, ""))
                self.agrees(n)

    def test_the_next_client_has_all(self):
        self.feature(SET, 3)
        self.assertEqual(self.table_size(), 3)
        self.c.close()
        self.c = self.client()
        self.assertEqual(self.get(), (TABLE, TABLE, TABLE, ""))
        self.assertEqual(self.table_size(), TABLE)

    def test_what_cannot_be(self):
        for n in (0, TABLE + 1, 0xffffffff):
            self.refused(errno.EINVAL, self.feature, SET, n)
        self.refused(errno.EINVAL, self.c.call, DEVICE_FEATURE,
                     struct.pack("=II", 8 + 16, MSIX_VECTORS | SET) + bytes(16))
        self.assertEqual(self.get()[0], TABLE)

    def test_who_has_seen_the_size_keeps_it(self):
        self.table_size()
        self.refused(errno.EBUSY, self.feature, SET, 3)
        self.assertRegex(self.get()[3], "told")
        self.feature(SET, TABLE)  # what is

    def test_all_of_configuration_space_shows_it_too(self):
        self.c.read(CONFIG, 0, 256)
        self.refused(errno.EBUSY, self.feature, SET, 3)

    def test_who_has_seen_the_count_keeps_it(self):
        self.c.irq_info(MSIX)
        self.refused(errno.EBUSY, self.feature, SET, 3)

    def test_other_registers_and_interrupts_do_not_show_it(self):
        self.c.read(CONFIG, 0, 64)
        self.c.irq_info(MSI)
        self.feature(SET, 3)
        self.assertEqual(self.get()[0], 3)

    def test_who_has_set_something_up_keeps_it(self):
        self.c.set_irqs(EVENTFD | TRIGGER, MSI, 0, 1, fds=[self.eventfd()])
        self.refused(errno.EBUSY, self.feature, SET, 3)
        self.assertRegex(self.get()[3], "set up")


class Bounded(Budget):
    OPTIONS = ("--policy", "msix-vectors=3")

    def test_the_operators_bound(self):
        self.assertEqual(self.get(), (3, TABLE, 3, ""))
        self.agrees(3)

    def test_a_client_gets_no_more(self):
        self.refused(errno.EINVAL, self.feature, SET, 4)
        self.feature(SET, 1)
        self.feature(SET, 3)
        self.feature(SET, 2)
        self.agrees(2)


class BoundedLinux(Bounded):
    OPTIONS = ("--policy", "msix-vectors=3", "--profile", "linux")


class Raw(Budget):
    OPTIONS = ("--profile", "raw")

    def test_without_mediation_there_is_no_bound(self):
        vectors, table, ceiling, reason = self.get()
        self.assertEqual((vectors, table, ceiling), (TABLE, TABLE, TABLE))
        self.assertRegex(reason, "mediation")
        self.refused(errno.EOPNOTSUPP, self.feature, SET, 3)


class Behind(Case):
    """A bound below another server's, which has one of its own."""

    FUNC = f"sim:endpoint-test,msix={TABLE}"
    OPTIONS = ("--policy", "msix-vectors=8")

    def test_the_lower_counts(self):
        for n, shown in ((3, 3), (8, 8), (9, 8)):
            with self.subTest(n=n):
                near = Server("vfio-user:" + self.server.path, "--policy", f"msix-vectors={n}")
                self.addCleanup(near.stop)
                client = Client(near)
                self.assertEqual(client.irq_info(MSIX)[3], shown)
                self.refused(errno.EINVAL, client.set_irqs, EVENTFD | TRIGGER, MSIX, shown, 1, fds=[self.eventfd()])
                client.close()
                near.stop()


if __name__ == "__main__":
    unittest.main()
