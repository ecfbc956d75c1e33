# SPDX-License-Identifier: BSD-3-Clause
"""--policy pasid, ats and pri: what is refused and why, and how what nobody drives is labelled."""

import json
import os
import shutil
import tempfile
import unittest

from program import *

LABEL = "configuration only"


def extended(capability, following=0):
    return (following << 20 | 1 << 16 | capability).to_bytes(4, "little")


AER_THEN_LAST, AER_THEN_CUT = extended(1, 0xff8), extended(1, 0xff4)
PASID, PASID_THEN_LAST, CUT_THEN_LAST = extended(0x1b) + b"\x06\x10", extended(0x1b, 0xff8), extended(0x1b, 0xff8)
LTR = extended(0x18)


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

    def changed(self, bytes_at):
        """The function with other bytes: {offset: bytes}."""
        with open(self.func.removeprefix("dump:"), encoding="ascii") as file:
            title, *lines = file.read().splitlines()
        rows = {int(line.split(":")[0], 16): line.split()[1:] for line in lines}
        for start, values in bytes_at.items():
            for at, value in enumerate(values, start):
                rows[at & ~15][at & 15] = f"{value:02x}"
        path = os.path.join(self.directory, "changed.txt")
        with open(path, "w", encoding="ascii") as file:
            file.writelines([title + "\n", *(f"{at:02x}: {' '.join(row)}\n" for at, row in rows.items())])
        return "dump:" + path

    def stands_at(self, func, place, at):
        done = run("inspect", func, "--json", *policies("pasid=force", "pasid-at=" + place))
        self.assertEqual(done.returncode, 0, done.stderr)
        caps = json.loads(done.stdout)["guest"]["capabilities"]
        self.assertEqual([cap["offset"] for cap in caps if cap.get("configuration_only")], [at])

    def test_a_byte_is_in_the_last_place(self):
        for at in range(0xff8, 0x1000):
            with self.subTest(f"{at:x}"):
                func = self.changed({at: b"\x5a"})
                self.refused(3, f"bytes 0xff8 to 0xfff are taken: at {at:#x} stands a byte that is not zero",
                             "pasid=force", "pasid-at=0xff8", func=func)
                self.stands_at(func, "pf", 0x150)
                self.stands_at(func, "gap", 0x158)

    def test_a_capability_is_in_the_last_place(self):
        """Of eight bytes, of which the last four read zero."""
        func = self.changed({0x150: PASID_THEN_LAST, 0xff8: LTR})
        self.refused(3, "at 0xff8 stands Latency Tolerance Reporting", "pasid=force", "pasid-at=0xff8", func=func)
        self.stands_at(func, "pf", 0x150)
        self.stands_at(func, "gap", 0x158)

    def test_its_own_is_in_the_last_place(self):
        func = self.changed({0x100: AER_THEN_LAST, 0x150: bytes(8), 0xff8: PASID})
        for place, at in (("0xff8", 0xff8), ("pf", 0xff8), ("gap", 0x12c)):
            with self.subTest(place):
                self.stands_at(func, place, at)

    def test_its_own_is_cut_short_by_the_last(self):
        func = self.changed({0x100: AER_THEN_CUT, 0x150: bytes(8), 0xff4: CUT_THEN_LAST, 0xff8: LTR})
        for place in ("pf", "0xff4"):
            self.refused(3, "at 0xff8 stands Latency Tolerance Reporting", "pasid=force", "pasid-at=" + place,
                         func=func)
        self.stands_at(func, "gap", 0x12c)

    def test_the_last_place_is_the_only_one(self):
        full = {0x148: b"\x5a" * 8, 0x158: b"\x5a" * (0xff8 - 0x158)}
        self.stands_at(self.changed(full), "gap", 0xff8)
        self.refused(3, "no gap", "pasid=force", "pasid-at=gap", func=self.changed({**full, 0xfff: b"\x5a"}))

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
