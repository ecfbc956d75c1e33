# SPDX-License-Identifier: BSD-3-Clause
"""A vfio-user server that is not ours behind ours: libvfio-user's samples, mediated.

`server` has I/O BARs (one of no power of two), a timer that raises INTx, and then writes and reads 4 KiB of its client's
memory; `gpio-pci-idio-16` has one I/O BAR and INTx. Both refuse what they do not know, and end when they are hung up on.
Neither has a capability, so nothing of those is shown, nor MSI; the library is of 2022.
"""

import os
import subprocess
import sys
import time
import unittest

from rig import TREE, Guest, Server, config_bytes, inspect, pcigate, root_port, vfio_user

sys.path.insert(0, os.path.join(TREE, "tests"))
from client import Client  # pylint: disable=wrong-import-position

IDS = {"server": (0xdead, 0xbeef), "gpio-pci-idio-16": (0x494f, 0x0dc8)}
INTX = 0


def samples():
    done = subprocess.run([os.path.join(TREE, "scripts", "libvfio-user.sh")], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        raise unittest.SkipTest("libvfio-user's source cannot be had or compiled here")
    return done.stdout.strip()


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = samples()

    def serve(self, name):
        """Theirs, and ours in front of it."""
        near = Server("")
        far = os.path.join(near.folder, "far")
        theirs = subprocess.Popen([os.path.join(self.folder, name), far], stderr=subprocess.DEVNULL)
        self.addCleanup(theirs.wait, 20)
        self.addCleanup(theirs.terminate)
        end = time.monotonic() + 10
        while not os.path.exists(far) and time.monotonic() < end:
            time.sleep(0.01)
        near.arguments = [near.program, "serve", f"vfio-user:{far},session=keep", "--socket-path", near.socket,
                          "--control", near.control]
        self.addCleanup(near.stop)
        near.start()
        return near

    def test_conform(self):
        for name in IDS:
            with self.subTest(name):
                near = self.serve(name)
                done = subprocess.run([pcigate(), "conform", "vfio-user:" + near.socket], capture_output=True, text=True,
                                      timeout=60, check=False)
                failed = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
                self.assertEqual((done.returncode, failed), (0, []), done.stdout[-2000:] + near.log())

    def works(self, path):
        """The timer, its interrupt, and what it does to memory after that."""
        with Client(path) as client:
            self.assertEqual(client.config_read32(0), 0xbeefdead)
            memory = client.buffer_init(0x100000, 8192)
            client.config_write16(4, 0x145)  # with Parity Error Response, which it refuses
            client.irq_enable(INTX, 0, 1)
            client.write64(0, 0, int(time.time()) + 2)
            self.assertEqual(client.irq_wait(INTX, 0, 10000), 1)
            end = time.monotonic() + 5
            while os.pread(memory.fd, 4096, 0) != b"A" * 4096 and time.monotonic() < end:
                time.sleep(0.01)
            self.assertEqual(os.pread(memory.fd, 8192, 0), b"A" * 4096 + bytes(4096))

    def test_interrupts_and_memory(self):
        """And for the next client."""
        near = self.serve("server")
        self.works(near.socket)
        self.works(near.socket)

    def test_an_interrupt_that_nobody_listens_to(self):
        """The server keeps the eventfds of ERR and REQ where vector 0's is: ours are taken for neither."""
        near = self.serve("server")
        with Client(near.socket) as client:
            client.config_write16(4, 5)
            memory = client.buffer_init(0x100000, 4096)
            client.write64(0, 0, int(time.time()) + 1)
            end = time.monotonic() + 10
            while os.pread(memory.fd, 4096, 0) != b"A" * 4096 and time.monotonic() < end:
                time.sleep(0.01)
            self.assertEqual(client.config_read32(0), 0xbeefdead)
        self.assertIn("takes its interrupts for ERR or REQ", near.log())
        self.works(near.socket)

    def test_gated(self):
        """A BAR of another kind than COMMAND has on is not reached; behind the server's region nothing answers."""
        near = self.serve("server")
        with Client(near.socket) as client:
            region = client.region_init(1)
            self.assertEqual(region.size, 0x4000)
            client.config_write16(4, 2)
            self.assertEqual(client.read32(1, 0), 0xffffffff)
            client.config_write16(4, 1)
            client.write32(1, 0x2000, 0x12345678)
            self.assertEqual(client.read32(1, 0x3ffc), 0xffffffff)

    def test_a_guest_has_them(self):
        servers = [self.serve(name) for name in IDS]
        with Guest(devices=[device for number, server in enumerate(servers, 1)
                            for device in (root_port(f"rp{number}"), vfio_user(server.socket, bus=f"rp{number}"))],
                   timeout=120) as guest:
            for number, (server, ids) in enumerate(zip(servers, IDS.values()), 1):
                slot = f"{number:02x}:00.0"
                self.assertIn("%04x:%04x" % ids, guest.run(f"lspci -ns {slot}").text)
                inside = config_bytes(guest.run(f"lspci -xxxs {slot}").text)
                outside = config_bytes(inspect("live:" + server.control, "--guest", "-xxx"))
                self.assertEqual(inside.hex(" "), outside.hex(" "))


if __name__ == "__main__":
    unittest.main()
