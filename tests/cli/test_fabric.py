# SPDX-License-Identifier: BSD-3-Clause
"""Functions of simulated fabrics, as people name them."""

import os
import shutil
import tempfile
import unittest

from program import *

FABRIC = """\
root-port     rp1
switch        sw   below=rp1 ports=2   # two leaves
endpoint-test nic  below=sw.0 vfs=4 enabled=2
endpoint-test disk below=sw.1 id=1234:5678
"""


class Fabric(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = os.path.join(self.directory, "pair.fabric")
        with open(self.file, "w") as file:
            file.write(FABRIC)

    def func(self, rest):
        return f"sim:fabric,file={self.file}{rest}"

    def refused(self, func, words):
        done = run("inspect", func)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(words, done.stderr)

    def test_a_function_by_its_name(self):
        done = run("inspect", self.func(",at=disk"), "-xxxx")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^00: 34 12 78 56")

    def test_a_vf_shows_its_pfs_ids_to_a_guest_alone(self):
        guest = run("inspect", self.func(",at=nic.vf1"), "-xxxx")
        host = run("inspect", self.func(",at=nic.vf1"), "-xxxx", "--host")
        self.assertRegex(guest.stdout, r"(?m)^00: 12 19 2d 00")
        self.assertRegex(host.stdout, r"(?m)^00: ff ff ff ff")

    def test_a_name_that_is_none_lists_those_that_are(self):
        self.refused(self.func(",at=nick"), "nic, nic.vf0 to 1, disk")
        self.refused(self.func(",at=nic.vf2"), "2 VFs are enabled")

    def test_a_mistake_is_told_with_its_line(self):
        with open(self.file, "a") as file:
            file.write("endpoint-test more below=sw.1\n")
        self.refused(self.func(",at=disk"), "pair.fabric:5: ")

    def test_a_pf_is_not_served_beside_its_vfs_without_a_token(self):
        sockets = [os.path.join(self.directory, name) for name in ("a", "b")]
        done = run("serve", f"sim:endpoint-test,vfs=2,vf=0={sockets[0]}", f"sim:endpoint-test,vfs=2={sockets[1]}")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("token=", done.stderr)

    def test_a_function_is_not_served_twice(self):
        sockets = [os.path.join(self.directory, name) for name in ("a", "b")]
        done = run("serve", *(self.func(f",at=disk={path}") for path in sockets))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("disk is open", done.stderr)


if __name__ == "__main__":
    unittest.main()
