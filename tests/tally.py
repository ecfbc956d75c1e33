# SPDX-License-Identifier: BSD-3-Clause
"""Count test results: tally.py FILE…, each a meson testlog.json or a TAP text. The last line is the sum."""

import json
import re
import sys

LINE = re.compile(r"^(?P<not>not )?ok\b\s*\d*\s*(?:- )?(?P<name>[^#]*)(?:#\s*(?P<skip>skip\S*)\s*(?P<why>.*))?$", re.I)

PLAN = re.compile(r"^1\.\.(\d+)", re.M)


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def tap(self, where, text):
        """Count the TAP lines of one program; says how many there were."""
        lines = 0
        for raw in text.splitlines():
            found = LINE.match(raw)
            if not found:
                continue
            lines += 1
            name = f"{where}: {found['name'].strip()}"
            # cmocka says "not ok" of what it skips, with the name behind it.
            if found["skip"]:
                self.skipped.append(f"{name}: {found['why'].strip()}")
            elif found["not"]:
                self.failed.append(name)
            else:
                self.passed += 1
        return lines

    def meson(self, where, text):
        for raw in text.splitlines():
            test = json.loads(raw)
            name = f"{where}: {test['name']}"
            before = len(self.failed)
            lines = self.tap(name, test.get("stdout", ""))
            result = test["result"]
            if result in ("OK", "EXPECTEDFAIL"):
                self.passed += lines == 0
            elif result == "SKIP":
                if not lines:
                    self.skipped.append(f"{name}: the whole program")
            elif len(self.failed) == before:
                # A crash, a timeout or a bad exit status that no line of its own tells.
                self.failed.append(f"{name}: {result.lower()}")


def main():
    tally = Tally()
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if path.endswith(".json"):
            tally.meson(path.split("/")[-3], text)
        else:
            lines, planned = tally.tap(path.split("/")[-1], text), sum(map(int, PLAN.findall(text)))
            if not lines:
                tally.failed.append(f"{path}: no test ran")
            elif lines < planned:
                # It was ended before it could say so itself.
                tally.failed.append(f"{path}: {lines} of {planned} tests ran")
    for name in tally.failed:
        print(f"failed: {name}")
    for name in tally.skipped:
        print(f"skipped: {name}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")
    sys.exit(1 if tally.failed or tally.passed == 0 else 0)


main()
