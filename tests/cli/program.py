# SPDX-License-Identifier: BSD-3-Clause
"""The program as people call it, and the functions of the corpus."""

import os
import re
import subprocess
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
PCIGATE = os.environ.get("PCIGATE", os.path.join(ROOT, "build", "pcigate"))
# A small Express function with a second vendor capability, a hidden one and nothing behind it: what most tests want.
FUNCTION = """\
01:00.0 Ethernet controller: Test
00: 86 80 34 12 07 04 10 00 01 00 00 02 10 00 00 00
10: 00 00 80 fe 00 00 00 00 00 00 00 00 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 86 80 01 00
30: 00 00 00 00 40 00 00 00 00 00 00 00 0a 01 00 00
40: 01 50 03 00 08 00 00 00 00 00 00 00 00 00 00 00
50: 09 60 08 00 11 22 33 44 00 00 00 00 00 00 00 00
60: 09 70 08 00 55 66 77 88 00 00 00 00 00 00 00 00
70: 10 00 02 00 20 80 00 10 36 29 09 00 11 00 00 00
"""


def empty_rows(first, end):
    return "".join(f"{at:02x}: " + " ".join(["00"] * 16) + "\n" for at in range(first, end, 16))


def write_function(path, extended=True):
    """FUNCTION in a file, with AER at 100h and PASID, which is hidden, at 150h."""
    text = FUNCTION + empty_rows(0x80, 0x100)
    if extended:
        text += "100: 01 00 02 15" + " 00" * 12 + "\n" + empty_rows(0x110, 0x150)
        text += "150: 1b 00 01 00 06 10" + " 00" * 10 + "\n" + empty_rows(0x160, 0x1000)
    with open(path, "w") as file:
        file.write(text)
    return "dump:" + path


def run(*arguments, timeout=60, **keywords):
    return subprocess.run([PCIGATE, *arguments], capture_output=True, text=True, timeout=timeout, check=False, **keywords)


PROFILES = re.findall(r"^## Profile `(\w+)`$", run("why", "--reference").stdout, re.M)


def corpus():
    """Every recorded function with a type 0 header, as FUNC."""
    folder = os.environ.get("PCI_CORPUS")
    if not folder:
        raise unittest.SkipTest("PCI_CORPUS names no folder with recorded functions")
    functions = []
    for root, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith(".md"):
                continue
            bdf = None
            with open(os.path.join(root, name), errors="replace") as file:
                for line in file:
                    if re.match(r"([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] ", line):
                        bdf = line.split()[0]
                    elif bdf and line.startswith("00: "):
                        if int(line.split()[15], 16) & 0x7F == 0:
                            functions.append(f"dump:{os.path.join(root, name)}@{bdf}")
                        bdf = None
    return functions
