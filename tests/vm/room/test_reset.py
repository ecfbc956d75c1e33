# SPDX-License-Identifier: BSD-3-Clause
"""Functions that cannot be reset alone: two of them behind one conventional bridge, without a reset of their own.

One is reset by its bus, which resets the other as well: done while nobody uses that one. That another VM's is spared
tests/unit/test_vfio_jobs.c shows, without a kernel: functions of one bus that can have a client each are not emulated."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
from room import Room
from served import Served

TREE = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))

# Resets once, says what came of it, and stays.
CLIENT = """
import sys, time
sys.path.insert(0, sys.argv[2])
from vfio_user import *
client = Client(sys.argv[1], timeout=60)
print("connected", flush=True)
if sys.argv[3] == "reset":
    try:
        client.reset()
        print("reset", flush=True)
    except Refused as refused:
        print("refused", refused, flush=True)
time.sleep(1000)
"""


class Bus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        functions = [rig.root_port("rp1"), {"driver": "pcie-pci-bridge", "bus": "rp1", "id": "bridge"},
                     {"driver": "edu", "bus": "bridge", "id": "one", "addr": "1.0"},
                     {"driver": "edu", "bus": "bridge", "id": "two", "addr": "2.0"}]
        cls.room = Room(functions=functions)
        cls.room.start()
        cls.addClassCleanup(cls.room.close)
        cls.one, cls.two = cls.room.address("one"), cls.room.address("two")
        for function in (cls.one, cls.two):
            cls.room.bind(function)
        cls.script = cls.room.put("reset.py", CLIENT)

    def client(self, socket, what):
        job = self.room.job(f"exec python3 -B {self.script} {socket} {TREE}/tests/protocol {what}")
        self.addCleanup(job.kill)
        return job

    def resets(self, function):
        return self.room.run(f"dmesg | grep -c '{function}: reset done'", check=False).text.strip()

    def test_by_the_bus_while_nobody_uses_the_other(self):
        for way in ("iommufd", "type1"):
            with self.subTest(way), Served(self.room, self.one, way=way) as served:
                before = self.resets(self.two)
                client = self.client(served.sockets[self.one], "reset")
                client.wait_text("reset", 120)
                self.assertNotIn("refused", client.text)
                self.assertNotEqual(self.resets(self.two), before)
                client.kill()

    def test_who_would_reach_no_memory_is_refused(self):
        """What shares a bus like this one shares its IOMMU group, whose functions reach one memory."""
        with Served(self.room, self.one, self.two, way="iommufd") as served:
            other = self.client(served.sockets[self.two], "stay")
            other.wait_text("connected", 120)
            before = self.resets(self.two)
            client = self.client(served.sockets[self.one], "reset")
            self.assertNotEqual(client.wait(120, check=False).status, 0)
            self.assertRegex(client.text, "Refused: Invalid argument")
            served.job.wait_text("cannot be attached: Invalid argument; of the functions of one IOMMU group one", 30)
            self.assertEqual(self.resets(self.two), before)
            other.kill()
            # Nor does it keep the function from the next one.
            client = self.client(served.sockets[self.one], "reset")
            client.wait_text("reset", 120)
            client.kill()

    def test_a_group_that_another_program_has_is_named(self):
        with Served(self.room, self.two):
            server = self.room.job(f"exec {rig.pcigate()} serve vfio:{self.one},iommu=iommufd --socket-path /run/group")
            self.assertEqual(server.wait(60, check=False).status, 3)
            self.assertRegex(server.text, "IOMMU group")


if __name__ == "__main__":
    unittest.main()
