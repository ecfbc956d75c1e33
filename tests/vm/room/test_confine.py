# SPDX-License-Identifier: BSD-3-Clause
"""Real functions behind a pcigate that has given up root, capabilities and system calls: all works as before.

test_map.py shows the same of BARs that clients map."""

import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
from functions import Machine
from served import Served

WAYS = ("iommufd", "type1")
USER, UID = "nobody", 65534
KILLED = "type=1326"  # of the audit log: a system call that the filter did not know


def setUpModule():
    """One boot for all of them."""
    # A loaded machine is too slow for the kernel's look at the timer.
    room = Machine("igb", "nvme").room(append="no_timer_check")
    room.start()
    print(f"# room: {room.boot_seconds:.1f} s", flush=True)
    Rooms.room, Rooms.nvme = room, room.address("nvme")
    Rooms.vf = room.vfs(room.address("igb"), 1)[0]
    for function in (Rooms.nvme, Rooms.vf):
        room.bind(function)


def tearDownModule():
    Rooms.room.close()


class Rooms(unittest.TestCase):
    room = nvme = vf = None

    def setUp(self):
        self.room.run("dmesg -C")

    def tearDown(self):
        self.assertNotIn(KILLED, self.room.run("dmesg").text)

    def check(self, served, uid):
        """Of every thread, the one that works for the function included."""
        threads = self.room.run(f"cat /proc/{served.pid}/task/*/status").text
        self.assertGreater(threads.count("Name:"), 1)
        for name, value in (("NoNewPrivs", "1"), ("Seccomp", "2"), ("CapPrm", "0" * 16), ("CapEff", "0" * 16),
                            ("Uid", "\t".join([str(uid)] * 4))):
            self.assertEqual(set(re.findall(rf"^{name}:\t(.*)$", threads, re.M)), {value}, name)
        # What root could pin, it still can.
        limits = self.room.run(f"cat /proc/{served.pid}/limits").text
        self.assertRegex(limits, r"Max locked memory +unlimited +unlimited")

    def test_another_user(self):
        for way in WAYS:
            with self.subTest(way), Served(self.room, self.nvme, way=way, options=f"--user {USER}") as served:
                served.driver("nvme", self.nvme, "polling msix intx", seconds=200)
                self.check(served, UID)

    def test_root_without_capabilities(self):
        for way in WAYS:
            with self.subTest(way), Served(self.room, self.nvme, way=way) as served:
                served.driver("nvme", self.nvme, "msix", seconds=200)
                self.check(served, 0)

    def test_a_vf_and_its_resets(self):
        for way in WAYS:
            with self.subTest(way), Served(self.room, self.vf, way=way, options=f"--user {USER}") as served:
                done = self.room.run(f"{rig.pcigate()} conform vfio-user:{served.sockets[self.vf]} --vf "
                                     "--only 'header*' --only 'gate*' --only 'reset*'", seconds=300, check=False)
                self.assertEqual(done.status, 0, done.text)
                self.check(served, UID)

    def test_several_functions(self):
        """One thread each."""
        with Served(self.room, self.nvme, self.vf, options=f"--user {USER}") as served:
            served.driver("nvme", self.nvme, "msix", seconds=200)
            self.check(served, UID)


if __name__ == "__main__":
    unittest.main()
