# SPDX-License-Identifier: BSD-3-Clause
"""Linux's own PCI code looks at our fabric: a guest finds its ports, switches and functions behind the vmd driver.

sim:vmd is one function whose BARs are windows into a whole fabric. Nothing of ours enumerates it here: bus numbers,
windows, BARs, payload sizes, VFs, hotplug and error handling are what the guest's kernel makes of our registers.
"""

import os
import re
import unittest

import fabric
import selftest
from fabric import DRIVER


class Enumeration(fabric.Fabric):
    description = """
root-port     rp1 slot=1 mps=512
root-port     rp2 slot=2 mps=256
switch        sw1 below=rp1 ports=3 mps=512
endpoint-test a   below=sw1.0 mps=256
endpoint-test b   below=sw1.1 mps=512
endpoint-test c   below=rp2 mps=128
"""
    cmdline = "pci=pcie_bus_safe"

    def test_everything_is_found(self):
        self.assertEqual(len(self.functions), 2 + 4 + 3, self.functions)
        self.assertEqual(len(self.find("1912:002d")), 3)

    def test_no_unknown_header(self):
        text = self.guest.run("lspci -D -vvv").text
        self.assertNotIn("!!!", text)
        self.assertNotIn("<chain broken>", text)

    def test_ports_have_drivers(self):
        for bdf in self.functions:
            if self.sysfs(bdf, "class").startswith("0x0604"):
                driver = self.guest.run(f"readlink /sys/bus/pci/devices/{bdf}/driver").text
                self.assertIn("pcieport", driver, bdf)

    def test_bars_have_addresses(self):
        for bdf in self.find("1912:002d"):
            first = self.sysfs(bdf, "resource").splitlines()[0].split()
            self.assertNotEqual(int(first[0], 16), 0, bdf)

    def test_payload_sizes_are_the_path_s(self):
        """pcie_bus_safe: the smallest of a hierarchy below one root port."""
        sizes = {}
        for bdf in self.functions:
            found = re.search(r"MaxPayload (\d+) bytes, MaxReadReq", self.verbose(bdf))
            sizes[bdf] = int(found[1])
        self.assertEqual(sorted(sizes.values()), [128] * 2 + [256] * 7, sizes)

    def test_links_are_up(self):
        for bdf in self.find("1912:002d"):
            self.assertEqual(self.sysfs(bdf, "current_link_width"), "1")


class Driver(fabric.Fabric):
    """Linux's endpoint driver and its selftest, two ports and a switch away."""

    # The vmd driver gives vectors of their own to functions of NVMe's class alone; all others share one.
    description = """
root-port     rp1
switch        sw1 below=rp1 ports=1
endpoint-test a   below=sw1.0 msix=8 class=010802
"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guest.run("modprobe pci_endpoint_test")
        cls.outcomes = selftest.run(cls.guest)

    def test_bound(self):
        self.guest.run(f"ls -d {DRIVER}/{self.find('1912:002d')[0]}")

    def test_transfers(self):
        for what in ("READ", "WRITE", "COPY"):
            outcome = self.outcomes[f"pci_ep_data_transfer.memcpy.{what}_TEST"]
            self.assertEqual(outcome.state, "pass", str(outcome))

    def test_msix(self):
        outcome = self.outcomes["pci_ep_basic.MSIX_TEST"]
        self.assertEqual((outcome.state, outcome.vectors), ("pass", 8), str(outcome))

    def test_bars(self):
        for n in range(6):
            outcome = self.outcomes.get(f"pci_ep_bar.BAR{n}.BAR_TEST")
            self.assertNotEqual(outcome.state, "fail", str(outcome))


class Sriov(fabric.Fabric):
    """VFs come and go by the guest's sysfs."""

    description = """
root-port     rp1 ari=on
endpoint-test pf  below=rp1 vfs=8 vf-msix=4 class=010802
"""
    vectors = 48

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guest.run("modprobe pci_endpoint_test")
        cls.pf = next(bdf for bdf, ids in cls.functions.items() if ids == "1912:002d")

    def numvfs(self, n):
        self.guest.run(f"echo {n} > /sys/bus/pci/devices/{self.pf}/sriov_numvfs")

    def vfs(self):
        text = self.guest.run(f"cd /sys/bus/pci/devices/{self.pf}; for v in virtfn*; do readlink $v; done; true").text
        return sorted(os.path.basename(line) for line in text.split())

    def test_come_and_go(self):
        self.assertEqual(self.sysfs(self.pf, "sriov_totalvfs"), "8")
        for count in (1, 8, 0, 3):
            self.numvfs(0)
            self.numvfs(count)
            self.assertEqual(len(self.vfs()), count)
        before = set(self.listed())
        self.numvfs(0)
        self.assertEqual(len(before) - len(self.listed()), 3)

    def test_vf_is_one(self):
        self.numvfs(2)
        vf = self.vfs()[1]
        config = self.guest.run(f"setpci -s {vf} 0.l 4.w 3d.b").text.split()
        self.assertEqual(config[0], "ffffffff", "a VF's ids are the PF's to tell")
        self.assertEqual(config[2], "00", "no INTx pin")
        self.guest.run(f"setpci -s {vf} 4.w=2")
        self.assertEqual(int(self.guest.run(f"setpci -s {vf} 4.w").text, 16) & 2, 0, "no memory enable bit")
        self.assertIn("Count=4", self.verbose(vf))

    def test_vf_at_work(self):
        """The endpoint driver on a VF reads, writes, copies, and gets its interrupts."""
        self.numvfs(2)
        vf = self.vfs()[0]
        self.guest.run(f"echo {self.pf} > {DRIVER}/unbind || true; for v in {DRIVER}/10000*; do "
                       f"echo $(basename $v) > {DRIVER}/unbind; done 2>/dev/null; echo {vf} > {DRIVER}/bind")
        outcomes = selftest.run(self.guest, "-T READ_TEST -T WRITE_TEST -T COPY_TEST -T MSIX_TEST")
        for name, outcome in outcomes.items():
            if "memcpy" in name or name.endswith("MSIX_TEST"):
                self.assertEqual(outcome.state, "pass", f"{name}: {outcome}")


if __name__ == "__main__":
    unittest.main()
