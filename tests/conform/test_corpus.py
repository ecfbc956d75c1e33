# SPDX-License-Identifier: BSD-3-Clause
"""Every function of the corpus, and every image that traces were recorded on, under `guarded` and `strict`: no check
fails, and none is left other than it was found. Under `linux` every failure has a name."""

import json
import os
import re
import subprocess
import unittest

PCIGATE = os.environ.get(
    "PCIGATE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "pcigate"))
CORPUS = os.environ.get("PCI_CORPUS")
HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = [os.path.join(HERE, "..", "golden", *path) for path in (("images",), ("kernel", "images"))]
# Made to try what a kernel does, not what a device is: their registers hold what no specification allows.
MADE_UP = re.compile(r"(class|express|ext|std)-")
PROFILES = ("guarded", "strict")

BDF = re.compile(r"^((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) ", re.MULTILINE | re.IGNORECASE)

# What the profiles do against the specifications, to be mended: a check, and the functions that it fails on. What is
# mended leaves.
DUE = {}


def is_due(func, check):
    return check in DUE and DUE[check] in func


def functions(*folders):
    for folder, _, files in (entry for top in folders for entry in sorted(os.walk(top))):
        for name in sorted(files):
            if name == "README.md" or (folder.endswith(os.path.join("kernel", "images")) and MADE_UP.match(name)):
                continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8", errors="replace") as file:
                for bdf in dict.fromkeys(BDF.findall(file.read())):
                    yield f"dump:{path}@{bdf}"


def conform(*arguments):
    run = subprocess.run([PCIGATE, "conform", *arguments, "--json"], capture_output=True, text=True, timeout=120,
                         check=False)
    if run.returncode == 3 and re.search(r"has a type \d header", run.stderr):
        return None
    if run.returncode == 3 and "this VF; say id=" in run.stderr:
        return conform(arguments[0] + ",id=8086:10ca", *arguments[1:])
    if run.returncode not in (0, 1):
        raise AssertionError(f"{arguments}: exit status {run.returncode}: {run.stderr}")
    return {check["id"]: check for check in json.loads(run.stdout)["checks"]}


def folders():
    return [*([CORPUS] if CORPUS is not None else []), *IMAGES]


class Clean(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results = {}
        for func in functions(*folders()):
            for profile in PROFILES:
                checks = conform(func, "--profile", profile)
                if checks is not None:
                    cls.results[func, profile] = checks

    def failures(self):
        for (func, profile), checks in self.results.items():
            for check in checks.values():
                if check["verdict"] == "fail":
                    yield func, profile, check

    def test_there_are_functions(self):
        self.assertGreater(len(self.results), 60 if CORPUS is not None else 30)

    def test_no_check_fails(self):
        found = [f"{func} {profile}: {check['id']}: {check['message']}" for func, profile, check in self.failures()
                 if not is_due(func, check["id"])]
        self.assertEqual(found, [])

    def test_what_is_due_still_fails(self):
        seen = {check["id"] for func, _, check in self.failures() if is_due(func, check["id"])}
        self.assertEqual(set(DUE) - seen, set(), "mended: take it out of DUE")

    @unittest.skipIf(CORPUS is None, "no corpus: set PCI_CORPUS")
    def test_most_checks_apply_somewhere(self):
        applied = {name for checks in self.results.values() for name, check in checks.items()
                   if check["verdict"] in ("pass", "fail")}
        every = {name for checks in self.results.values() for name in checks}
        # What the profiles hide they cannot show wrong; what is left has its own simulated function.
        self.assertGreater(len(applied), len(every) * 3 // 4, every - applied)

    def test_every_function_is_left_as_it_was(self):
        for func, checks in self.results.items():
            self.assertEqual(checks["suite.restores"]["verdict"], "pass", func)


class Named(unittest.TestCase):
    def test_every_failure_under_linux_has_a_name(self):
        found = []
        for func in functions(*folders()):
            checks = conform(func, "--profile", "linux")
            found += [f"{func}: {check['id']}: {check['message']}" for check in (checks or {}).values()
                      if check["verdict"] == "fail" and not check["known"]]
        self.assertEqual(found, [])


@unittest.skipIf(CORPUS is None, "no corpus: set PCI_CORPUS")
class Variants(unittest.TestCase):
    """The same function as a VF, and with no memory enable bit."""

    def test_clean(self):
        zoo = os.path.join(CORPUS, "qemu", "zoo.txt")
        for more in (",vf=on", ",no-command-memory=on", ",nointx=on"):
            checks = conform(f"dump:{zoo}@0000:01:00.0{more}")
            self.assertEqual([name for name, check in checks.items()
                              if check["verdict"] == "fail"], [], more)


if __name__ == "__main__":
    unittest.main()
