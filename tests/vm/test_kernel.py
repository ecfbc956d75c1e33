# SPDX-License-Identifier: BSD-3-Clause
"""The running kernel's vfio-pci, recorded anew: as was recorded before, and as the profile `linux` has it.

One machine of kernel.py is booted; what was recorded of the others is replayed by the unit tests.
"""

import difflib
import re
import shutil
import tempfile
import unittest

import kernel
from rig import RigError

CHECKED = kernel.MACHINES["checked"]


def kernel_of(recording):
    return re.search(r"^# kernel: (\S+)$", recording.trace, re.M)[1]


def first_differences(before, now, most=12):
    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), "as recorded", "as it is", lineterm="", n=1)
    return "\n".join(line for _, line in zip(range(most), lines))


class RunningKernel(unittest.TestCase):
    """One boot; one test a function."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pcigate-kernel-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.recordings, cls.failure = {}, None
        try:
            for function, recording in kernel.Machine(CHECKED).record():
                kernel.save(function.name, recording, cls.folder)
                cls.recordings[function.name] = recording
        except (RigError, OSError) as error:  # told by every function that was not reached
            cls.failure = error

    def recording(self, name):
        if name not in self.recordings:
            raise self.failure
        return self.recordings[name]

    def look(self, name):
        recording = self.recording(name)
        status, text = kernel.replay(name, self.folder)
        self.assertEqual(status, 0, f"profile linux does otherwise than the running kernel:\n{text}")
        before = kernel.load(name)
        self.assertIsNotNone(before, "nothing recorded yet: tests/vm/record")
        if (before.image, before.trace) == (recording.image, recording.trace):
            return
        text = first_differences(before.image + before.trace, recording.image + recording.trace)
        if kernel_of(before) != kernel_of(recording):
            self.skipTest(f"recorded on {kernel_of(before)}, differs on {kernel_of(recording)}; tests/vm/record anew")
        self.fail(f"the same kernel does otherwise than was recorded (QEMU may have changed: tests/vm/record):\n{text}")

    def test_profiles_can_be_told_apart(self):
        """The comparison is one: the same recording differs under another profile."""
        self.recording(CHECKED[0].name)
        self.assertEqual(kernel.replay(CHECKED[0].name, self.folder, "guarded")[0], 1)


def _one(name):
    return lambda self: self.look(name)


for _function in CHECKED:
    setattr(RunningKernel, "test_" + re.sub(r"\W", "_", _function.name), _one(_function.name))


class Recordings(unittest.TestCase):
    """What lies in tests/golden/kernel is what kernel.py names."""

    def test_all_there(self):
        for machine, functions in kernel.MACHINES.items():
            for function in functions:
                self.assertIsNotNone(kernel.load(function.name), f"{machine}: {function.name}: tests/vm/record")


if __name__ == "__main__":
    unittest.main()
