# SPDX-License-Identifier: BSD-3-Clause
"""--policy pasid, ats and pri: what is refused and why, and how what nobody drives is labelled."""

import json
import os
import shutil
import tempfile
import unittest

from program import *

LABEL = "configuration only"


def policies(*values):
    return [word for value in values for word in ("--policy", value)]


class Pasid(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        cls.func = write_function(os.path.join(cls.directory, "function.txt"))
        cls.short = write_function(os.path.join(cls.directory, "short.txt"), extended=False)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def refused(self, status, words, *values, func=None, options=()):
        done = run("inspect", func or self.func, *policies(*values), *options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn(words, done.stderr)

    def test_values_that_cannot_be(self):
        for value in ("pasid=maybe", "ats=", "pri=1", "pasid-width=0", "pasid-width=21", "pasid-width=x",
                      "pasid-at", "pasid-at=0xffc", "pasid-at=0xfc", "pasid-at=0x101", "pasid-at=there", "pri-at=-4"):
            with self.subTest(value):
                self.refused(2, value.split("=")[0] + " takes", value)

    def test_what_nobody_enforces(self):
        self.refused(3, "pasid=force", "pasid=on")
        self.refused(3, "ats=force", "ats=on")

    def test_what_is_in_the_way(self):
        self.refused(3, "at 0x100 stands Advanced Error Reporting", "pasid=force", "pasid-at=0x100")
        self.refused(3, "at 0x150 stands Process Address Space ID", "ats=force", "ats-at=0x14c")
        self.refused(3, "neither the function nor its PF", "ats=force", "ats-at=pf")
        self.refused(3, "256 bytes", "pasid=force", func=self.short)

    def test_a_vendors_registers_are_in_the_way(self):
        path = os.path.join(self.directory, "vendor.quirks")
        with open(path, "w", encoding="ascii") as file:
            file.write("[vendor]\nmatch = *:*\nwhy = a test\nregisters = ff8-fff\n".replace("*:*", "8086:*"))
        self.refused(3, "a quirk's registers", "pasid=force", "pasid-at=0xff8", options=("--quirks", path))
        done = run("inspect", self.func, *policies("pasid=force", "pasid-at=0xff8"), "--no-quirks")
        self.assertEqual(done.returncode, 0)

    def test_profiles_that_make_nothing_up(self):
        for profile in ("linux", "raw"):
            with self.subTest(profile):
                self.refused(3, profile, "pasid=force", options=("--profile", profile))

    def test_what_is_forced_is_labelled(self):
        for place, at in (("pf", "150"), ("0xff8", "ff8"), ("gap", "158")):
            with self.subTest(place):
                options = policies("pasid=force", "pasid-at=" + place)
                done = run("inspect", self.func, "-v", *options)
                self.assertIn(LABEL, done.stderr)
                self.assertIn(f"[{at} v1] Process Address Space ID (PASID) ({LABEL})\n", done.stdout)
                self.assertRegex(run("map", self.func, *options).stdout, f"{at} Process[^,]*\\({LABEL}\\)")
                caps = json.loads(run("inspect", self.func, "--json", *options).stdout)["guest"]["capabilities"]
                self.assertEqual([cap["offset"] for cap in caps if cap.get("configuration_only")], [int(at, 16)])
                self.assertIn(f"note     {LABEL}", run("why", self.func, "%x.l" % (int(at, 16) + 4), *options).stdout)

    def test_what_only_a_client_is_shown_is_not_there(self):
        plain = run("inspect", self.func, "-vv", "-xxxx")
        off = run("inspect", self.func, "-vv", "-xxxx", *policies("pasid=off", "ats=off", "pri=off"))
        self.assertEqual(off.stdout, plain.stdout)
        self.assertNotIn("PASID", plain.stdout)

    def test_what_is_defined_goes_by_what_the_guest_sees(self):
        options = policies("ats=force", "pri=force", "pri-at=0x500")
        self.assertIn("RW1C 0003", run("why", self.func, "ECAP_PRI+6.w", *options).stdout)
        self.assertIn("RW 801f", run("why", self.func, "ECAP_ATS+6.w", *options).stdout)

    def test_diff_names_what_is_made_up(self):
        self.assertIn("ECAP_PASID+04@1.w", run("diff", self.func, *policies("pasid=force", "pasid-at=0x400")).stdout)
        self.assertIn("ECAP_PRI+06.w", run("diff", self.func, *policies("ats=force", "pri=force")).stdout)


if __name__ == "__main__":
    unittest.main()
