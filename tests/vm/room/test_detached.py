# SPDX-License-Identifier: BSD-3-Clause
"""A VF without its PF: its COMMAND has no memory enable bit, and the kernel that holds it does not know it for a VF.

A simulated function of ours, served without mediation to the room's machine, plays it."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
from room import Room
from served import Served

COPY = os.path.join(os.path.dirname(rig.pcigate()), "examples", "example-copy")


class Detached(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.outside = rig.Server("sim:endpoint-test,memory-bit=off", "--profile", "raw").__enter__()
        cls.addClassCleanup(cls.outside.__exit__, None, None, None)
        functions = [rig.root_port("rp1"), rig.vfio_user(cls.outside.socket, bus="rp1", id="vf")]
        cls.room = Room(functions=functions, memory="shared")
        cls.room.start()
        cls.addClassCleanup(cls.room.close)
        cls.vf = cls.room.address("vf")
        cls.room.bind(cls.vf)

    def command(self):
        return int(self.room.run(f"setpci -s {self.vf} COMMAND").text, 16)

    def test_the_kernel_takes_it_for_a_function_of_its_own(self):
        self.assertFalse(self.room.run(f"test -e /sys/bus/pci/devices/{self.vf}/physfn", check=False))
        self.room.run(f"setpci -s {self.vf} COMMAND=2:2")
        self.assertEqual(self.command() & 2, 0)

    def test_it_is_found_out_and_said(self):
        with Served(self.room, self.vf) as served:
            self.assertRegex(served.job.text, "has no memory enable bit .it does not stay on.; the kernel takes it")

    def test_the_user_may_say_so(self):
        with Served(self.room, self.vf, settings=",memory-bit=absent") as served:
            self.assertRegex(served.job.text, "has no memory enable bit .memory-bit=absent.")

    def test_it_works(self):
        for way in ("iommufd", "type1"):
            with self.subTest(way), Served(self.room, self.vf, way=way) as served:
                result = self.room.run(f"{COPY} {served.sockets[self.vf]}", 120)
                self.assertTrue(result, result.text)
                self.assertRegex(result.text, "copied|same|verified|ok")


if __name__ == "__main__":
    unittest.main()
