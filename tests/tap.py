# SPDX-License-Identifier: BSD-3-Clause
"""Run unittest files and speak TAP: tap.py FILE…"""

import importlib.util
import os
import sys
import time
import traceback
import unittest


class Tap(unittest.TestResult):
    """One line a test; subtests count as part of theirs."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.failed_subtest = False

    def startTest(self, test):
        super().startTest(test)
        self.failed_subtest = False
        self.began = time.monotonic()

    def _line(self, ok, test, note=""):
        self.count += 1
        name = test.id().removeprefix("__main__.").replace("#", "")
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}{note}", flush=True)

    def _trouble(self, test, err):
        for line in "".join(traceback.format_exception(*err)).splitlines():
            print(f"# {line}")
        self._line(False, test)

    def addSuccess(self, test):
        if not self.failed_subtest:
            self._line(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._trouble(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._trouble(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed_subtest = True
            self._trouble(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line(True, test, f" # SKIP {reason}")


def load(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    suite = unittest.TestSuite(load(path) for path in sys.argv[1:])
    result = Tap()
    print("TAP version 13")
    suite.run(result)
    print(f"1..{result.count}")
    sys.exit(0 if result.wasSuccessful() else 1)


main()
