# SPDX-License-Identifier: BSD-3-Clause
"""The examples of the client library, against `pcigate serve`: documentation that works."""

import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "protocol"))

from vfio_user import PCIGATE, Server  # noqa: E402

EXAMPLES = os.path.join(os.path.dirname(PCIGATE), "examples")


def run(name, *arguments):
    return subprocess.run([os.path.join(EXAMPLES, "example-" + name), *arguments], capture_output=True, text=True,
                          timeout=60, check=False)


class Examples(unittest.TestCase):
    def setUp(self):
        self.server = Server("sim:endpoint-test,id=1234:5678,msix=8")
        self.addCleanup(self.server.stop)

    def good(self, name, *arguments):
        done = run(name, self.server.path, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout + self.server.log())
        return done.stdout

    def test_list(self):
        lines = self.good("list").splitlines()
        self.assertIn("function 1234:5678", lines)
        self.assertIn("MSI-X: 8 vectors", lines)
        self.assertIn("INTx: 1 vectors", lines)
        self.assertIn("region 7: 4096 bytes, read, write", lines)
        self.assertIn("region 4: 1048576 bytes, read, write, map", lines)
        self.assertIn("region 1: 1024 bytes, read, write", lines)

    def test_map(self):
        self.assertIn("stored 12345678, read 12345678", self.good("map"))

    def test_copy(self):
        self.assertIn("65536 bytes written, copied and compared", self.good("copy"))

    def test_copy_without_shared_memory(self):
        self.assertIn("65536 bytes written, copied and compared", self.good("copy", "--messages"))

    def test_irqs(self):
        self.assertEqual(self.good("irqs").splitlines(), ["INTx: 4 times", "MSI: 4 vectors", "MSI-X: 8 vectors"])

    def test_pasid(self):
        function = "sim:endpoint-test,vfs=2,vf=0,pasid=20:exec:priv"
        on = ("--policy", "pasid=on")
        lines = ["PASID 1: read its own page", "PASID 2: read its own page",
                 "PASID 3: blocked, reason 4 at 0x10000"]
        self.server = Server(function, *on)
        self.addCleanup(self.server.stop)
        self.assertEqual(self.good("pasid").splitlines(), lines)
        self.assertEqual(self.good("pasid").splitlines(), lines)
        self.server = Server(function + ",ats=on,pri=8", *on, "--policy", "ats=on", "--policy", "pri=on")
        self.addCleanup(self.server.stop)
        self.assertEqual(self.good("pasid").splitlines(),
                         [*lines, "page 0x20000 asked for by PASID 1: given and read"])

    def test_one_after_the_other(self):
        """What one client leaves behind, the next one does not meet."""
        for _ in range(3):
            self.good("copy")
            self.good("map")


class Refusals(unittest.TestCase):
    def test_nobody_listens(self):
        for name in ("list", "map", "copy", "irqs", "pasid"):
            done = run(name, "/nonexistent/socket")
            self.assertEqual(done.returncode, 1, name)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn("/nonexistent/socket: No such file or directory", done.stderr)

    def test_a_function_without_msix(self):
        server = Server("sim:endpoint-test,msix=0")
        self.addCleanup(server.stop)
        done = run("copy", server.path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the function has no MSI-X capability", done.stderr)

    def test_a_function_without_pasids(self):
        server = Server()
        self.addCleanup(server.stop)
        done = run("pasid", server.path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no PASIDs: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
