# SPDX-License-Identifier: BSD-3-Clause
"""The emulated host's own vfio-pci, recorded: as the profile `linux` has it, and the same through either door.

What is recorded, and how, is ../kernel.py's and ../recorder/'s, which do the same in the Debian guest through type 1.
"""

import gzip
import os
import shutil
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import kernel
from functions import Machine
from rig import RigError
from test_kernel import first_differences

SECONDS = 240  # for one recording
DOORS = {"iommufd": "--cdev", "type1": ""}
FOLLOW = ",intx=follow"
# With the options of dump: that replay is to have. The VF comes before the PF, which takes it along.
FUNCTIONS = {
    "igb-vf": ",vf=on,id=8086:10ca",
    "igb": FOLLOW,
    "nvme": FOLLOW,
    "e1000e": FOLLOW,
    "edu": FOLLOW,
    "rtl8139": FOLLOW,
}


class Golden(unittest.TestCase):
    """One boot a door: what a recording wrote stays in registers that no reset reaches."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pcigate-golden-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.seen, cls.failure = {}, None
        program = kernel.recorder()
        try:
            for door in DOORS:
                cls.record_all(door, program)
        except (RigError, OSError) as error:  # told by every function that was not reached
            cls.failure = error

    @classmethod
    def record_all(cls, door, program):
        began = time.monotonic()
        # A closed function would be put to sleep a moment later, or not if it is opened again before.
        with Machine("igb", "nvme", "e1000e", "edu", "rtl8139").room(append="vfio_pci.disable_idle_d3=1") as room:
            command = f"{room.put('record', program)} {DOORS[door]}"
            places = {name: room.address(name) for name in FUNCTIONS if name != "igb-vf"}
            places["igb-vf"] = room.vfs(places["igb"], 1)[0]
            for name in FUNCTIONS:
                recording = cls.record(room, command, name, places[name])
                kernel.save(name, recording, os.path.join(cls.folder, door))
                cls.seen[name, door] = recording
        print(f"# {door}: {len(FUNCTIONS)} recordings, {time.monotonic() - began:.1f} s", flush=True)

    @staticmethod
    def record(room, command, name, place):
        room.bind(place, "")
        # Twice: the first look at VPD changes its address register.
        text = room.run(f"lspci -vv -s {place} >/dev/null 2>&1; lspci -vv -xxxx -s {place} 2>/dev/null").text
        image = "".join(line for line in text.splitlines(keepends=True) if kernel.KEPT.match(line))
        packed = os.path.join(room.scratch, "trace.gz")
        room.run(f"{command} {place} >/run/trace && gzip -c /run/trace >{packed}", seconds=SECONDS)
        with gzip.open(packed, "rt") as file:
            trace = file.read()
        return kernel.Recording(image, f"# image: images/{name}.txt\n# options: ,hw=ram{FUNCTIONS[name]}\n" + trace)

    def recording(self, name, door):
        if (name, door) not in self.seen:
            raise self.failure
        return self.seen[name, door]

    def replayed(self, name, door, profile="linux"):
        return kernel.replay(name, os.path.join(self.folder, door), profile)

    def look(self, name):
        for door in DOORS:
            with self.subTest(door):
                self.assertIn("\n# section: end\n", self.recording(name, door).trace)
                status, text = self.replayed(name, door)
                self.assertEqual(status, 0, f"profile linux does otherwise than the running kernel:\n{text}")
        one, other = ("".join(self.recording(name, door)) for door in DOORS)
        if one != other:
            self.fail(f"the kernel does otherwise by type 1:\n{first_differences(one, other)}")

    def test_profiles_can_be_told_apart(self):
        """The comparison is one: the same recordings differ under another profile."""
        for door in DOORS:
            self.recording("nvme", door)
            self.assertEqual(self.replayed("nvme", door, "guarded")[0], 1)


def _one(name):
    return lambda self: self.look(name)


for _name in FUNCTIONS:
    setattr(Golden, "test_" + _name.replace("-", "_"), _one(_name))


if __name__ == "__main__":
    unittest.main()
