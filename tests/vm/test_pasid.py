# SPDX-License-Identifier: BSD-3-Clause
"""Linux finds the PASID, ATS and page request capabilities that the view makes, and turns them on.

The guest has an IOMMU in scalable mode (QEMU's intel-iommu), so Linux enables PASID and ATS when it takes the function
in; page requests it leaves off until a driver wants them. All of it is `force`: configuration only. vfio-user's messages
carry no PASID and QEMU's IOMMU does not translate for the function, so nothing is translated, blocked or faulted by
PASID here: tests/protocol and the fabric's own tests show that.
"""

import re
import unittest

import selftest
from fabric import hold
from rig import Guest, Server, root_port, vfio_user

FORCE = ("--policy", "pasid=force", "--policy", "ats=force", "--policy", "pri=force")
ENFORCED = "sim:endpoint-test,pasid=16:exec:priv,ats=on,pri=8,msix=8"
FUNCTIONS = (
    ("sim:endpoint-test,msix=8", *FORCE),
    (ENFORCED, *FORCE),
    ("sim:endpoint-test,msix=8,pasid=16:exec:priv,ats=on,vfs=2,vf=1", *FORCE[:4]),
    (ENFORCED,),
)


class Pasid(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers, devices = [], []
        for n, (function, *options) in enumerate(FUNCTIONS, 1):
            server = Server(function, *options).start()
            cls.addClassCleanup(server.stop)
            cls.servers.append(server)
            devices += [root_port(f"rp{n}"), vfio_user(server.socket, bus=f"rp{n}")]
        cls.guest = Guest(devices=devices, iommu="scalable", timeout=180)
        cls.guest.start()
        cls.addClassCleanup(cls.guest.close)
        cls.guest.run("modprobe pci_endpoint_test")

    def lines(self, n, *names):
        """What lspci says in lines that begin so; "" where there is none."""
        text = self.guest.run(f"lspci -vvv -s {n:02x}:00.0").text
        return [next(iter(re.findall(rf"{name}:\s*(.*)", text)), "") for name in names]

    def transfers(self, n):
        hold(self.guest, f"0000:{n:02x}:00.0")
        outcomes = selftest.run(self.guest, "-t READ_TEST -t WRITE_TEST -t COPY_TEST -t MSIX_TEST")
        self.assertTrue(outcomes.complete, outcomes.text[-2000:])
        self.assertEqual(outcomes.failed(), [])

    def labelled(self, n):
        self.assertIn("pasid=force: configuration only", self.servers[n - 1].log())

    def test_made_up(self):
        """A function that has none of it: the width is as said, execute and privileged are nobody's to promise."""
        self.labelled(1)
        capability, control, ats = self.lines(1, "PASIDCap", "PASIDCtl", "ATSCtl")
        self.assertEqual(capability, "Exec- Priv-, Max PASID Width: 14")
        self.assertEqual(control, "Enable+ Exec- Priv-")
        self.assertTrue(ats.startswith("Enable+"), ats)
        self.transfers(1)

    def test_page_requests_are_seen(self):
        control, status = self.lines(1, "PRICtl", "PRISta")
        self.assertEqual(control, "Enable- Reset-")
        self.assertEqual(status, "RF- UPRGI- Stopped+ PASID+")

    def test_of_what_is_enforced(self):
        """The backend tells execute and privileged apart, so the capability says so, and Linux takes it."""
        capability, control, ats = self.lines(2, "PASIDCap", "PASIDCtl", "ATSCtl")
        self.assertEqual(capability, "Exec+ Priv+, Max PASID Width: 10")
        self.assertEqual(control, "Enable+ Exec+ Priv+")
        self.assertTrue(ats.startswith("Enable+"), ats)
        self.assertIn("Page Request Capacity: 00000008",
                      self.guest.run("lspci -vvv -s 02:00.0 | grep Capacity").text)
        self.transfers(2)

    def test_virtual_function(self):
        """A VF, which no hardware gives a capability of its own; for the guest it is a function like any."""
        self.labelled(3)
        capability, control, ats = self.lines(3, "PASIDCap", "PASIDCtl", "ATSCtl")
        self.assertEqual(capability, "Exec+ Priv+, Max PASID Width: 10")
        self.assertEqual(control, "Enable+ Exec+ Priv+")
        self.assertTrue(ats.startswith("Enable+"), ats)
        self.transfers(3)

    def test_none_without_being_asked(self):
        """Hardware has it all, and no client spoke of it: hidden."""
        self.assertEqual(self.lines(4, "PASIDCap", "ATSCap", "PRICtl"), ["", "", ""])
        self.transfers(4)

    def test_linux_is_content(self):
        said = self.guest.run("dmesg").text
        self.assertNotRegex(said, r"DMAR: \[|BUG|WARNING|Failed to enable PASID")
        for server in self.servers:
            self.assertNotIn("error", server.log())


if __name__ == "__main__":
    unittest.main()
