# SPDX-License-Identifier: BSD-3-Clause
"""Two VFs of one controller, one pcigate: on one a driver writes, reads and compares, the other one's client does what
it likes, wild DMA included. The first notices nothing, and what the IOMMU stops is the second one's alone."""

import os
import re
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
from room import Room
from served import Poke, Served

DISK_MIB = 16
SECONDS = 12
# Registers of the NVM Express Base Specification 1.4, 3.1, and what sends a controller to where nothing is mapped: an
# admin queue there, and its doorbell.
CC, AQA, ASQ, ACQ, DOORBELL = 0x14, 0x24, 0x28, 0x30, 0x1000
WILD = ((CC, 0), (AQA, 0xf000f), (ASQ, 0xdead0000), (ASQ + 4, 0), (ACQ, 0xbeef0000), (ACQ + 4, 0), (CC, 0x460001),
        (DOORBELL, 4))

# Virtualization Management, 5.22: queues and interrupts are the VFs', each gets four of either and goes online.
SHARE_OUT = """
import fcntl, struct
def manage(action, controller=0, resource=0, number=0):
    command = bytearray(struct.pack("=BBHIIIQQIIIIIIIIII", 0x1c, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                    controller << 16 | resource << 8 | action, number, 0, 0, 0, 0, 0, 0))
    status = fcntl.ioctl(file, 0xc0484e41, command)  # NVME_IOCTL_ADMIN_CMD
    assert status == 0, (action, controller, resource, hex(status))
file = open("/dev/nvme0", "rb")
for resource in (0, 1):
    manage(1, 0, resource, 0)
with open("/sys/class/nvme/nvme0/reset_controller", "w") as reset:
    reset.write("1")
for controller in (1, 2):
    manage(7, controller)
    for resource in (0, 1):
        manage(8, controller, resource, 4)
    manage(9, controller)
"""


class Neighbour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.disk = tempfile.NamedTemporaryFile(prefix="pcigate-disk-")  # pylint: disable=consider-using-with
        cls.addClassCleanup(cls.disk.close)
        os.truncate(cls.disk.name, DISK_MIB << 20)
        functions = [
            rig.root_port("rp1"),
            {"driver": "nvme-subsys", "id": "subsystem", "nqn": "room"},
            {"driver": "nvme", "id": "nvme", "bus": "rp1", "serial": "room", "subsys": "subsystem", "max_ioqpairs": 16,
             "msix_qsize": 16, "sriov_max_vfs": 2, "sriov_vq_flexible": 8, "sriov_vi_flexible": 8},
            {"driver": "nvme-ns", "drive": "disk", "nsid": 1},
        ]
        cls.room = Room(functions=functions, qemu_args=["-drive", f"file={cls.disk.name},format=raw,if=none,id=disk"])
        cls.addClassCleanup(cls.room.close)
        cls.room.start()
        print(f"# room: {cls.room.boot_seconds:.1f} s", flush=True)
        cls.vfs = cls.room.vfs(cls.room.address("nvme"), 2)
        cls.room.run(f"python3 {cls.room.put('share-out.py', SHARE_OUT)}")
        for function in cls.vfs:
            cls.room.bind(function)

    def setUp(self):
        self.room.run("dmesg -C")

    def faults(self):
        """Whose requests the IOMMU stopped."""
        return set(re.findall(r"DMAR: \[[^]]*\] Request device \[(?:0000:)?([0-9a-f:.]+)\]", self.room.log()))

    def work(self, served, function, beside):
        """Pages that a driver has moved while beside() did its worst."""
        job = served.start("nvme", function, f"msix --seconds {SECONDS}")
        job.wait_text("works", 60)
        beside()
        result = job.wait(SECONDS + 60)
        self.assertEqual(result.status, 0, result.text + served.notes)
        self.assertNotIn("note:", result.text)
        return int(re.search(r"msix: (\d+) pages written, read and compared", result.text)[1])

    def hostile(self, served, function):
        """Malformed messages, maps, resets, interrupts, clients that vanish."""
        result = served.start("hostile", function, f"11 {SECONDS - 2}").wait(SECONDS + 60)
        print(f"# {result.text.strip()}", flush=True)
        self.assertEqual(result.status, 0, result.text + served.notes)

    def wild(self, served, function):
        """The controller itself is sent to memory that is nobody's, and reset while it is there."""
        end = time.monotonic() + SECONDS - 2
        rounds = 0
        with Poke(served, function) as poke:
            while time.monotonic() < end:
                poke.many(("config 4 2 6", *(f"region 0 {at:#x} 4 {value:#x}" for at, value in WILD), "reset"))
                rounds += 1
        print(f"# wild: {rounds} rounds", flush=True)

    def both(self, way):
        good, bad = self.vfs
        with Served(self.room, good, bad, way=way) as served:
            alone = self.work(served, good, lambda: None)
            hostile = self.work(served, good, lambda: self.hostile(served, bad))
            self.assertEqual(self.faults(), set())
            wild = self.work(served, good, lambda: self.wild(served, bad))
            self.assertEqual(self.faults(), {bad.removeprefix("0000:")})
            # The other one is a function like any other as soon as its client is.
            served.driver("nvme", bad, "polling --rounds 1")
        print(f"# pages in {SECONDS} s: {alone} alone, {hostile} beside a hostile client, {wild} beside wild DMA",
              flush=True)

    def test_by_iommufd(self):
        self.both("iommufd")

    def test_by_type1(self):
        self.both("type1")


if __name__ == "__main__":
    unittest.main()
