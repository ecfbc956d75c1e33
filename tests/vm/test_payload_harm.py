# SPDX-License-Identifier: BSD-3-Clause
"""What a guest's payload size does to real hardware, and what mediation makes of it.

A function behind QEMU's root port has two paths: the one that the guest sees, and the physical one. A guest that
programs Max_Payload_Size for the first makes a function send packets that the second cannot bear: Malformed TLP, a
fatal error (PCIe 6.0, 2.2.2). With the profile raw nothing stands between; guarded keeps hardware's value.

The fabric is simulated, and the error is judged by its root port's registers; a real one's link goes down besides.
"""

import unittest

import selftest
from fabric import ctl, hold
from rig import Guest, Server, root_port, vfio_user
from test_payload import mps, mrrs, word, capability, DEVCTL, EXPRESS

READ = "pci_ep_data_transfer.memcpy.READ_TEST"    # the function writes memory
WRITE = "pci_ep_data_transfer.memcpy.WRITE_TEST"  # the function reads it


def devctl(server):
    config = server.config("host")
    return word(config, capability(config, EXPRESS) + DEVCTL)


def said(server, what):
    return [line for line in server.log().splitlines() if what in line]


class Raw(unittest.TestCase):
    """QEMU stops the guest when VFIO says that the function had an error: nothing of it runs on."""

    def guest_of(self, function):
        server = Server(function, "--profile", "raw").start()
        self.addCleanup(server.stop)
        guest = Guest(devices=[root_port("rp1"), vfio_user(server.socket, bus="rp1")], iommu="remap", timeout=90)
        self.addCleanup(guest.close)
        guest.start()
        guest.load_driver()
        return server, guest

    def stops(self, server, guest, name):
        """The selftest of that name is the end of this guest."""
        self.assertEqual(said(server, "Malformed"), [])
        guest.run(f"pci_endpoint_selftest -r {name} >/dev/null 2>&1 &")
        guest.wait_event("STOP", 30)
        self.assertEqual(guest.qmp("query-status")["status"], "internal-error")
        self.assertIn("Unrecoverable error detected", guest.qemu_log())

    def test_payload_above_the_path_s(self):
        """The guest writes 512 where the path bears 128: the function's first write of 1024 bytes is malformed."""
        server, guest = self.guest_of("sim:endpoint-test,mps=512,payload=128")
        self.assertEqual(mps(devctl(server)), 0)
        guest.run("setpci -s 01:00.0 CAP_EXP+8.w=40:e0")
        self.assertEqual(mps(devctl(server)), 2, "nothing stands between")
        self.stops(server, guest, READ)
        notes = said(server, "Malformed TLP")
        self.assertRegex(notes[0], r"port .*reports a fatal error: Malformed TLP, of a packet of 01:00\.0")
        self.assertRegex(ctl(server, "errors"), r"(?m)^port .*fatal [1-9]\d*, .*Malformed TLP")

    def test_payload_below_the_path_s(self):
        """Nobody's setpci: QEMU's root port bears 128, so Linux programs 128 where the path has 512. Completions of
        what the function reads are larger than it takes then."""
        server, guest = self.guest_of("sim:endpoint-test,mps=512,payload=512")
        self.assertEqual(mps(devctl(server)), 0, "Linux at boot, from 512")
        self.stops(server, guest, WRITE)
        self.assertRegex(said(server, "Malformed TLP")[0], r"reports a fatal error: Malformed TLP")


class Guarded(unittest.TestCase):
    """The same two functions, mediated, in one guest."""

    @classmethod
    def setUpClass(cls):
        cls.servers, devices = [], []
        for n, payload in enumerate((128, 512), 1):
            server = Server(f"sim:endpoint-test,mps=512,payload={payload}").start()
            cls.addClassCleanup(server.stop)
            cls.servers.append(server)
            devices += [root_port(f"rp{n}"), vfio_user(server.socket, bus=f"rp{n}")]
        cls.guest = Guest(devices=devices, iommu="remap", timeout=120)
        cls.guest.start()
        cls.addClassCleanup(cls.guest.close)
        cls.guest.run("modprobe pci_endpoint_test")

    def transfers(self, bdf, server):
        hold(self.guest, bdf)
        outcomes = selftest.run(self.guest, "-f pci_ep_data_transfer")
        self.assertTrue(outcomes.complete, outcomes.text[-2000:])
        self.assertEqual(outcomes.failed(), [])
        self.assertEqual(said(server, "error"), [])
        self.assertEqual(self.guest.qmp("query-status")["status"], "running")

    def guest_value(self, slot):
        return int(self.guest.run(f"setpci -s {slot} CAP_EXP+8.w").text, 16)

    def test_payload_above_the_path_s(self):
        self.guest.run("setpci -s 01:00.0 CAP_EXP+8.w=40:e0")
        self.assertEqual(mps(self.guest_value("01:00.0")), 2, "the guest has what it wrote")
        self.assertEqual(mps(devctl(self.servers[0])), 0, "hardware has what its path bears")
        self.transfers("0000:01:00.0", self.servers[0])

    def test_payload_below_the_path_s(self):
        self.assertEqual(mps(self.guest_value("02:00.0")), 0, "Linux at boot")
        self.assertEqual(mps(devctl(self.servers[1])), 2)
        self.transfers("0000:02:00.0", self.servers[1])

    def test_read_requests_below_the_payload(self):
        """128 is a read request size that is below the path's payload: the guest has it, hardware stays at 512."""
        self.guest.run("setpci -s 02:00.0 CAP_EXP+8.w=0:7000")
        self.assertEqual(mrrs(self.guest_value("02:00.0")), 0)
        self.assertEqual(mrrs(devctl(self.servers[1])), 2)
        self.transfers("0000:02:00.0", self.servers[1])


if __name__ == "__main__":
    unittest.main()
