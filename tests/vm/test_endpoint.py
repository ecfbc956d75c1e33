# SPDX-License-Identifier: BSD-3-Clause
"""A Linux guest drives sim:endpoint-test with its own driver and its own selftest."""

import unittest

import selftest
from rig import Guest, RigError, Server, root_port, vfio_user

FUNCTION = "0000:01:00.0"
DRIVER = "/sys/bus/pci/drivers/pci-endpoint-test"

# As many MSI-X vectors as two CPUs hold beside the guest's other devices.
VECTORS = 300

# What may be skipped, and the only reasons that count.
MAY_SKIP = {
    "BAR_SUBRANGE_TEST": ("Subrange map is not supported", "BAR is test register space"),
    "DOORBELL_TEST": ("Doorbell test is not supported",),
}


def plug(server, **options):
    return vfio_user(server.socket, bus="rp1", id="function", **options)


def complaints(server, guest):
    """What the server, QEMU or the guest's kernel had to complain about."""
    found = [f"pcigate: {line}" for line in server.log().splitlines() if "error" in line or "warning" in line]
    found += [f"QEMU: {line}" for line in guest.qemu_log().splitlines()]
    found += [f"guest: {line}" for line in guest.console().splitlines()
              if any(word in line for word in ("BUG", "WARNING", "DMAR: [", "nobody cared", "Call Trace"))]
    return found


class Scenario(unittest.TestCase):
    """One server and one guest for all tests of a class."""

    function = "sim:endpoint-test"
    memory, iommu, cmdline = "shared", "remap", ""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.function).start()
        cls.addClassCleanup(cls.server.stop)
        cls.guest = Guest(devices=[root_port("rp1"), plug(cls.server)], memory=cls.memory, iommu=cls.iommu,
                          cmdline=cls.cmdline, timeout=240)
        cls.guest.start()
        cls.addClassCleanup(cls.guest.close)

    def quiet(self):
        self.assertTrue(self.server.alive(), self.server.log())
        self.assertEqual(complaints(self.server, self.guest), [])

    def bound(self):
        return self.guest.run(f"ls -d {DRIVER}/{FUNCTION}", check=False).status == 0


# --- the matrix: all of the selftest, each of its tests one of ours ----------

class Matrix:
    """Mixed into a Scenario: the selftest runs once, then each test looks at its own line."""

    function = f"sim:endpoint-test,msix={VECTORS}"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guest.load_driver()
        cls.outcomes = selftest.run(cls.guest)

    def look(self, name):
        outcome = self.outcomes.get(name)
        if outcome is None:
            self.assertTrue(self.outcomes.complete, f"the selftest did not end:\n{self.outcomes.text[-2000:]}")
            self.skipTest("this kernel's selftest has no such test")
        self.assertNotEqual(outcome.state, "fail", str(outcome))
        if outcome.state == "skip":
            self.assertIn(outcome.reason, MAY_SKIP.get(name.split(".")[-1], ()))
            self.skipTest(outcome.reason)
        if name.endswith("MSI_TEST"):
            self.assertEqual(outcome.vectors, 32)
        if name.endswith("MSIX_TEST"):
            self.assertEqual(outcome.vectors, VECTORS)

    def test_binds(self):
        self.assertTrue(self.bound())

    def test_no_other_failure(self):
        self.assertTrue(self.outcomes.complete, self.outcomes.text[-2000:])
        self.assertEqual(self.outcomes.failed(), [])

    def test_quiet(self):
        self.quiet()


def _one(name):
    return lambda self: self.look(name)


for _name in selftest.TESTS:
    setattr(Matrix, "test_" + _name.replace(".", "_"), _one(_name))


class SharedRemap(Matrix, Scenario):
    pass


class PrivateRemap(Matrix, Scenario):
    memory = "private"


class SharedSecondStage(Matrix, Scenario):
    iommu = "second-stage"


class PrivateSecondStage(Matrix, Scenario):
    memory, iommu = "private", "second-stage"


# --- some vectors of many ----------------------------------------------------

class SomeVectors(Scenario):
    """A guest that takes 64 entries of a table of 2048, by a driver of our own."""

    function = "sim:endpoint-test,msix=2048"

    def take(self, count, first, stride):
        run = self.guest.run
        run(f"modprobe pcigate_vectors count={count} first={first} stride={stride}")
        self.addCleanup(run, "rmmod pcigate_vectors")
        run(f"echo pcigate_vectors > /sys/bus/pci/devices/{FUNCTION}/driver_override; dmesg -c > /dev/null")
        run(f"echo {FUNCTION} > /sys/bus/pci/drivers_probe", check=False)
        said = run("dmesg").text
        self.assertIn(f"good: {count} of 2048 entries", said)
        held = run(f"ls -d /sys/bus/pci/drivers/pcigate_vectors/{FUNCTION} >/dev/null && "
                   "grep -c pcigate_vectors /proc/interrupts").text
        self.assertEqual(int(held), count)
        self.quiet()

    def test_first_64(self):
        self.take(64, 0, 1)

    def test_last_64(self):
        self.take(64, 1984, 1)

    def test_every_32nd(self):
        self.take(64, 31, 32)

    def test_one(self):
        self.take(1, 2047, 1)

    def test_taken_again(self):
        self.take(64, 0, 32)
        self.guest.run("rmmod pcigate_vectors")
        self.guest.run("modprobe pcigate_vectors")
        self.take(48, 7, 3)


# --- coming and going --------------------------------------------------------

class Life:
    """Mixed into a Scenario: whatever happened, the function works afterwards. In the order of the names."""

    msi = 32

    def works(self):
        self.assertTrue(self.bound(), self.guest.run("dmesg | tail -n 20").text)
        outcomes = selftest.run(self.guest)
        self.assertTrue(outcomes.complete, outcomes.text[-2000:])
        self.assertEqual(outcomes.failed(), [])
        self.assertEqual(outcomes["pci_ep_basic.MSI_TEST"].vectors, self.msi)
        self.assertEqual(outcomes["pci_ep_basic.MSIX_TEST"].vectors, 32)
        self.quiet()

    def test_1_first(self):
        self.guest.load_driver()
        self.works()

    def test_2_unbind_and_bind(self):
        for _ in range(2):
            self.guest.run(f"echo {FUNCTION} > {DRIVER}/unbind")
            self.assertFalse(self.bound())
            self.guest.run(f"echo {FUNCTION} > {DRIVER}/bind")
        self.works()

    def test_3_remove_and_rescan(self):
        self.guest.run(f"echo 1 > /sys/bus/pci/devices/{FUNCTION}/remove")
        self.assertEqual(self.guest.run(f"lspci -s {FUNCTION}").text, "")
        self.guest.run("echo 1 > /sys/bus/pci/rescan")
        self.works()

    def test_4_reset_while_bound(self):
        self.guest.run(f"grep -q flr /sys/bus/pci/devices/{FUNCTION}/reset_method && "
                       f"echo 1 > /sys/bus/pci/devices/{FUNCTION}/reset")
        self.works()

    def test_5_reboot(self):
        self.guest.reboot()
        self.guest.load_driver()
        self.works()

    def test_6_system_reset(self):
        self.guest.system_reset()
        self.guest.load_driver()
        self.works()

    def test_7_unplug_and_plug(self):
        for _ in range(2):
            self.guest.device_del("function")
            self.assertEqual(self.guest.run(f"lspci -s {FUNCTION}").text, "")
            self.assertTrue(self.server.alive())
            self.guest.device_add(plug(self.server))
            self.guest.wait_for(f"ls -d {DRIVER}/{FUNCTION}")
            self.works()

    def test_8_unplug_under_way(self):
        """Pulled while the selftest runs; what it says then is its own affair."""
        self.guest.run("pci_endpoint_selftest >/tmp/pulled 2>&1 &")
        self.guest.device_del("function")
        self.guest.run("wait; killall pci_endpoint_selftest", check=False)
        self.guest.device_add(plug(self.server))
        self.guest.wait_for(f"ls -d {DRIVER}/{FUNCTION}")
        self.assertTrue(self.server.alive())

    def test_9_qemu_killed(self):
        """The client dies at work; the next one finds the function as new."""
        self.guest.run("pci_endpoint_selftest -f pci_ep_data_transfer >/dev/null 2>&1 &", check=False)
        self.guest.process.kill()
        self.guest.process.wait()
        with Guest(devices=[root_port("rp1"), plug(self.server)], memory=self.memory, iommu=self.iommu) as guest:
            type(self).guest = guest
            guest.load_driver()
            self.works()


class LifeShared(Life, Scenario):
    iommu, msi = "none", 1


class LifePrivateSecondStage(Life, Scenario):
    memory, iommu = "private", "second-stage"


if __name__ == "__main__":
    unittest.main()
