# SPDX-License-Identifier: BSD-3-Clause
"""Resizable BARs and Linux: its own PCI code resizes our function; behind QEMU, which pins sizes, it is shown no choice."""

import unittest

import fabric
from rig import Guest, Server, root_port, vfio_user

MIB = 1 << 20
OPTIONS = "bars=auto/-/1M:mem64:prefetch{0}rebar=2:1M/4M/64M"


class Resizable:
    """Nobody has the function: Linux resizes no other."""

    def offered(self):
        return int(self.guest.run(f"cat {self.device}/resource2_resize").text, 16)

    def resize(self, n):
        return self.guest.run(f"echo {n} > {self.device}/resource2_resize", check=False).status == 0

    def size(self):
        first, last = (int(word, 16) for word in self.guest.run(
            f"sed -n 3p {self.device}/resource").text.split()[:2])
        return last - first + 1


class Function(Resizable, fabric.Fabric):
    """Unmediated, behind the vmd driver: windows and addresses are Linux's."""

    description = f"root-port rp1\nendpoint-test a below=rp1 {OPTIONS.format(' ')}\n"

    def setUp(self):
        self.device = "/sys/bus/pci/devices/" + self.find(fabric.ENDPOINT)[0]

    def test_linux_resizes_it(self):
        self.assertEqual(self.offered(), 1 | 4 | 64)
        for n in (2, 6, 0):
            self.assertTrue(self.resize(n), self.guest.console()[-2000:])
            self.assertEqual(self.size(), MIB << n)
        self.assertFalse(self.resize(3))
        self.assertEqual(self.size(), MIB)


class BehindQemu(Resizable, unittest.TestCase):
    device = "/sys/bus/pci/devices/0000:01:00.0"

    @classmethod
    def setUpClass(cls):
        cls.server = Server("sim:endpoint-test," + OPTIONS.format(","), "--policy", "rebar=on").start()
        cls.addClassCleanup(cls.server.stop)
        cls.guest = Guest(devices=[root_port("rp1"), vfio_user(cls.server.socket, bus="rp1")], timeout=240)
        cls.guest.start()
        cls.addClassCleanup(cls.guest.close)

    def test_it_has_the_size_it_has(self):
        self.assertEqual(self.offered(), 1)
        self.assertEqual(self.size(), MIB)
        self.resize(6)
        self.assertEqual(self.size(), MIB)
        self.assertTrue(self.server.alive(), self.server.log())


if __name__ == "__main__":
    unittest.main()
