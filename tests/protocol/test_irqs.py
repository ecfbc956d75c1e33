# SPDX-License-Identifier: BSD-3-Clause
"""SET_IRQS as VFIO has it, and what comes out of the eventfds."""

import errno
import os
import socket
import struct
import time
import unittest

from vfio_user import *


class Irqs(Case):
    def setUp(self):
        super().setUp()
        self.c = self.client()
        self.c.command(6)

    def raise_irq(self, kind, number, command):
        self.c.write32(0, EP_IRQ_TYPE, kind)
        self.c.write32(0, EP_IRQ_NUMBER, number)
        self.c.write32(0, EP_COMMAND, command)

    def intx(self):
        self.raise_irq(0, 0, EP_RAISE_INTX)

    def msix(self, vector):
        self.raise_irq(2, vector + 1, EP_RAISE_MSIX)

    def enable_msix(self):
        """MSI-X Enable, as a client does that keeps the table to itself."""
        self.c.write(CONFIG, self.c.capability(0x11) + 2, b"\0\x80")
        table = struct.unpack("<I", self.c.read(CONFIG, self.c.capability(0x11) + 4, 4))[0]
        for vector in range(32):
            self.c.write32(table & 7, (table & ~7) + vector * 16 + 12, 0)


class Matrix(Irqs):
    def test_intx(self):
        fd = self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, INTX, 0, 1, fds=[fd])
        self.intx()
        self.assertEqual(count(fd, 1), 1)

    def test_intx_is_masked_until_it_is_unmasked(self):
        fd = self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, INTX, 0, 1, fds=[fd])
        self.intx()
        self.assertEqual(count(fd, 1), 1)
        self.intx()
        self.assertEqual(count(fd), 0)
        self.c.set_irqs(NONE | UNMASK, INTX, 0, 1)
        self.assertEqual(count(fd, 1), 1)
        self.c.set_irqs(NONE | UNMASK, INTX, 0, 1)
        self.c.set_irqs(NONE | MASK, INTX, 0, 1)
        self.intx()
        self.assertEqual(count(fd), 0)
        self.c.set_irqs(BOOL | UNMASK, INTX, 0, 1, b"\0")
        self.assertEqual(count(fd), 0)
        self.c.set_irqs(BOOL | UNMASK, INTX, 0, 1, b"\1")
        self.assertEqual(count(fd, 1), 1)

    def test_intx_resample_eventfd(self):
        fd, resample = self.eventfd(), self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, INTX, 0, 1, fds=[fd])
        self.c.set_irqs(EVENTFD | UNMASK, INTX, 0, 1, fds=[resample])
        for _ in range(20):
            self.intx()
            self.assertEqual(count(fd, 1), 1)
            self.intx()
            self.assertEqual(count(fd), 0)
            os.eventfd_write(resample, 1)
            self.assertEqual(count(fd, 1), 1)
            os.eventfd_write(resample, 1)
            self.c.info()
        # Without a descriptor it is taken away again.
        self.c.set_irqs(EVENTFD | UNMASK, INTX, 0, 1)
        self.intx()
        self.assertEqual(count(fd, 1), 1)
        self.intx()
        os.eventfd_write(resample, 1)
        self.assertEqual(count(fd, 0.1), 0)

    def test_resample_works_when_others_read_it_too(self):
        fd, resample = self.eventfd(), self.eventfd(0, 0)
        self.c.set_irqs(EVENTFD | TRIGGER, INTX, 0, 1, fds=[fd])
        self.c.set_irqs(EVENTFD | UNMASK, INTX, 0, 1, fds=[resample])
        for _ in range(100):
            os.eventfd_write(resample, 1)
            count(resample)
        self.assertEqual(self.c.info()[2:], (9, 5))

    def test_resample_needs_intx(self):
        self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | UNMASK, INTX, 0, 1, fds=[self.eventfd()])

    def test_trigger_by_message(self):
        fds = [self.eventfd() for _ in range(4)]
        self.c.set_irqs(EVENTFD | TRIGGER, MSI, 0, 4, fds=fds)
        self.c.set_irqs(NONE | TRIGGER, MSI, 1, 2)
        self.assertEqual([count(fd) for fd in fds], [0, 1, 1, 0])
        self.c.set_irqs(BOOL | TRIGGER, MSI, 0, 4, b"\1\0\0\7")
        self.assertEqual([count(fd) for fd in fds], [1, 0, 0, 1])

    def test_err_and_req_are_kept(self):
        self.c.info()
        before = self.server.fds()
        for index in (ERR, REQ):
            self.c.set_irqs(EVENTFD | TRIGGER, index, 0, 1, fds=[self.eventfd()])
        self.assertEqual(self.server.fds(), before + 2)
        for index in (ERR, REQ):
            self.c.set_irqs(NONE | TRIGGER, index, 0, 0)
        self.assertEqual(self.server.fds(), before)

    def test_disabling_what_is_not_there(self):
        for index in range(5):
            self.c.set_irqs(NONE | TRIGGER, index, 0, 0)

    def test_nonsense(self):
        fd = self.eventfd()
        good = [fd]
        for flags, index, start, number, data, fds, error in (
                (EVENTFD | TRIGGER, 5, 0, 1, b"", good, errno.EINVAL),
                (EVENTFD | TRIGGER, MSIX, 32, 1, b"", good, errno.EINVAL),
                (EVENTFD | TRIGGER, MSIX, 31, 2, b"", good * 2, errno.EINVAL),
                (EVENTFD | TRIGGER, MSIX, 0xffffffff, 1, b"", good, errno.EINVAL),
                (EVENTFD | TRIGGER, MSIX, 1, 0xffffffff, b"", good, errno.EINVAL),
                (EVENTFD | TRIGGER, MSIX, 0, 2, b"", good, errno.EINVAL),
                (EVENTFD | TRIGGER, MSIX, 0, 1, b"", good * 2, errno.EINVAL),
                (EVENTFD | TRIGGER, MSIX, 0, 0, b"", [], errno.EINVAL),
                (NONE | MASK, INTX, 0, 0, b"", [], errno.EINVAL),
                (NONE | BOOL | TRIGGER, INTX, 0, 1, b"\1", [], errno.EINVAL),
                (NONE | MASK | TRIGGER, INTX, 0, 1, b"", [], errno.EINVAL),
                (TRIGGER, INTX, 0, 1, b"", [], errno.EINVAL),
                (NONE, INTX, 0, 1, b"", [], errno.EINVAL),
                (NONE | TRIGGER | 64, INTX, 0, 1, b"", [], errno.EINVAL),
                (BOOL | TRIGGER, MSI, 0, 4, b"\1\1\1", [], errno.EINVAL),
                (NONE | TRIGGER, MSI, 0, 1, b"", [], errno.EINVAL),
                (NONE | MASK, MSI, 0, 1, b"", [], errno.ENOTTY),
                (NONE | UNMASK, MSIX, 0, 1, b"", [], errno.ENOTTY),
                (EVENTFD | MASK, INTX, 0, 1, b"", good, errno.ENOTTY)):
            with self.subTest(flags=flags, index=index, start=start, number=number):
                self.refused(error, self.c.set_irqs, flags, index, start, number, data, fds)
        self.refused(errno.EINVAL, self.c.set_irqs, NONE | TRIGGER, INTX, 0, 0, argsz=19)

    def test_only_one_kind_at_a_time(self):
        self.c.set_irqs(EVENTFD | TRIGGER, INTX, 0, 1, fds=[self.eventfd()])
        self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | TRIGGER, MSI, 0, 1, fds=[self.eventfd()])
        self.c.set_irqs(NONE | TRIGGER, INTX, 0, 0)
        self.c.set_irqs(EVENTFD | TRIGGER, MSI, 0, 1, fds=[self.eventfd()])


class Msix(Irqs):
    def setUp(self):
        super().setUp()
        self.enable_msix()
        self.c.info()
        self.before = self.server.fds()

    def test_pieces_as_qemu_sends_them(self):
        a, b, c = (self.eventfd() for _ in range(3))
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 1, fds=[a])
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 1, 2)
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 3, 1, fds=[b])
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 4, 8)
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 12, 7)
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 19, 1, fds=[c])
        for vector in (0, 3, 19, 5):
            self.msix(vector)
        self.assertEqual([count(fd, 0.1) for fd in (a, b, c)], [1, 1, 1])
        d = self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 5, 1, fds=[d])
        self.assertEqual(count(d, 1), 1, "what was raised while nobody listened")
        self.assertEqual(self.server.fds(), self.before + 4)
        self.c.set_irqs(NONE | TRIGGER, MSIX, 0, 0)
        self.assertEqual(self.server.fds(), self.before)

    def test_replacement(self):
        old, new = self.eventfd(), self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 4, 1, fds=[old])
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 4, 1, fds=[new])
        self.msix(4)
        self.assertEqual((count(old), count(new, 1)), (0, 1))
        self.assertEqual(self.server.fds(), self.before + 1)

    def test_deassignment(self):
        fds = [self.eventfd() for _ in range(3)]
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 29, 3, fds=fds)
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 30, 2)
        self.assertEqual(self.server.fds(), self.before + 1)
        for vector in (29, 30, 31):
            self.msix(vector)
        self.assertEqual([count(fd, 0.05) for fd in fds], [1, 0, 0])

    def test_sixteen_at_a_time(self):
        fds = [self.eventfd() for _ in range(32)]
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 16, fds=fds[:16])
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 16, 16, fds=fds[16:])
        for vector in range(32):
            self.msix(vector)
            self.assertEqual(count(fds[vector], 1), 1)

    def test_client_that_leaves_takes_them_along(self):
        fd = self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 1, fds=[fd])
        self.c.close()
        self.assertEqual(self.server.settled_fds(self.before - 1), self.before - 1)


class All2048(Case):
    FUNC = "sim:endpoint-test,msix=2048"

    def test_all_of_them(self):
        client = self.client()
        client.command(6)
        self.assertEqual(client.irq_info(MSIX)[3], 2048)
        fd = self.eventfd()
        for start in range(0, 2048, 128):
            client.set_irqs(EVENTFD | TRIGGER, MSIX, start, 128, fds=[fd] * 128)
        client.set_irqs(NONE | TRIGGER, MSIX, 0, 2048)
        self.assertEqual(count(fd, 1), 2048)
        client.set_irqs(NONE | TRIGGER, MSIX, 0, 0)


class Hostile(Irqs):
    """A client's descriptors must not make the server wait, or end it."""

    def test_only_eventfds(self):
        self.c.info()
        before = self.server.fds()
        pipe = os.pipe()
        path = os.open("/", os.O_PATH)
        self.addCleanup(os.close, path)
        one, other = socket.socketpair()
        with open("/dev/zero", "wb") as device:
            for fd in (*pipe, path, one.fileno(), device.fileno(), self.memfd(4096)):
                self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | TRIGGER, MSI, 0, 1, fds=[fd])
                self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | TRIGGER, REQ, 0, 1, fds=[fd])
        self.c.set_irqs(EVENTFD | TRIGGER, INTX, 0, 1, fds=[self.eventfd()])
        self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | UNMASK, INTX, 0, 1, fds=[pipe[0]])
        for fd in pipe:
            os.close(fd)
        one.close()
        other.close()
        self.assertEqual(self.server.settled_fds(before + 1), before + 1)

    def test_full_counter_that_would_block(self):
        full = self.eventfd(0, 0)
        os.eventfd_write(full, (1 << 64) - 2)
        self.c.set_irqs(EVENTFD | TRIGGER, MSI, 0, 1, fds=[full])
        began = time.monotonic()
        for _ in range(10):
            self.c.set_irqs(NONE | TRIGGER, MSI, 0, 1)
        self.assertLess(time.monotonic() - began, 1)

    def test_one_wrong_among_many_changes_nothing(self):
        a, b = self.eventfd(), self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSI, 0, 1, fds=[a])
        self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | TRIGGER, MSI, 0, 2, fds=[b, self.memfd(4096)])
        self.c.set_irqs(NONE | TRIGGER, MSI, 0, 1)
        self.assertEqual((count(a), count(b)), (1, 0))


if __name__ == "__main__":
    unittest.main()
