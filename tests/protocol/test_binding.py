# SPDX-License-Identifier: BSD-3-Clause
"""client.py has structures and arguments as the library's headers have them: one too small would be written past."""

import ctypes
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, TESTS)

import client  # pylint: disable=wrong-import-position

INCLUDE = os.path.join(TESTS, "..", "include")
HEADERS = ("client.h", "client_pasid.h")
# Where a name is not pcg_client_ and the class's own in lower case.
ELSEWHERE = {"Note": "pcg_note", "Log": "pcg_log", "Cap": "pcg_cap", "Pasid": "pcg_feature_pasid",
             "PageRequest": "pcg_feature_page_request", "PageResponse": "pcg_feature_page_response",
             "Fault": "pcg_feature_fault", "IrqInfo": "pcg_client_irq_info"}


def structures():
    """(class, name in C)"""
    for name, kind in vars(client).items():
        if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and kind is not client.Area:
            yield kind, ELSEWHERE.get(name, "pcg_client_" + name.lower())


class Binding(unittest.TestCase):
    def test_structures(self):
        terms, here = [], []
        for kind, name in structures():
            terms.append(f"sizeof(struct {name})")
            here.append((name, ctypes.sizeof(kind)))
            for field, _ in kind._fields_:
                terms += [f"offsetof(struct {name}, {field})", f"sizeof(((struct {name} *)0)->{field})"]
                place = getattr(kind, field)
                here += [(f"{name}.{field}", place.offset), (f"{name}.{field}", place.size)]
        self.assertGreater(len(here), 100)
        lines = [f"#include <pcigate/{header}>" for header in HEADERS] + ["#include <stdio.h>", "int main(void) {"]
        lines += [f'\tprintf("%zu\\n", {term});' for term in terms] + ["}"]
        with tempfile.TemporaryDirectory(prefix="pcigate-test-") as folder:
            program = os.path.join(folder, "sizes")
            compiler = shlex.split(os.environ.get("CC", "cc"))
            subprocess.run([*compiler, "-I" + INCLUDE, "-xc", "-", "-o", program], check=True,
                           input="\n".join(lines) + "\n", text=True)
            there = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual(here, [(name, int(size)) for (name, _), size in zip(here, there, strict=True)])

    def test_arguments(self):
        """As many as the header has; structures and numbers agree with it by the test above and those that use them."""
        text = ""
        for header in HEADERS:
            with open(os.path.join(INCLUDE, "pcigate", header), encoding="utf-8") as file:
                text += file.read()
        for name, arguments in client.ARGUMENTS.items():
            with self.subTest(name):
                found = re.search(rf"\bpcg_client_{name}\((?:const )?struct pcg_client \*client([^)]*)\);", text)
                self.assertIsNotNone(found)
                self.assertEqual(found[1].count(","), len(arguments))


if __name__ == "__main__":
    unittest.main()
