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


def harmless(line):
    """QEMU empties an address space of its virtual IOMMU by unmapping all of it in blocks, most of them empty."""
    return "No such file or directory" in line and ("_dma_unmap(" in line or "command 3 error" in line)


def complaints(server, guest):
    """What the server, QEMU or the guest's kernel had to complain about."""
    found = [f"pcigate: {line}" for line in server.log().splitlines() if "error" in line or "warning" in line]
    found += [f"QEMU: {line}" for line in guest.qemu_log().splitlines() if not harmless(line)]
    found += [f"guest: {line}" for line in guest.console().splitlines()
              if any(word in line for word in ("BUG", "WARNING", "DMAR: [", "nobody cared", "Call Trace"))]
    return found


class Scenario(unittest.TestCase):
    """One server and one guest for all tests of a class."""

    function, options = "sim:endpoint-test", ()
    memory, iommu, cmdline = "shared", "remap", ""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.function, *cls.options).start()
        cls.addClassCleanup(cls.server.stop)
        cls.restart()

    @classmethod
    def restart(cls):
        """A new guest on the same server."""
        cls.guest = Guest(devices=[root_port("rp1"), plug(cls.server)], memory=cls.memory, iommu=cls.iommu,
                          cmdline=cls.cmdline, timeout=240)
        cls.addClassCleanup(cls.guest.close)
        cls.guest.start()

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

def take(guest, count=64, first=0, stride=1):
    """Bind our own driver to the function; what it found stands in dmesg."""
    guest.run(f"echo pcigate_vectors > /sys/bus/pci/devices/{FUNCTION}/driver_override; dmesg -c > /dev/null")
    guest.run(f"modprobe pcigate_vectors count={count} first={first} stride={stride}")


class SomeVectors(Scenario):
    """A guest that takes 64 entries of a table of 2048, by a driver of our own."""

    function = "sim:endpoint-test,msix=2048"

    def take(self, count, first, stride):
        take(self.guest, count, first, stride)
        self.addCleanup(self.guest.run, "rmmod pcigate_vectors")
        said = self.guest.run("dmesg").text
        self.assertIn(f"good: {count} of 2048 entries", said)
        self.assertEqual(int(self.guest.run("grep -c pcigate_vectors /proc/interrupts").text), count)
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
        take(self.guest, 64, 0, 32)
        self.guest.run("rmmod pcigate_vectors")
        self.take(48, 7, 3)


# --- coming and going --------------------------------------------------------

class Works:
    """Mixed into a Scenario: the function works, by what the selftest says."""

    msi, msix = 32, 32

    def works(self):
        self.assertTrue(self.bound(), self.guest.run("dmesg | tail -n 20").text)
        outcomes = selftest.run(self.guest)
        self.assertTrue(outcomes.complete, outcomes.text[-2000:])
        self.assertEqual(outcomes.failed(), [])
        self.assertEqual(outcomes["pci_ep_basic.MSI_TEST"].vectors, self.msi)
        self.assertEqual(outcomes["pci_ep_basic.MSIX_TEST"].vectors, self.msix)
        self.quiet()


class Life(Works):
    """Mixed into a Scenario: whatever happened, the function works afterwards. In the order of the names."""

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

    def test_7_qemu_killed(self):
        """The client dies at work; the next one finds the function as new."""
        self.guest.run("pci_endpoint_selftest -f pci_ep_data_transfer >/dev/null 2>&1 &")
        self.guest.process.kill()
        self.guest.process.wait()
        self.restart()
        self.guest.load_driver()
        self.works()


class Budget(Works, Scenario):
    """Three vectors of 2048: whatever a guest's drivers ask for, there are no more."""

    function, options = "sim:endpoint-test,msix=2048", ("--policy", "msix-vectors=3")
    msix = 3

    def taken(self):
        return len(self.guest.run(f"ls /sys/bus/pci/devices/{FUNCTION}/msi_irqs", check=False).text.split())

    def test_1_lspci_counts_them(self):
        self.assertIn("Count=3 ", self.guest.run(f"lspci -vv -s {FUNCTION} | grep MSI-X").text)

    def test_2_all_of_them_work(self):
        take(self.guest, 3)
        self.addCleanup(self.guest.run, "rmmod pcigate_vectors")
        self.assertIn("good: 3 of 3 entries", self.guest.run("dmesg").text)
        self.assertEqual(int(self.guest.run("grep -c pcigate_vectors /proc/interrupts").text), 3)
        self.assertEqual(self.taken(), 3)
        self.quiet()

    def test_3_a_driver_that_insists_on_more_has_none(self):
        for count in (4, 2048):
            take(self.guest, count)
            said = self.guest.run("dmesg").text
            self.guest.run("rmmod pcigate_vectors")
            self.assertIn(f"no {count} MSI-X entries", said)
            self.assertEqual(self.guest.run("grep -c pcigate_vectors /proc/interrupts", check=False).text.strip(), "0")
        self.quiet()

    def test_4_linuxs_own_driver_asks_for_all_and_gets_three(self):
        self.guest.run(f"echo > /sys/bus/pci/devices/{FUNCTION}/driver_override")
        self.guest.load_driver()
        self.works()


class LifeShared(Life, Scenario):
    iommu, msi = "none", 1


class LifePrivateSecondStage(Life, Scenario):
    memory, iommu = "private", "second-stage"


class ResetMapped(Works, Scenario):
    """The machine is reset while a driver has memory mapped through the vIOMMU: nothing of it may stay."""

    iommu = "second-stage"

    def test_reset(self):
        take(self.guest, self.msix)
        self.assertIn("good: ", self.guest.run("dmesg").text)
        self.guest.system_reset()
        self.guest.load_driver()
        self.works()


class Plug(Works):
    """Mixed into a Scenario: hot-plug. QEMU takes a function with MSI-X only once (see UnplugMsix): this has none."""

    function = "sim:endpoint-test,msix=0"

    def works(self):
        self.assertTrue(self.bound(), self.guest.run("dmesg | tail -n 20").text)
        outcomes = selftest.run(self.guest, "-T MSIX_TEST")
        self.assertTrue(outcomes.complete, outcomes.text[-2000:])
        self.assertEqual(outcomes.failed(), [])
        self.assertEqual(outcomes["pci_ep_basic.MSI_TEST"].vectors, self.msi)
        self.quiet()

    def test_1_unplug_and_plug(self):
        self.guest.load_driver()
        for _ in range(3):
            self.works()
            self.guest.device_del("function")
            self.assertEqual(self.guest.run(f"lspci -s {FUNCTION}").text, "")
            self.quiet()
            self.guest.device_add(plug(self.server))
            self.guest.wait_for(f"ls -d {DRIVER}/{FUNCTION}")
        self.works()

    def test_2_unplugged_at_work(self):
        """Pulled while the selftest runs. Linux's driver lets an ioctl run on after it has let go of the BARs, and may
        fall over that: what is looked at is the server, by a new guest."""
        self.guest.run("while pci_endpoint_selftest -T MSIX_TEST; do :; done >/dev/null 2>&1 &")
        self.guest.device_del("function")
        self.assertTrue(self.server.alive(), self.server.log())
        self.guest.close()
        self.restart()
        self.guest.load_driver()
        self.works()


class PlugShared(Plug, Scenario):
    iommu, msi = "none", 1


class PlugPrivateSecondStage(Plug, Scenario):
    memory, iommu = "private", "second-stage"


class UnplugMsix(Works, Scenario):
    """QEMU 11.1.3 and before abort when a function with MSI-X is unplugged: they take the PBA's memory region out of
    the BAR's after that is gone. The server has to live through it."""

    def test_unplug(self):
        self.guest.load_driver()
        try:
            self.guest.device_del("function")
        except (EOFError, RigError):
            self.assertIn("memory_region_del_subregion: Assertion", self.guest.qemu_log())
            self.restart()
            self.guest.load_driver()
            self.works()
            self.skipTest("this QEMU aborts when a function with MSI-X is unplugged; the server lived on")
        self.guest.device_add(plug(self.server))
        self.guest.wait_for(f"ls -d {DRIVER}/{FUNCTION}")
        self.works()


if __name__ == "__main__":
    unittest.main()
