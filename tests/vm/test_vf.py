# SPDX-License-Identifier: BSD-3-Clause
"""VFs in guests' hands: one that shows no PF, vectors that change between two guests, and a PF whose VFs are others'.

Each function is served by itself (face to face with QEMU's vfio-user client). Two guests at once would be slow here: the
VFs beside a guest's PF are a small client's, which drives them by the same registers.
"""

import os
import struct
import sys
import time
import unittest

import selftest
from fabric import ctl
from rig import TREE, Guest, RigError, Server, root_port, vfio_user

sys.path.insert(0, os.path.join(TREE, "tests"))
import client as library  # pylint: disable=wrong-import-position

SLOT = "0000:01:00.0"
DRIVER = "/sys/bus/pci/drivers/pci-endpoint-test"
# What a VF has: no pin, no MSI, so these have nothing to test.
WORK = "-t READ_TEST -t WRITE_TEST -t COPY_TEST -t MSIX_TEST -t BAR_TEST -t CONSECUTIVE_BAR_TEST"


class Case(unittest.TestCase):
    def plug(self, server, at=None):
        """A guest that has the function, its driver bound."""
        guest = Guest(devices=[root_port("rp1"), vfio_user(at or server.socket, bus="rp1")], iommu="remap", timeout=120)
        self.addCleanup(guest.close)
        guest.start()
        guest.load_driver()
        return guest

    def serve(self, *arguments):
        server = Server(*arguments).start()
        self.addCleanup(server.stop)
        return server

    def works(self, guest, vectors):
        outcomes = selftest.run(guest, WORK)
        self.assertTrue(outcomes.complete, outcomes.text[-2000:])
        self.assertEqual(outcomes.failed(), [])
        for name in ("READ", "WRITE", "COPY"):
            self.assertEqual(outcomes[f"pci_ep_data_transfer.memcpy.{name}_TEST"].state, "pass")
        self.assertEqual(outcomes["pci_ep_basic.MSIX_TEST"].vectors, vectors)


class Detached(Case):
    """As a lower hypervisor hands it on: nothing says that it is a VF, and yet it has no memory enable bit.

    Its BARs are BARs for everybody; what there is of a PF is not shown to its client in any way.
    """

    function = "sim:endpoint-test,vfs=2,vf=0,detached=on"

    def drives_it(self, *options):
        server = self.serve(self.function, *options)
        hardware = server.config("host")
        self.assertEqual(hardware[0:4].hex(), "12192d00", "ids of its own")
        self.assertEqual(hardware[4] & 2, 0)
        guest = self.plug(server)
        self.assertEqual(int(guest.run(f"setpci -s {SLOT} 4.w").text, 16) & 2, 2, "the guest has a bit all the same")
        self.works(guest, 8)
        self.assertEqual(server.config("host")[4] & 2, 0, "hardware has none to set")
        self.off_and_on(guest)
        self.assertNotIn("error", server.log())
        return server

    def off_and_on(self, guest):
        """Memory goes off for the guest, too, when it says so."""
        guest.run(f"echo {SLOT} > {DRIVER}/unbind; setpci -s {SLOT} 4.w=0:2")
        self.assertEqual(int(guest.run(f"setpci -s {SLOT} 4.w").text, 16) & 2, 0)
        guest.run(f"echo {SLOT} > {DRIVER}/bind")
        self.works(guest, 8)

    def test_told_by_policy(self):
        self.drives_it("--policy", "no-command-memory=on")

    def test_found_out(self):
        """Nobody says so: the bit does not take a one."""
        self.drives_it()


class Vectors(Case):
    """A VF's share of its PF's pool changes while nobody has it, and its next guest finds what there is now."""

    function = "sim:endpoint-test,vfs=2,vf=0,vf-msix=4,vf-msix-pool=32"
    vf = "endpoint.vf0"

    def settle(self, server, count):
        """Once the server has noticed that the client is gone."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                return ctl(server, "vectors", self.vf, count)
            except RigError:
                time.sleep(0.1)
        return ctl(server, "vectors", self.vf, count)

    def test_between_two_guests(self):
        server = self.serve(self.function)
        guest = self.plug(server)
        self.assertIn("Count=4 ", guest.run(f"lspci -vv -s {SLOT} | grep MSI-X").text)
        self.works(guest, 4)
        with self.assertRaisesRegex(RigError, "somebody has it"):
            ctl(server, "vectors", self.vf, "7")
        self.assertIn("Count=4 ", guest.run(f"lspci -vv -s {SLOT} | grep MSI-X").text)
        guest.close()
        self.settle(server, "7")
        guest = self.plug(server)
        self.assertIn("Count=7 ", guest.run(f"lspci -vv -s {SLOT} | grep MSI-X").text)
        self.works(guest, 7)


class Client:
    """A VF's client without a guest: memory of its own, registers by messages, an eventfd for what it is told."""

    REQ = 4
    COMMAND, STATUS, SRC, COPY = 0x4, 0x8, 0xc, 1 << 5  # in BAR 0

    def __init__(self, path):
        self.c = library.Client(path)
        self.memory = self.c.buffer_init(0x100000, 0x4000)
        self.c.irq_enable(self.REQ, 0, 1)
        self.c.config_write16(4, 6)

    def moves(self):
        """COPY of 4 KiB from one page to the next: memory says whether it was done."""
        data = os.urandom(4096)
        os.pwrite(self.memory.fd, data, 0)
        os.pwrite(self.memory.fd, bytes(4096), 4096)
        self.c.write(0, self.SRC, struct.pack("<QQI", 0x100000, 0x101000, 4096))
        self.c.write32(0, self.STATUS, 0)
        self.c.write32(0, self.COMMAND, self.COPY)
        end = time.monotonic() + 2
        while not self.c.read32(0, self.STATUS) & 0x3f and time.monotonic() < end:
            time.sleep(0.01)
        return os.pread(self.memory.fd, 4096, 4096) == data

    def asked(self, seconds=0):
        """How often it was asked for the function since the last look."""
        return self.c.irq_wait(self.REQ, 0, seconds * 1000)

    def close(self):
        self.c.buffer_finish(self.memory)
        self.c.close()


class Physical(Case):
    """The PF is a guest's, two VFs are others'."""

    def setUp(self):
        self.server = Server("sim:endpoint-test,vfs=2,msix=8")
        sockets = [os.path.join(self.server.folder, name) for name in ("socket", "vf0", "vf1")]
        token = "token=8a8e3a1e-6f1d-4f7e-9f0a-2c0d6b7f1a11"
        names = (f"sim:endpoint-test,vfs=2,msix=8,{token}", f"sim:endpoint-test,vfs=2,msix=8,vf=0,{token}",
                 f"sim:endpoint-test,vfs=2,msix=8,vf=1,{token}")
        self.server.arguments = [self.server.program, "serve", *(f"{f}={s}" for f, s in zip(names, sockets)),
                                 "--control", self.server.control]
        self.server.start()
        self.addCleanup(self.server.stop)
        # A guest's start resets the PF, so the others come afterwards.
        self.guest = self.plug(self.server)
        self.clients = [Client(path) for path in sockets[1:]]
        for client in self.clients:
            self.addCleanup(client.close)

    def test_side_by_side(self):
        """The guest sees no VFs and cannot make any; it and they work at the same time, and nobody is disturbed."""
        self.assertNotIn("Single Root", self.guest.run(f"lspci -vvv -s {SLOT}").text)
        self.assertFalse(self.guest.run(f"ls /sys/bus/pci/devices/{SLOT}/sriov_numvfs", check=False))
        self.guest.run("pci_endpoint_selftest -f pci_ep_data_transfer > /tmp/said 2>&1 &")
        rounds = 0
        while not self.guest.run("grep -q Totals /tmp/said", check=False) and rounds < 500:
            for client in self.clients:
                self.assertTrue(client.moves())
            rounds += 1
        self.assertIn("# Totals: pass:6 fail:0", self.guest.run("cat /tmp/said").text)
        self.works(self.guest, 8)

    def test_the_guest_resets_the_pf(self):
        """An FLR by the guest takes the VFs along: their clients are asked to give them back, their requests are
        blocked, and after a reset of their own they work again. The guest notices nothing of that."""
        for client in self.clients:
            self.assertTrue(client.moves())
            client.asked()
        self.guest.run(f"grep -q flr /sys/bus/pci/devices/{SLOT}/reset_method && "
                       f"echo 1 > /sys/bus/pci/devices/{SLOT}/reset")
        for client in self.clients:
            self.assertGreater(client.asked(5), 0)
            self.assertFalse(client.moves())
        self.works(self.guest, 8)
        for client in self.clients:
            client.c.reset()
            client.c.config_write16(4, 6)
            self.assertTrue(client.moves())
        self.works(self.guest, 8)


if __name__ == "__main__":
    unittest.main()
