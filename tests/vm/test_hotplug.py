# SPDX-License-Identifier: BSD-3-Clause
"""Functions come and go in slots of our fabric, and Linux's pciehp follows.

Pulled out by surprise, and switched off and on by the guest itself. Slots have neither buttons nor lamps nor power
control, so an orderly way out is software's alone. Transfers under way when a function is pulled are programs/endpoint's:
Linux's endpoint driver waits without an end for an interrupt that a function which is gone does not send, on any
hardware.
"""

import unittest

import fabric
import selftest


class Slots(fabric.Fabric):
    """A slot of a root port, and one of a switch."""

    description = """
root-port     rp1 slot=1
endpoint-test a   below=rp1 msix=4 class=010802
root-port     rp2
switch        sw1 below=rp2 ports=2 slot=10
endpoint-test b   below=sw1.0 msix=4 class=010802
"""
    where = (("a", 1), ("b", 10))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guest.run("modprobe pci_endpoint_test")
        cls.bdfs = dict(zip("ab", sorted(bdf for bdf, ids in cls.functions.items() if ids == fabric.ENDPOINT)))

    def gone(self, name):
        self.guest.wait_for(f"[ ! -e /sys/bus/pci/devices/{self.bdfs[name]} ]")

    def back(self, name):
        """Enumerated anew, with addresses, and its driver has it: the selftest says so."""
        bdf = self.bdfs[name]
        self.guest.wait_for(f"ls -d {fabric.DRIVER}/{bdf}")
        self.works(bdf)

    def works(self, bdf):
        fabric.hold(self.guest, bdf)
        outcomes = selftest.run(self.guest, "-t READ_TEST -t WRITE_TEST -t COPY_TEST -t MSIX_TEST")
        self.assertTrue(outcomes.complete, outcomes.text[-2000:])
        self.assertEqual(outcomes.failed(), [])
        self.assertEqual(outcomes["pci_ep_basic.MSIX_TEST"].vectors, 4)

    def test_0_slots(self):
        for name, slot in self.where:
            self.assertIn(self.guest.run(f"cat /sys/bus/pci/slots/{slot}/address").text.strip(), self.bdfs[name])
            self.assertEqual(self.guest.run(f"cat /sys/bus/pci/slots/{slot}/power").text.strip(), "1")

    def test_1_pulled_and_put_back(self):
        for name, slot in self.where:
            with self.subTest(slot=slot):
                self.guest.run("dmesg -c > /dev/null")
                fabric.ctl(self.server, "remove", name)
                self.gone(name)
                fabric.ctl(self.server, "insert", name)
                self.back(name)
                said = self.dmesg()
                for what in ("Link Down", "Card not present", "Card present", "Link Up"):
                    self.assertIn(f"pciehp: Slot({slot}): {what}", said)
                self.assertNotIn("PCIe Bus Error", said, "a slot for surprises: no error")

    def test_2_pulled_twice(self):
        """Out again while Linux still looks at what has come: it ends as it is, out."""
        fabric.ctl(self.server, "remove", "a")
        self.gone("a")
        fabric.ctl(self.server, "insert", "a")
        fabric.ctl(self.server, "remove", "a")
        self.guest.run("sleep 2")
        self.gone("a")
        fabric.ctl(self.server, "insert", "a")
        self.back("a")

    def test_3_switched_off_and_on(self):
        """By the guest, which disables the link; nothing was pulled."""
        for name, slot in self.where:
            with self.subTest(slot=slot):
                self.guest.run(f"echo 0 > /sys/bus/pci/slots/{slot}/power")
                self.gone(name)
                self.guest.run(f"echo 1 > /sys/bus/pci/slots/{slot}/power")
                self.back(name)

    def test_4_pulled_at_work(self):
        """Its registers read all ones from one moment to the next; the guest goes on, and so does the other one."""
        bdf = self.bdfs["a"]
        fabric.hold(self.guest, self.bdfs["b"])  # and nobody has a
        self.guest.run(f"echo 1 > /sys/bus/pci/devices/{bdf}/enable; setpci -s {bdf} 4.w=6")
        self.guest.run(f"( while endpoint {bdf} write 4096; do :; done; echo over ) > /tmp/said 2>&1 &")
        self.guest.wait_for("grep -q 'status 00000044' /tmp/said")
        fabric.ctl(self.server, "remove", "a")
        self.gone("a")
        self.guest.wait_for("grep -q over /tmp/said")
        self.works(self.bdfs["b"])
        fabric.ctl(self.server, "insert", "a")
        self.back("a")


if __name__ == "__main__":
    unittest.main()
