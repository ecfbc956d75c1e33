# SPDX-License-Identifier: BSD-3-Clause
"""Many functions of one server, each with a client of its own: nobody waits for the others longer than his share."""

import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
import client as library
from vfio_user import *

VFS = 256
CLIENT_WRITES = struct.Struct("=QII8s")  # an entry of REGION_WRITE_MULTI


class Many(unittest.TestCase):
    """Functions 0 to COUNT - 1 are VFs of one PF."""

    COUNT = 2

    def serve(self, count, *options, **popen):
        directory = tempfile.TemporaryDirectory(prefix="pcigate-test-")
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "vf")
        server = Server(f"sim:endpoint-test,vfs={count},vf=%n={self.path}%n", "--each", f"0-{count - 1}", *options,
                        listen=False, **popen)
        self.addCleanup(server.stop)
        end = time.monotonic() + 10
        while server.log().count("listening on") < count:
            self.assertIsNone(server.process.poll(), server.log())
            self.assertLess(time.monotonic(), end, "it takes too long")
            time.sleep(0.01)
        return server

    def connect(self, i):
        client = Client(f"{self.path}{i}")
        self.addCleanup(client.close)
        return client

    def more_descriptors(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 4096:
            self.skipTest(f"{hard} descriptors are too few for {VFS} clients")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))


class Each(Many):
    """--each FIRST-LAST."""

    def refused(self, *arguments):
        result = subprocess.run([PCIGATE, "serve", *arguments], capture_output=True, text=True, timeout=10, check=False)
        self.assertEqual(result.returncode, 2, result.stderr)
        return result.stderr

    def test_wrong_ranges(self):
        for text in ("", "1", "2-1", "-1", "0-", "0-1-2", "0-65536", "a-b", "0 -1", "+0-1", "0-99999999999999999999"):
            self.assertIn("give FIRST-LAST", self.refused("--each", text, "sim:endpoint-test=/nowhere/%n"), text)

    def test_a_range_for_nothing(self):
        self.assertIn("no function has %n", self.refused("--each", "0-1", "sim:endpoint-test=/nowhere/a"))

    def test_too_many(self):
        self.assertIn("more than 4096", self.refused("--each", "0-4096", "sim:endpoint-test=/nowhere/%n"))

    def test_the_sign_stands_for_itself_without_a_range(self):
        with tempfile.TemporaryDirectory(prefix="pcigate-test-") as directory:
            server = Server(f"sim:endpoint-test={directory}/%n", listen=False)
            self.assertTrue(server.said(f"listening on {directory}/%n"))
            server.stop()

    def test_beside_a_single_one(self):
        with tempfile.TemporaryDirectory(prefix="pcigate-test-") as directory:
            server = Server(f"sim:endpoint-test,vfs=9,vf=%n={directory}/%n.%n", f"sim:endpoint-test={directory}/one",
                            "--each", "7-8", listen=False)
            self.addCleanup(server.stop)
            for name in ("7.7", "8.8", "one"):
                self.assertTrue(server.said(f"listening on {directory}/{name}\n"), server.log())
            self.assertEqual(server.log().count("listening on"), 3)


class Crowd(Many):
    """Ordinary clients, by the library."""

    def connect(self, i):
        client = library.Client(f"{self.path}{i}")
        self.addCleanup(client.close)
        return client

    def begin(self, client, number):
        """Memory of its own, an interrupt, and a command that copies 8 bytes of the one and raises the other."""
        memory = client.buffer_init(0x100000, 8192)
        self.addCleanup(client.buffer_finish, memory)
        os.pwrite(memory.fd, struct.pack("<Q", 0x1234567800000000 + number), 0)
        client.config_write16(4, 6)
        client.irq_enable(MSIX, 0, 1)
        client.write(0, EP_SRC, struct.pack("<QQI", 0x100000, 0x101000, 8))
        client.write(0, EP_IRQ_TYPE, struct.pack("<II", 2, 1))
        return memory

    def test_256_vfs_and_256_clients(self):
        """Each reaches its own function, memory and interrupt; the others are connected all the time."""
        self.more_descriptors()
        self.serve(VFS)
        clients = [self.connect(i) for i in range(VFS)]
        memories = [self.begin(client, i) for i, client in enumerate(clients)]
        for i, client in enumerate(clients):
            client.write32(0, EP_CHECKSUM, 1000 + i)
            client.post32(0, EP_COMMAND, EP_COPY)
        for i, (client, memory) in enumerate(zip(clients, memories)):
            self.assertEqual(client.irq_wait(MSIX, 0, 5000), 1)
            self.assertEqual(os.pread(memory.fd, 8, 4096), struct.pack("<Q", 0x1234567800000000 + i))
            self.assertEqual(client.read32(0, EP_CHECKSUM), 1000 + i)
            self.assertEqual(client.irq_wait(MSIX, 0, 0), 0)

    def test_one_leaves(self):
        """What it had set up goes; the others notice nothing, and it can come back."""
        self.serve(4)
        clients = [self.connect(i) for i in range(4)]
        for client in clients:
            client.config_write16(4, 6)
            client.write32(0, EP_CHECKSUM, 77)
        clients[2].close()
        again = self.connect(2)
        again.config_write16(4, 6)
        self.assertEqual(again.read32(0, EP_CHECKSUM), 0)
        self.assertEqual([clients[i].read32(0, EP_CHECKSUM) for i in (0, 1, 3)], [77] * 3)

    def test_too_few_descriptors(self):
        """It says so when it starts, and what can be done."""
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        server = self.serve(32, preexec_fn=few)
        self.assertTrue(server.said("allow more descriptors: ulimit -Hn"), server.log())
        self.connect(0).config_write16(4, 6)

    def test_enough_descriptors(self):
        server = self.serve(4)
        self.connect(0).config_write16(4, 6)
        self.assertNotIn("descriptors", server.log())


class Share(Many):
    """Whoever sends much at once is not served to its end before the others."""

    def stopped(self, server):
        """Whether the server stands still: what is sent now, it finds all at once, in the order of its coming."""
        server.process.send_signal(signal.SIGSTOP)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "T":
                    return True
            time.sleep(0.001)
        return False

    def check(self, send):
        """
        Both have the same memory. What @send sends ends with a command that copies its first bytes elsewhere; the other,
        who asks later and for one thing only, has them changed. So the copy tells who came first.
        """
        server = self.serve(2)
        memory, event = memfd(8192), eventfd()
        self.addCleanup(os.close, memory)
        self.addCleanup(os.close, event)
        os.pwrite(memory, b"other   ", 2048)
        busy, other = (self.connect(i) for i in range(2))
        for client, source, target in ((busy, 0x100000, 0x101000), (other, 0x100800, 0x100000)):
            client.command(6)
            client.map(0x100000, 8192, fd=memory)
            client.write(0, EP_SRC, struct.pack("<QQI", source, target, 8))
            client.write(0, EP_IRQ_TYPE, struct.pack("<II", 2, 1))
        busy.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 1, fds=[event])
        try:
            self.assertTrue(self.stopped(server))
            send(busy)
            other.write32(0, EP_COMMAND, EP_COPY, NO_REPLY)
        finally:
            server.process.send_signal(signal.SIGCONT)
        self.assertEqual(count(event, 5), 1)
        self.assertEqual(os.pread(memory, 8, 4096), b"other   ")

    def test_many_messages(self):
        def send(client):
            post = client.message(REGION_WRITE, struct.pack("=QIII", EP_CHECKSUM, 0, 4, 1), NO_REPLY)
            client.send_raw(post * 1500 +
                            client.message(REGION_WRITE, struct.pack("=QIII", EP_COMMAND, 0, 4, EP_COPY), NO_REPLY))

        self.check(send)

    def test_many_entries(self):
        def send(client):
            entries = CLIENT_WRITES.pack(EP_CHECKSUM, 0, 4, b"\1\0\0\0") * 3000
            entries += CLIENT_WRITES.pack(EP_COMMAND, 0, 4, struct.pack("<I", EP_COPY))
            client.send(WRITE_MULTI, struct.pack("=Q", 3001) + entries, flags=NO_REPLY)

        self.check(send)

    def test_entries_land_in_order(self):
        """More of them than have their turn at once, then a single write, then a read: the last one counts."""
        self.serve(1)
        client = self.connect(0)
        client.command(6)
        entries = [CLIENT_WRITES.pack(EP_CHECKSUM, 0, 4, struct.pack("<I", i)) for i in range(1000)]
        client.send(WRITE_MULTI, struct.pack("=Q", len(entries)) + b"".join(entries), flags=NO_REPLY)
        client.send(REGION_READ, struct.pack("=QII", EP_CHECKSUM, 0, 4))
        client.write32(0, EP_CHECKSUM, 5000, NO_REPLY)
        self.assertEqual(client.reply().body[16:], struct.pack("<I", 999))
        self.assertEqual(client.read32(0, EP_CHECKSUM), 5000)

    def test_posted_writes_of_one_that_hangs_up(self):
        """All that was sent before it closed is carried out."""
        server = self.serve(1)
        client = self.connect(0)
        event = eventfd()
        self.addCleanup(os.close, event)
        client.command(6)
        client.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 1, fds=[event])
        server.process.send_signal(signal.SIGSTOP)
        trigger = struct.pack("=HHIII", 1, SET_IRQS, 36, NO_REPLY, 0) + struct.pack("=IIIII", 20, NONE | TRIGGER, MSIX,
                                                                                     0, 1)
        try:
            client.send_raw(trigger * 1000)
        finally:
            server.process.send_signal(signal.SIGCONT)
        client.close()
        self.connect(0)
        seen, end = 0, time.monotonic() + 5
        while seen < 1000 and time.monotonic() < end:
            seen += count(event, 0.1)
        self.assertEqual(seen, 1000)
