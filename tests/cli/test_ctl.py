# SPDX-License-Identifier: BSD-3-Clause
"""Commands for a running server: `pcigate ctl`, scripts, and `pcigate vf` of a fabric."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from program import *

FABRIC = """\
root-port     rp1
switch        sw   below=rp1 ports=2
endpoint-test nic  below=sw.0 vfs=4 enabled=2 vf-msix-pool=64
endpoint-test disk below=sw.1
"""


class Ctl(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.control = self.path("control")
        with open(self.path("f.fabric"), "w", encoding="ascii") as file:
            file.write(FABRIC)
        fabric = "sim:fabric,file=" + self.path("f.fabric")
        self.serve(f"{fabric},at=nic.vf0={self.path('a')}", f"{fabric},at=disk={self.path('b')}",
                   f"sim:broken={self.path('c')}", f"sim:vmd,file={self.path('f.fabric')}={self.path('d')}",
                   f"sim:endpoint-test={self.path('e')}")

    def path(self, name):
        return os.path.join(self.directory, name)

    def serve(self, *functions):
        server = subprocess.Popen([PCIGATE, "serve", "--control", self.control, *functions], stderr=subprocess.PIPE,
                                  text=True)

        def stop():
            server.terminate()
            self.assertEqual(server.wait(10), 0)
            server.stderr.close()

        self.addCleanup(stop)
        for _ in functions:
            line = server.stderr.readline()
            self.assertIn("listening on", line)

    def ctl(self, *words, status=0, number="", **keywords):
        done = run("ctl", self.control + number, *words, **keywords)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_help_lists_the_commands(self):
        for command in ("fault", "reset", "remove", "insert", "dma", "errors", "show", "vfs", "vectors"):
            self.assertRegex(self.ctl("help"), rf"(?m)^  {command} ")
        self.assertNotRegex(self.ctl("help", number="@3"), r"(?m)^  vfs ")
        self.assertIn("usage: pcigate ctl", run("ctl", "--help").stdout)
        for kind in ("malformed [N]", "timeout [N|forever]", "abort [N]", "iommu [N]", "flr MS|never|now"):
            self.assertIn(kind, self.ctl("help"))
            self.assertIn(kind, run("ctl", "--help").stdout)

    def test_faults_that_count(self):
        for number, name in (("", "nic.vf0"), ("@3", "disk")):
            for kind in ("malformed", "poisoned", "timeout", "abort", "iommu"):
                self.ctl("fault", name, kind, number=number)
                self.ctl("fault", name, kind, "70000", number=number)
                self.assertIn(f"fault {kind} 70000\n", self.ctl("show", name, number=number))
                self.ctl("fault", name, kind, "4294967296", status=2, number=number)
            self.ctl("fault", name, "clear", number=number)
            self.assertNotIn("fault", self.ctl("show", name, number=number))

    def test_what_is_no_command_lists_them_too(self):
        for words in (("flault",), ("fault", "disk", "lost"), ("fault", "disk", "malformed", "many"),
                      ("fault", "disk", "config-ones"), ("fault", "disk", "flr", "-1"), ("reset", "disk", "twice"),
                      ("dma", "disk", "write", "0x1000"), ("dma", "disk", "write", "0x1000", "4", "exec"),
                      ("vfs", "nic", "x"), ("a",) * 20):
            self.assertGreater(self.ctl(*words, status=2).count("\n"), 0)

    def test_what_is_no_function_lists_those_that_are(self):
        told = self.ctl("reset", "nick", status=3)
        self.assertIn("rp1, sw, sw.0, sw.1, nic, nic.vf0 to 1, disk", told)
        self.assertEqual(told.count("\n"), 1)
        self.ctl("reset", "nic.vf2", status=3)
        self.ctl("reset", "00:1f.7", status=3)

    def test_usage(self):
        for words in ((), (self.control,), ("-f", "script"), (self.control, "-f", "script", "show"), ("-x", "y", "z")):
            done = run("ctl", *words)
            self.assertEqual(done.returncode, 2, done.stderr)

    def test_nobody_there(self):
        done = run("ctl", self.path("nothing"), "show")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1))
        self.assertIn("serves no function 9", self.ctl("show", status=3, number="@9"))
        self.assertIn("has no commands", self.ctl("show", status=3, number="@2"))

    def test_without_a_name_it_is_the_function_of_the_number(self):
        self.ctl("fault", "timeout", "7", number="@1")
        self.assertIn("fault timeout 7", self.ctl("show", "disk"))
        self.assertNotIn("fault", self.ctl("show", "nic.vf0"))
        self.ctl("fault", "disk", "clear")
        self.assertNotIn("fault", self.ctl("show", "disk"))

    def test_an_endpoint_of_its_own(self):
        self.assertRegex(self.ctl("show", number="@4"), r"^port 00:00\.0 port.*\nendpoint 01:00\.0 endpoint")

    def test_faults_of_a_whole_fabric_in_a_guest(self):
        self.ctl("fault", "nic", "malformed", "2", number="@3")
        self.assertIn("fault malformed 2", self.ctl("show", "nic", number="@3"))
        self.assertIn("name a function", self.ctl("reset", number="@3", status=3))
        self.ctl("remove", "disk", number="@3")
        self.assertIn("gone", self.ctl("show", "disk", number="@3"))
        self.assertIn("it is out", self.ctl("remove", "disk", number="@3", status=3))
        self.ctl("insert", "disk", number="@3")

    def test_a_script(self):
        with open(self.path("script"), "w", encoding="ascii") as file:
            file.write("# what goes wrong\n\n  fault disk malformed 3  # three\nsleep 100\nshow disk\nfault disk clear\n")
        began = time.monotonic()
        self.assertIn("fault malformed 3", self.ctl("-f", self.path("script")))
        self.assertGreaterEqual(time.monotonic() - began, 0.1)
        self.assertIn("disk", self.ctl("-f", "-", input="show disk\n"))

    def test_a_script_ends_with_the_first_that_fails(self):
        with open(self.path("script"), "w", encoding="ascii") as file:
            file.write("show disk\nremove nothing\nfault disk malformed\n")
        self.assertIn("script:2: remove nothing: ", self.ctl("-f", self.path("script"), status=3))
        self.assertNotIn("malformed", self.ctl("show", "disk"))
        self.assertIn("sleep", self.ctl("-f", "-", input="sleep long\n", status=2))
        self.ctl("-f", self.path("none"), status=3)

    # pcigate vf

    def vf(self, *words, status=0):
        done = run("vf", *words)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_vfs_of_a_fabric(self):
        told = json.loads(self.vf(self.control + ":nic", "--json"))
        self.assertEqual((told["total_vfs"], told["vfs"], told["msix_pool"]), (4, 2, 64))
        self.assertEqual([(vf["vf_number"], vf["msix"], vf["driver"]) for vf in told["list"]],
                         [(0, 8, "pcigate"), (1, 8, None)])
        one = json.loads(self.vf("--control", self.control, "nic.vf1", "--msix", "20", "--json"))
        self.assertEqual(one["msix"], 20)
        self.assertEqual(json.loads(self.vf("--control", self.control, one["bdf"], "--json"))["msix"], 20)
        self.vf(self.control + ":nic.vf1", "--msix", "0")
        self.assertEqual(json.loads(self.vf(self.control + ":nic.vf1", "--json"))["msix"], 8)

    def test_vfs_that_cannot_be(self):
        for words, text in (((":nic", "--create", "4"), "end it first"), ((":nic", "--create", "9"), "at most 4"),
                            ((":nic.vf1", "--msix", "60"), "share 64"), ((":nic.vf7", "--msix", "1"), "there is no"),
                            (("@2:nic",), "is of no simulated fabric"), (("@9:nic",), "serves no function 9")):
            told = self.vf(self.control + words[0], *words[1:], status=3)
            self.assertIn(text, told)
            self.assertEqual(told.count("\n"), 1, told)
        self.vf(self.path("nothing") + ":nic", status=3)

    def test_vfs_are_made(self):
        fabric = "sim:fabric,file=" + self.path("f.fabric")
        self.control = self.path("control2")
        self.serve(f"{fabric},at=disk={self.path('b2')}")
        for n in (0, 4, 1):
            self.assertEqual(json.loads(self.vf(self.control + ":nic", "--create", str(n), "--json"))["vfs"], n)


if __name__ == "__main__":
    unittest.main()
