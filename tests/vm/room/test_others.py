# SPDX-License-Identifier: BSD-3-Clause
"""Functions that nothing here was written for: VFs of nvme, and storage, network, USB, sound and other controllers. The
kernel's device has its known faults and no others, the same function served has none; a VF of nvme does real work, and
loses its resources and itself while it does."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import functions
import rig
import test_conform
from inner import Inner
from served import Served
from test_conform import CONVENTIONAL, EXPRESS, LONG, MSI, PHYSICAL, REDUCED

MSIX = {"linux.1.6-msix-control", "linux.2.4-table-out-of-reach"}

FAULTS = {
    "nvme-vf": EXPRESS | {"linux.2.1-not-gated"},
    "virtio-scsi": EXPRESS | PHYSICAL,
    "virtio-blk": EXPRESS | PHYSICAL,
    "virtio-rng": EXPRESS | PHYSICAL,
    "vmxnet3": EXPRESS | PHYSICAL | MSI,
    "pvscsi": (EXPRESS | PHYSICAL | MSI) - MSIX,
    "megasas-gen2": EXPRESS | PHYSICAL | MSI,
    "xhci": EXPRESS | PHYSICAL,
    "nec-xhci": EXPRESS | PHYSICAL | MSI,
    "ahci": CONVENTIONAL | MSI,
    "megasas": CONVENTIONAL | MSI | MSIX,
    "lsi": CONVENTIONAL,
    "mptsas": CONVENTIONAL | MSI,
    "ne2k": CONVENTIONAL,
    "eepro100": CONVENTIONAL | {"linux.7.1.10-flr-keeps-view"},
    "tulip": CONVENTIONAL,
    "ehci": CONVENTIONAL,
    "sdhci": CONVENTIONAL,
    "hda": CONVENTIONAL | MSI,
    "testdev": CONVENTIONAL,
    "rocker": CONVENTIONAL | MSIX,
    "pcnet": CONVENTIONAL,
}

# In the ordinary run: some of each kind. All of them take three times as long.
FEW = ("vmxnet3", "xhci", "ahci", "megasas", "mptsas", "eepro100", "pcnet")
ALL = tuple(name for name in FAULTS if not test_conform.is_vf(name))


class Others(test_conform.Pair):
    # pcnet's group has another function, which vfio-pci must hold, too.
    FUNCTIONS = (ALL if LONG else FEW) + ("pcnet-1",)
    FAULTS = FAULTS
    WAYS = {"iommufd": ()}
    # Its power state cannot be written, and the kernel does not move it.
    OWN = {"eepro100": ["pm.state.readback", "gate.d3hot"]}
    NOTES = {"eepro100": ("does not go to D3: Input/output error; its PMCSR reads another state",
                          "region 7 refused (Input/output error) and dropped; the host's own note says why")}

    def check_all(self, express):
        for name in self.FUNCTIONS:
            if name in FAULTS and ("linux.1.6-shown-raw" in FAULTS[name]) == express:
                with self.subTest(name):
                    self.check(name, self.room.address(name))

    def test_express(self):
        self.check_all(True)

    def test_conventional(self):
        self.room.bind(self.room.address("pcnet-1"))
        self.check_all(False)


class Vfs(test_conform.Pair):
    """VFs of nvme, which have what their PF's driver gave them by admin commands."""

    FUNCTIONS = ("igb", "nvme-pf", "virtio-blk")
    FAULTS = FAULTS
    WAYS = {"iommufd": (), "type1": REDUCED} if LONG else {"iommufd": ()}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pf = cls.room.address("nvme-pf")
        cls.vfs = functions.nvme_vfs(cls.room, cls.pf)
        cls.igb = cls.room.vfs(cls.room.address("igb"), 1)[0]
        for address in (*cls.vfs, cls.igb):
            cls.room.bind(address)

    def test_1_conform(self):
        self.check("nvme-vf", self.vfs[0])

    def test_2_work_beside_another_ones_vf(self):
        for way in ("iommufd", "type1"):
            with self.subTest(way), Served(self.room, self.vfs[0], self.igb, way=way) as served:
                text = served.driver("nvme", self.vfs[0], "polling msix --queues 2").text
                self.assertIn("msix: 16 pages written, read and compared by 2 queues", text)

    def test_3_resources_taken_away_at_work(self):
        """The PF's driver puts the VF offline: its client fails, nobody else does, and the next one works."""
        with Served(self.room, *self.vfs) as served:
            other = served.start("nvme", self.vfs[1], "msix --queues 2 --seconds 10 --rounds 1")
            job = served.start("nvme", self.vfs[0], "msix --queues 2 --seconds 300")
            job.wait_text("works")
            other.wait_text("works")
            functions.manage(self.room, self.pf, 1 << 16 | functions.OFFLINE, 0)
            self.assertEqual(job.wait(60).status, 1, job.text)
            self.assertEqual(other.wait(90).status, 0, other.text)
            functions.nvme_online(self.room, self.pf, 1)
            served.driver("nvme", self.vfs[0], "msix --queues 2")

    def guest(self, served, *names):
        """Files written and read back by Linux in a guest inside, on the drives named."""
        devices = []
        for number, address in enumerate(served.functions, 1):
            devices += [rig.root_port(f"rp{number}"), rig.vfio_user(served.sockets[address], bus=f"rp{number}")]
        with Inner(self.room, devices=devices) as guest:
            for name in names:
                guest.run("dd if=/dev/urandom of=/tmp/x bs=64k count=16")
                guest.run(f"dd if=/tmp/x of={name} bs=64k; sync; echo 3 >/proc/sys/vm/drop_caches")
                guest.run(f"dd if={name} of=/tmp/y bs=64k count=16; cmp /tmp/x /tmp/y")
            # A reset behind its driver's work: the driver makes its queues anew.
            guest.run("echo 1 >/sys/bus/pci/devices/0000:01:00.0/reset")
            guest.run(f"echo 3 >/proc/sys/vm/drop_caches; dd if={names[0]} of=/dev/null bs=64k count=16")

    @unittest.skipUnless(LONG, "a guest inside boots in minutes: ./check --machine-room")
    def test_5_linux_in_a_guest(self):
        """Its own drivers, on an nvme VF and on a virtio-blk beside it."""
        disk = self.room.address("virtio-blk")
        self.room.bind(disk)
        with Served(self.room, self.vfs[1], disk) as served:
            self.guest(served, "/dev/nvme0n1", "/dev/vda")

    def test_4_vfs_go_away_at_work(self):
        """Disabled while served: both are given back in time, and pcigate serves those that come after."""
        with Served(self.room, *self.vfs) as served:
            job = served.start("nvme", self.vfs[0], "msix --queues 2 --seconds 300")
            job.wait_text("works")
            self.room.run(f"echo 0 >/sys/bus/pci/devices/{self.pf}/sriov_numvfs", 60)
            self.assertEqual(job.wait(60).status, 1, job.text)
        for address in functions.nvme_vfs(self.room, self.pf):
            self.room.bind(address)
        with Served(self.room, self.vfs[0]) as served:
            served.driver("nvme", self.vfs[0], "polling msix --queues 2")
