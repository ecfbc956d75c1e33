# SPDX-License-Identifier: BSD-3-Clause
"""Recorded functions in a Linux guest, no driver bound: lspci inside reads what `inspect --guest` says outside.

Every type 0 function of the corpus boots, Express ones behind a root port; what QEMU overlays stands in overlay.py.
Bridges are refused. One test a function.
"""

import os
import re
import subprocess
import tempfile
import unittest

import overlay
import rig
import zoo

# Functions of one guest: the root bus has 29 slots, root ports stand eight to a slot.
HERD = 28

# Dumps that need a word more than the text says.
OPTIONS = {
    "cap-ea-1@0002:01:00.0": ",bar0=1G:mem64:prefetch",  # by Enhanced Allocation; no 32-bit window has room for 1 GiB
}

# Type 0 functions that pcigate serves and that no guest of this kind can have.
LEFT_OUT = {
    "tree-asus-p6t6@00:00.0": "QEMU refuses it: a root port (Express type 4) with an endpoint's header",
    "cap-vc-and-rcl@00:1f.2": "SeaBIOS waits over a minute for disks behind an IDE controller that is plain memory",
}

# What lspci says of a function that it could not read or follow.
COMPLAINTS = ("<access denied>", "<chain broken>", "<chain looped>", "<unreadable>", "!!!", "Unknown header type")

# QEMU reads a ROM in one message, and more than max_data_xfer_size (1 MiB) fails; it goes on without.
QEMU_MAY_SAY = ("vfio: Error reading device ROM: Invalid argument",)


def members(folder):
    """Every function that was recorded below a folder of the corpus."""
    found = []
    for name in sorted(os.listdir(os.path.join(zoo.CORPUS, folder))) if zoo.has_corpus() else ():
        path = f"{folder}/{name}"
        found += [zoo.Member(path, address, config) for address, config in zoo.recorded(path).items() if config]
    for member in found:
        member.function += OPTIONS.get(str(member), "")
    return found


def method_name(member):
    return "test_" + re.sub(r"\W", "_", str(member))


def differences(outside, inside):
    """Text lines, one a dword that is not as the overlay says."""
    wanted = overlay.expected(outside)[0]
    lines = []
    for at in range(0, min(len(wanted), len(inside)), 4):
        if wanted[at:at + 4] != inside[at:at + 4]:
            lines.append(f"{at:03x}: {overlay.get32(outside, at):08x} outside, {overlay.get32(wanted, at):08x} "
                         f"expected inside, {overlay.get32(inside, at):08x} there")
    return lines


class Recorded:
    """Mixed into a TestCase: the functions of one guest."""

    herd = None

    @classmethod
    def setUpClass(cls):
        cls.herd.look()

    def look(self, member):
        self.assertEqual(member.driver, "")
        self.assertEqual(len(member.inside), len(member.outside))
        self.assertEqual(differences(member.outside, member.inside), [])
        self.assertEqual([line for line in member.text.splitlines() if any(word in line for word in COMPLAINTS)], [])
        if member.config[:4] != b"\xff\xff\xff\xff":  # a VF's ids are its physical function's
            self.assertEqual(member.inside[:4], member.config[:4])

    def test_quiet(self):
        said = [line for line in self.herd.qemu_log.splitlines() if not line.endswith(QEMU_MAY_SAY)]
        said += [line for line in self.herd.console.splitlines() if re.search(r"BUG|WARNING|Call Trace|AER", line)]
        self.assertEqual(said, [])


def _one(member):
    return lambda self: self.look(member)


def herd_class(name, herd):
    tests = {method_name(member): _one(member) for member in herd.members}
    return type(name, (Recorded, unittest.TestCase), {"herd": herd, "__module__": __name__, **tests})


ALL = [member for folder in ("qemu", "pciutils") for member in members(folder)]
GUESTS = [member for member in ALL if not zoo.is_bridge(member.config) and str(member) not in LEFT_OUT]
HERDS = {}
for _folder in ("qemu", "pciutils"):
    _own = [member for member in GUESTS if member.path.startswith(_folder)]
    for _number, _start in enumerate(range(0, len(_own), HERD)):
        HERDS[f"{_folder.capitalize()}{_number + 1}"] = zoo.Herd(_own[_start:_start + HERD])
for _name, _herd in HERDS.items():
    globals()[_name] = herd_class(_name, _herd)


@unittest.skipUnless(zoo.has_corpus(), f"no corpus of recorded functions at {zoo.CORPUS}; PCI_CORPUS names another")
class Corpus(unittest.TestCase):
    """That there is something to look at; and what is not looked at."""

    def test_all_of_it(self):
        self.assertEqual(sum(member.path == "qemu/zoo.txt" for member in GUESTS), 25)
        self.assertEqual(set(LEFT_OUT) - {str(member) for member in ALL}, set())


class Rows(unittest.TestCase):
    """Every row of the overlay is needed by some function, or it must go."""

    def look(self, row):
        if not HERDS:
            self.skipTest("no corpus")
        for herd in HERDS.values():
            herd.look()
            if any(row in overlay.expected(member.outside)[1] for member in herd.members):
                return
        self.fail(f"unused row: {row.register}")


class Bridges(unittest.TestCase):
    """Refused, with a reason."""

    def look(self, member):
        with tempfile.TemporaryDirectory(prefix="pcigate-bridge-") as folder:
            command = [rig.pcigate(), "serve", member.function, "--socket-path", os.path.join(folder, "socket")]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertRegex(done.stderr, r"header type|bridge")
            self.assertEqual(os.listdir(folder), [])


def _left_out(reason):
    return lambda self: self.skipTest(reason)


for _number, _row in enumerate(overlay.ROWS):
    setattr(Rows, f"test_{_number}_" + re.sub(r"\W+", "_", _row.register), lambda self, row=_row: self.look(row))
for _member in ALL:
    if zoo.is_bridge(_member.config):
        setattr(Bridges, method_name(_member), _one(_member))
    elif str(_member) in LEFT_OUT:
        setattr(Corpus, method_name(_member), _left_out(LEFT_OUT[str(_member)]))

if __name__ == "__main__":
    unittest.main()
