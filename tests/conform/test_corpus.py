# SPDX-License-Identifier: BSD-3-Clause
"""Every function of the corpus under `guarded`: no check fails, and none is left other than it was found."""

import json
import os
import re
import subprocess
import unittest

PCIGATE = os.environ.get(
    "PCIGATE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "pcigate"))
CORPUS = os.environ.get("PCI_CORPUS")

BDF = re.compile(r"^((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) ", re.MULTILINE | re.IGNORECASE)

# What `guarded` does against the specifications, to be mended: a check, and why it fails. What is mended leaves.
DUE = {}


def functions():
    for folder, _, files in sorted(os.walk(CORPUS)):
        for name in sorted(files):
            if name == "README.md":
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
    if run.returncode not in (0, 1):
        raise AssertionError(f"{arguments}: exit status {run.returncode}: {run.stderr}")
    return {check["id"]: check for check in json.loads(run.stdout)["checks"]}


@unittest.skipIf(CORPUS is None, "no corpus: set PCI_CORPUS")
class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results = {}
        for func in functions():
            checks = conform(func)
            if checks is not None:
                cls.results[func] = checks

    def failures(self):
        for func, checks in self.results.items():
            for check in checks.values():
                if check["verdict"] == "fail":
                    yield func, check

    def test_there_are_functions(self):
        self.assertGreater(len(self.results), 60)

    def test_guarded_is_clean(self):
        found = [f"{func}: {check['id']}: {check['message']}" for func, check in self.failures()
                 if check["id"] not in DUE]
        self.assertEqual(found, [])

    def test_what_is_due_still_fails(self):
        seen = {check["id"] for _, check in self.failures()}
        self.assertEqual(set(DUE) - seen, set(), "mended: take it out of DUE")

    def test_most_checks_apply_somewhere(self):
        applied = {name for checks in self.results.values() for name, check in checks.items()
                   if check["verdict"] in ("pass", "fail")}
        every = {name for checks in self.results.values() for name in checks}
        # What `guarded` hides it cannot show wrong; what is left has its own simulated function.
        self.assertGreater(len(applied), len(every) * 3 // 4, every - applied)

    def test_every_function_is_left_as_it_was(self):
        for func, checks in self.results.items():
            self.assertEqual(checks["suite.restores"]["verdict"], "pass", func)


@unittest.skipIf(CORPUS is None, "no corpus: set PCI_CORPUS")
class Variants(unittest.TestCase):
    """The same function as a VF, and with no memory enable bit."""

    def test_clean(self):
        zoo = os.path.join(CORPUS, "qemu", "zoo.txt")
        for more in (",vf=on", ",no-command-memory=on", ",nointx=on"):
            checks = conform(f"dump:{zoo}@0000:01:00.0{more}")
            self.assertEqual([name for name, check in checks.items()
                              if check["verdict"] == "fail" and name not in DUE], [], more)


if __name__ == "__main__":
    unittest.main()
