# SPDX-License-Identifier: BSD-3-Clause
"""Accidents of a function (docs/faults.md) as a Linux guest meets them, and a function of the same fabric in the same guest
that goes on working.

Both are driven from user space (programs/endpoint.c), which gives up where Linux's endpoint driver would wait without an
end, and reset and put to sleep by Linux's own PCI core. Accidents that raise VFIO's error interrupt are not here: QEMU
stops the machine for them (test_payload_harm.py shows that); nor is what a driver in the middle of a command makes of one.
"""

import os
import tempfile
import time
import unittest

from fabric import ctl, program
from rig import Guest, Server, root_port, vfio_user

FABRIC = """\
root-port     rp1
switch        sw   below=rp1 ports=2
endpoint-test nic  below=sw.0
endpoint-test disk below=sw.1
"""
NIC, DISK = "0000:01:00.0", "0000:02:00.0"
PM = "CAP_PM+4.w"
TIMEOUT = 1500  # of the server, in ms: what is to end in quarantine is not to take long
SYSFS = "/sys/bus/pci/devices/"


class Pair(unittest.TestCase):
    """Two functions of one fabric, for one guest at a time."""

    @classmethod
    def setUpClass(cls):
        handle, path = tempfile.mkstemp(prefix="pcigate-", suffix=".fabric")
        os.write(handle, FABRIC.encode())
        os.close(handle)
        cls.addClassCleanup(os.unlink, path)
        cls.server = Server("")
        sockets = [os.path.join(cls.server.folder, name) for name in ("socket", "disk")]
        cls.server.arguments = [cls.server.program, "serve", "--control", cls.server.control, "--timeout", str(TIMEOUT),
                                *(f"sim:fabric,file={path},at={name}={to}"
                                  for name, to in zip(("nic", "disk"), sockets))]
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        cls.devices = [root_port("rp1"), vfio_user(sockets[0], bus="rp1"),
                       root_port("rp2"), vfio_user(sockets[1], bus="rp2")]

    @classmethod
    def boot(cls):
        cls.guest = Guest(devices=cls.devices, timeout=200, files={"bin/endpoint": program("endpoint")})
        cls.guest.start()
        cls.guest.run(f"chmod 755 /bin/endpoint; for f in {NIC} {DISK}; do setpci -s $f 4.w=6; "
                      f"echo flr > {SYSFS}$f/reset_method; done")

    def endpoint(self, bdf, *words):
        return self.guest.run(f"endpoint {bdf} " + " ".join(str(word) for word in words), check=False)

    def works(self, bdf):
        """It writes memory and reads it, and what moved is right."""
        return bool(self.endpoint(bdf, "write", 4096)) and bool(self.endpoint(bdf, "read", 4096))

    def both_work(self):
        for bdf in (NIC, DISK):
            self.assertTrue(self.works(bdf), self.server.log())

    def neighbour_works(self):
        self.assertTrue(self.works(DISK), self.server.log())
        self.assertEqual(self.guest.qmp("query-status")["status"], "running")

    def register(self, bdf, name):
        return int(self.guest.run(f"setpci -s {bdf} {name}").text, 16)

    def reset(self):
        """By Linux, which saves and restores what it knows of; how long it took."""
        began = time.monotonic()
        self.guest.run(f"echo 1 > {SYSFS}{NIC}/reset", check=False)
        took = time.monotonic() - began
        self.guest.run(f"setpci -s {NIC} 4.w=6")
        return took


class Faults(Pair):
    """The guest has its function back in the end: each test leaves it as it was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.boot()
        cls.addClassCleanup(cls.guest.close)

    def setUp(self):
        self.said = len(self.server.log())
        self.both_work()

    def tearDown(self):
        self.both_work()

    def fault(self, *words):
        ctl(self.server, "fault", "nic", *words)
        self.addCleanup(ctl, self.server, "fault", "nic", "clear")

    def log(self):
        return self.server.log()[self.said:]

    def test_blocked_by_the_iommu(self):
        """Two of its transfers; the third is through. The guest's memory is as it was."""
        self.fault("iommu", "2")
        for _ in range(2):
            self.assertRegex(self.endpoint(NIC, "write", 4096).text, "result 0000000[1-9]")
            self.assertTrue(self.works(DISK))
        self.assertTrue(self.works(NIC))
        self.assertIn("the IOMMU blocked a request of nic", self.log())

    def test_completer_abort(self):
        """One read is all ones to the guest; the next is a register again."""
        self.endpoint(NIC, "poke", 0, 0x1234)
        self.fault("abort", "1")
        self.assertIn("ffffffff", self.endpoint(NIC, "peek", 0).text)
        self.assertIn("00001234", self.endpoint(NIC, "peek", 0).text)
        self.assertIn("Completer Abort", ctl(self.server, "errors"))

    def test_configuration_space_of_ones(self):
        """What is virtual reads as the guest wrote it. A reset is refused until the function answers, and then makes it
        work again."""
        self.fault("config-ones", "on")
        self.guest.run(f"setpci -s {NIC} 4.w=2")
        self.assertEqual(self.register(NIC, "4.w") & 6, 2)
        self.assertIn("the function does not answer", self.log())
        self.reset()
        self.assertRegex(self.log(), "write of 2 bytes .* refused")
        self.assertFalse(self.works(NIC))
        self.neighbour_works()
        self.fault("config-ones", "off")
        self.reset()

    def test_does_not_fall_asleep(self):
        """D3hot is what the guest reads, and its function is as off for it as if it slept."""
        self.endpoint(NIC, "poke", 0, 0x5678)
        self.fault("stuck-power", "on")
        self.guest.run(f"setpci -s {NIC} {PM}=3:3")
        self.assertEqual(self.register(NIC, PM) & 3, 3)
        self.assertNotIn("5678", self.endpoint(NIC, "peek", 0).text)
        self.assertIn("the power state stays as it is", self.log())
        self.neighbour_works()
        self.fault("clear")
        self.guest.run(f"setpci -s {NIC} {PM}=0:3; sleep 0.05; setpci -s {NIC} 4.w=6")
        self.assertIn("5678", self.endpoint(NIC, "peek", 0).text)

    def test_slow_reset(self):
        """Linux waits for it, as it does for hardware. The whole guest does: QEMU waits for the answer to a write of
        configuration space. (That other clients do not is shown by the protocol's tests.)"""
        quick = self.reset()
        self.fault("flr", "900")
        self.assertGreater(self.reset(), max(0.9, quick))
        self.assertNotIn("quarantine", self.log())


class Quarantine(Pair):
    """What takes the function out of its guest's hands. The guest goes on without it, and the next one has it again."""

    def setUp(self):
        self.boot()
        self.addCleanup(self.guest.close)
        self.both_work()

    def lost(self, said):
        end = time.monotonic() + 10
        while said not in self.server.log() and time.monotonic() < end:
            time.sleep(0.1)
        self.assertIn(said, self.server.log())
        self.assertFalse(self.works(NIC))
        self.neighbour_works()

    def again(self):
        self.guest.close()
        ctl(self.server, "fault", "nic", "clear")
        self.boot()
        self.addCleanup(self.guest.close)
        self.both_work()

    def test_endless_reset_and_no_waking(self):
        """Linux looks for a minute whether the function comes back; until then its configuration space is not to be had."""
        ctl(self.server, "fault", "nic", "flr", "never")
        self.guest.run(f"echo 1 > {SYSFS}{NIC}/reset 2>/dev/null &")
        self.lost("the function is in quarantine")
        self.again()
        self.guest.run(f"setpci -s {NIC} {PM}=3:3")
        ctl(self.server, "fault", "nic", "stuck-power", "on")
        self.guest.run(f"setpci -s {NIC} {PM}=0:3")
        self.lost("the function does not come back to D0")
        self.assertEqual(self.register(NIC, "VENDOR_ID"), 0xffff)
        self.again()


if __name__ == "__main__":
    unittest.main()
