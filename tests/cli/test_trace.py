# SPDX-License-Identifier: BSD-3-Clause
"""`pcigate serve --trace`: what a live server wrote, `pcigate replay` finds again; its reader never holds it up."""

import os
import random
import shutil
import sys
import tempfile
import threading
import time
import unittest

from program import *

sys.path.insert(0, os.path.join(HERE, "..", "protocol"))
from vfio_user import CONFIG, Client, Server  # noqa: E402


class Live(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.func = write_function(self.path("function.txt"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def serve(self, trace, *options):
        server = Server(self.func, "--trace", trace, *options)
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        return server

    def client(self, server):
        client = Client(server)
        self.addCleanup(client.close)
        return client


class Replays(Live):
    @staticmethod
    def disturb(client, seed):
        """Whatever a guest could think of, and some that no guest does."""
        chance = random.Random(seed)
        for value in (b"\6\4", b"\0\0", b"\7\0"):
            client.write(CONFIG, 4, value)
        client.write(CONFIG, 0x78, b"\x40\x50")  # Device Control
        client.write(CONFIG, 0x44, b"\3\0")  # D3hot, with and without memory
        client.read(CONFIG, 0, 64)
        client.write(CONFIG, 0x44, b"\0\0")
        client.write(CONFIG, 0x78, b"\x00\x80")  # FLR
        for _ in range(400):
            at, width = chance.choice((4, 5, 6, 0x10, 0x44, 0x78, 0x79, 0x110, chance.randrange(4096))), \
                chance.choice((1, 2, 3, 4, 8))
            if at + width > 4096:
                continue
            if chance.random() < 0.5:
                client.write(CONFIG, at, chance.randbytes(width))
            else:
                client.read(CONFIG, at, width)
        client.reset()
        client.read(CONFIG, 0, 4096)

    def test_every_profile_and_two_clients(self):
        for profile in PROFILES:
            with self.subTest(profile):
                trace = self.path(profile + ".trace.gz")
                server = self.serve(trace, "--profile", profile)
                for seed in range(2):
                    client = Client(server)
                    self.disturb(client, seed)
                    client.close()
                self.assertEqual(server.stop(), 0)
                done = run("replay", self.func, trace, "--profile", profile, "--effects")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertGreater(int(done.stdout.split()[-4]), 400)

    def test_linux_says_what_its_writes_ask_for(self):
        trace = self.path("t")
        server = self.serve(trace, "--profile", "linux")
        client = self.client(server)
        for at, value in ((4, b"\2\0"), (4, b"\0\4"), (4, b"\2\0"), (0x44, b"\3\0"), (0x44, b"\0\0"), (0x78, b"\0\x50")):
            client.write(CONFIG, at, value)
        client.close()
        self.assertEqual(server.stop(), 0)
        with open(trace, encoding="ascii") as file:
            lines = [line[10:].strip() for line in file if line.startswith("# effect: ")]
        self.assertEqual(lines, ["zap", "intx mask", "intx unmask", "zap", "power D3", "power D0", "set_readrq 4096"])


class Reader(Live):
    """A trace that goes into a pipe."""

    def setUp(self):
        super().setUp()
        os.mkfifo(self.path("pipe"))
        self.reader = os.open(self.path("pipe"), os.O_RDONLY | os.O_NONBLOCK)
        self.open = True
        self.addCleanup(self.hang_up)

    def hang_up(self):
        if self.open:
            os.close(self.reader)
        self.open = False

    def test_one_that_stalls_ends_the_trace_and_nothing_else(self):
        server = self.serve(self.path("pipe"))
        client = self.client(server)
        before = server.memory()
        for n in range(4000):
            client.read(CONFIG, 0, 4096)
            if n % 50 == 0 and "does not keep up" in server.log():
                break
        self.assertTrue(server.said("does not keep up; the trace ends here, serving goes on"), server.log())
        self.assertEqual(len(client.read(CONFIG, 0, 4)), 4)
        self.assertLess(server.memory() - before, 16384)
        self.assertEqual(server.stop(), 0)

    def test_one_that_stalls_does_not_hold_up_the_end(self):
        server = self.serve(self.path("pipe"))
        client = self.client(server)
        for _ in range(20):
            client.read(CONFIG, 0, 4096)
        began = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - began, 3)

    def test_one_that_is_slow_gets_everything(self):
        server = self.serve(self.path("pipe"))
        client = self.client(server)
        os.set_blocking(self.reader, True)
        text = []

        def read():
            time.sleep(0.3)
            while True:
                some = os.read(self.reader, 65536)
                if not some:
                    return
                text.append(some)

        thread = threading.Thread(target=read)
        thread.start()
        for _ in range(50):
            client.read(CONFIG, 0, 4096)
        client.close()
        self.assertEqual(server.stop(), 0)
        thread.join(10)
        lines = b"".join(text).decode().splitlines()
        self.assertEqual(sum(line.startswith("rb 4096 ") for line in lines), 50)

    def test_one_that_hangs_up_ends_the_trace_and_nothing_else(self):
        server = self.serve(self.path("pipe"))
        client = self.client(server)
        client.read(CONFIG, 0, 4)
        self.hang_up()
        for _ in range(3):
            client.read(CONFIG, 0, 4)
        self.assertTrue(server.said("the trace ends here"), server.log())
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
