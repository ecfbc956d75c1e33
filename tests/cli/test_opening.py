# SPDX-License-Identifier: BSD-3-Clause
"""`pcigate serve` and functions that cannot be opened."""

import os
import shutil
import sys
import tempfile
import unittest

from program import *

sys.path.insert(0, os.path.join(HERE, "..", "conform"))
import strange  # noqa: E402


class Torn(strange.Server):
    """Its configuration space ends before it should: found when the server runs already."""

    def read(self, offset, region, count):
        if region == strange.CONFIG and offset >= 0x80:
            raise strange.Refused(strange.EIO)
        return super().read(offset, region, count)


class Opening(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "socket")

    def test_a_server_whose_only_function_cannot_be_opened_ends_with_status_3(self):
        far = Torn()
        self.addCleanup(far.close)
        done = run("serve", "vfio-user:" + far.path, "--socket-path", self.path)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stderr, "cannot be opened: Input/output error")
        self.assertFalse(os.path.exists(self.path))

    def test_nor_does_one_begin_without_it(self):
        done = run("serve", "dump:" + os.path.join(self.directory, "nothing"), "--socket-path", self.path)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertFalse(os.path.exists(self.path))


if __name__ == "__main__":
    unittest.main()
