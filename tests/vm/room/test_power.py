# SPDX-License-Identifier: BSD-3-Clause
"""Low power while nobody has the function (idle=low-power), and awake for whoever comes. The kernel's own runtime power
status says so; what the emulated function saves by it nobody can say."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
from functions import Machine
from served import Poke, Served


class Power(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = Machine("nvme").room()
        cls.room.start()
        cls.addClassCleanup(cls.room.close)
        cls.nvme = cls.room.address("nvme")
        cls.room.bind(cls.nvme)

    def wait_for(self, status):
        path = f"/sys/bus/pci/devices/{self.nvme}/power/runtime_status"
        self.room.wait_for(f"grep -qx {status} {path}", 60)

    def test_it_sleeps_while_nobody_has_it(self):
        with Served(self.room, self.nvme, settings=",idle=low-power") as served:
            for _ in range(2):
                self.wait_for("suspended")
                with Poke(served, self.nvme):
                    self.wait_for("active")
            served.driver("nvme", self.nvme, "polling")
            self.wait_for("suspended")

    def test_it_stays_awake_where_nobody_says_otherwise(self):
        with Served(self.room, self.nvme):
            self.wait_for("active")
            self.room.run("sleep 4")
            self.wait_for("active")


if __name__ == "__main__":
    unittest.main()
