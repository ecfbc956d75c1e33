# SPDX-License-Identifier: BSD-3-Clause
"""Functions that cannot be reset alone: two of them behind one conventional bridge, without a reset of their own.

One is reset by its bus, which resets the other as well: done while nobody uses that one, or when who has both asks for
it. Being of one bus like this one they are of one IOMMU group, too. That another VM's is spared where they are not
tests/unit/test_vfio_jobs.c shows, without a kernel: functions of one bus and of two groups are not emulated."""

import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(HERE, "..", "..")]

# pylint: disable=wrong-import-position
import rig
from client import script
from room import Room
from served import Served

# Resets once, says what came of it, and stays.
CLIENT = """
import sys, time
from client import Client, ClientError
client = Client(sys.argv[1], timeout_ms=60000)
if sys.argv[2] == "both":
    other = Client(sys.argv[3], timeout_ms=60000)
    client.reset()
    print("reset", flush=True)
    client.close()
    sys.stdin.read(1)
print("connected", flush=True)
if sys.argv[2] == "reset":
    try:
        client.reset()
        print("reset", flush=True)
    except ClientError as error:
        print("refused", error, flush=True)
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

    def client(self, socket, *what):
        job = self.room.job("exec " + script(self.script, socket, *what))
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

    def test_who_has_both_resets_both(self):
        """By asking for it; leaving one does not reset the other one, which is in use: that waits."""
        for way in ("iommufd", "type1"):
            with self.subTest(way), Served(self.room, self.one, self.two, way=way) as served:
                one, two = served.sockets[self.one], served.sockets[self.two]
                before = self.resets(self.two)
                client = self.client(one, "both", two)
                client.wait_text("reset", 120)
                after = self.resets(self.two)
                self.assertNotEqual(after, before)
                served.job.wait_text(f"reset of {self.one}: Device or resource busy", 60)
                self.assertEqual(self.resets(self.two), after)
                client.kill()
                # Now nobody has any of them.
                for socket in (one, two):
                    self.until_served(socket)

    def until_served(self, socket):
        """Refused it may be while others are made as new still."""
        end = time.monotonic() + 120
        while True:
            client = self.client(socket, "stay")
            while client.poll() is None and "connected" not in client.text and time.monotonic() < end:
                self.room.take_answers(0.1)
            served = client.poll() is None and "connected" in client.text
            client.kill()
            client.wait(30, check=False)
            if served:
                break
            self.assertLess(time.monotonic(), end, client.text)

    def test_who_would_reach_no_memory_is_refused(self):
        """What shares a bus like this one shares its IOMMU group, whose functions reach one memory."""
        with Served(self.room, self.one, self.two, way="iommufd") as served:
            other = self.client(served.sockets[self.two], "stay")
            other.wait_text("connected", 120)
            before = self.resets(self.two)
            client = self.client(served.sockets[self.one], "reset")
            self.assertNotEqual(client.wait(120, check=False).status, 0)
            self.assertRegex(client.text, "the server refuses: Device or resource busy")
            served.job.wait_text(f"{self.two} of the same IOMMU group belongs to process", 30)
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
