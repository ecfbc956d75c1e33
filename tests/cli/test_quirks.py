# SPDX-License-Identifier: BSD-3-Clause
"""Quirk files on the command line: checked, given, left out, and found by themselves."""

import os
import subprocess
import tempfile
import unittest

from program import *

SHIPPED = os.path.join(ROOT, "data", "quirks")
OPEN = "[test]\nmatch = 8086:1234\nwhy = a test\nopen = CAP_VNDR#1 4-7 read\n"


class Quirks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.func = write_function(os.path.join(self.folder, "function"))

    def write(self, text, name="a.quirks"):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def call(self, *arguments, quirks=""):
        return subprocess.run([PCIGATE, *arguments], capture_output=True, text=True, timeout=60, check=False,
                              env=dict(os.environ, PCIGATE_QUIRKS=quirks))

    def row(self, *arguments, quirks=""):
        run = self.call("inspect", self.func, "--profile", "strict", "-xxx", *arguments, quirks=quirks)
        self.assertEqual(run.returncode, 0, run.stderr)
        return next(line for line in run.stdout.splitlines() if line.startswith("50: "))

    def test_the_shipped_files_pass(self):
        run = self.call("quirks", "check", SHIPPED)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_what_is_wrong_is_named_by_file_and_line(self):
        path = self.write(OPEN + "opne = 40-4f read\n")
        run = self.call("quirks", "check", path)
        self.assertEqual(run.returncode, 1)
        self.assertIn(path + ":5: no such key", run.stderr)
        self.assertEqual(self.call("inspect", self.func, "--quirks", path).returncode, 2)

    def test_usage(self):
        self.assertEqual(self.call("quirks").returncode, 2)
        self.assertEqual(self.call("quirks", "check").returncode, 2)
        self.assertEqual(self.call("quirks", "check", "/nowhere").returncode, 3)
        self.assertEqual(self.call("quirks", "--help").returncode, 0)

    def test_given_found_and_left_out(self):
        path = self.write(OPEN)
        closed = "50: " + " ".join(["00"] * 16)
        opened = "50: 09 70 08 00 11 22 33 44 " + " ".join(["00"] * 8)
        self.assertEqual(self.row(), closed)
        self.assertEqual(self.row("--quirks", path)[:27], opened[:27])
        self.assertEqual(self.row(quirks=path)[:27], opened[:27])
        self.assertEqual(self.row("--no-quirks", quirks=path), closed)
        self.assertEqual(self.row("--quirks", self.folder)[:27], opened[:27])

    def test_a_contradiction_is_refused_and_names_the_line(self):
        path = self.write("[test]\nmatch = 8086:1234\nwhy = a test\nopen = CAP_EXP 4-7 read-write\n")
        run = self.call("inspect", self.func, "--quirks", path)
        self.assertEqual(run.returncode, 3)
        self.assertIn(path + ":4", run.stderr)


if __name__ == "__main__":
    unittest.main()
