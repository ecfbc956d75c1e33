# SPDX-License-Identifier: BSD-3-Clause
"""A function is reset behind the back of its guest (`pcigate ctl reset`): with the profile guarded the guest's driver is
none the wiser, with raw it is done.

The server sees that registers are lost at the guest's next write of COMMAND, which Linux makes whenever a driver goes over
to another kind of interrupt; until then registers behind BARs read all ones. A command that the function was at is lost in
any case, and Linux's driver would wait for it without an end: the reset comes between two commands. Memory that the guest
has mapped is the server's file and stays reachable, where hardware's would not answer.
"""

import unittest

import selftest
from fabric import ctl
from rig import Guest, Server, root_port, vfio_user

BAR0, COMMAND = 0x10, 0x04
SLOT = "01:00.0"
BOUND = "/sys/bus/pci/drivers/pci-endpoint-test/0000:" + SLOT


class Backdoor:
    """Mixed into a test case: the driver has worked, and then the function is reset."""

    profile = ""

    @classmethod
    def setUpClass(cls):
        cls.server = Server("sim:endpoint-test", "--profile", cls.profile).start()
        cls.addClassCleanup(cls.server.stop)
        cls.guest = Guest(devices=[root_port("rp1"), vfio_user(cls.server.socket, bus="rp1")], iommu="remap",
                          timeout=150)
        cls.guest.start()
        cls.addClassCleanup(cls.guest.close)
        cls.guest.load_driver()
        cls.before = cls.select("-f pci_ep_data_transfer")
        cls.config = cls.hardware()
        cls.guest.run("dmesg -c > /dev/null")
        ctl(cls.server, "reset")
        cls.lost = cls.hardware()

    @classmethod
    def select(cls, filters, seconds=60):
        return selftest.run(cls.guest, filters, seconds=seconds)

    @classmethod
    def hardware(cls):
        """COMMAND's enables and the first BAR."""
        config = cls.server.config("host")
        return config[COMMAND] & 7, config[BAR0:BAR0 + 4].hex()

    def test_0_it_was_reset(self):
        self.assertEqual(self.before.failed(), [])
        self.assertEqual(self.config[0], 6)
        self.assertEqual(self.lost, (0, "00000000"))


class Guarded(Backdoor, unittest.TestCase):
    profile = "guarded"

    def good(self, outcomes):
        self.assertTrue(outcomes.complete, outcomes.text[-2000:])
        self.assertEqual(outcomes.failed(), [])

    def test_1_the_guest_sees_what_it_wrote(self):
        self.assertEqual(int(self.guest.run(f"setpci -s {SLOT} 4.w").text, 16) & 7, 6)
        self.assertNotEqual(self.server.config("guest")[BAR0:BAR0 + 4], bytes(4))

    def test_2_the_driver_goes_on(self):
        """It goes over from MSI to a pin and back, and does its work; nobody bound anything."""
        self.good(self.select("-t LEGACY_IRQ_TEST -t MSI_TEST -t READ_TEST -t WRITE_TEST -t COPY_TEST"))
        self.guest.run(f"ls -d {BOUND}")

    def test_3_all_of_it(self):
        outcomes = self.select("", 150)
        self.good(outcomes)
        self.assertEqual(outcomes["pci_ep_basic.MSIX_TEST"].vectors, 32)
        self.assertEqual(self.hardware(), self.config)
        self.assertIn("was reset from elsewhere", self.server.log())

    def test_4_again_at_work(self):
        """Once more, and again, whatever kind of interrupt it holds."""
        for name in ("LEGACY_IRQ_TEST", "MSIX_TEST", "MSI_TEST", "LEGACY_IRQ_TEST"):
            ctl(self.server, "reset")
            self.good(self.select(f"-t {name}"))
        self.good(self.select("-f pci_ep_data_transfer"))

    def test_5_the_guest_heard_nothing(self):
        said = self.guest.run("dmesg").text
        self.assertNotRegex(said, "endpoint-test|AER: ", said)


class Raw(Backdoor, unittest.TestCase):
    profile = "raw"

    def test_1_the_guest_sees_what_was_lost(self):
        self.assertEqual(int(self.guest.run(f"setpci -s {SLOT} 4.w").text, 16) & 7, 0)
        self.assertEqual(self.server.config("guest")[BAR0:BAR0 + 4], bytes(4))

    def test_2_the_driver_fails(self):
        """Interrupts do not arrive and registers do not answer, for good."""
        for name in ("pci_ep_basic.LEGACY_IRQ_TEST", "pci_ep_bar.BAR0.BAR_TEST"):
            outcome = self.select(f"-r {name}")[name]
            self.assertEqual(outcome.state, "fail", str(outcome))
        self.assertEqual(self.hardware(), self.lost)
        self.assertNotIn("was reset from elsewhere", self.server.log())


if __name__ == "__main__":
    unittest.main()
