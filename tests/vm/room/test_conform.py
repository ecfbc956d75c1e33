# SPDX-License-Identifier: BSD-3-Clause
"""Real functions under `pcigate conform`: the kernel's VFIO device has the faults that it is known for, all of them by
name and no others; the same function served under `guarded` has none."""

import json
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
from functions import Machine

# What the suite finds at the kernel's device without us. "shown-raw" is the emulated function's own.
EXPRESS = {
    "linux.1.6-msix-control",
    "linux.1.6-shown-raw",
    "linux.2.4-table-out-of-reach",
    "linux.7.1.10-flr-keeps-view",
}
PHYSICAL = {
    "linux.7.1.8-host-addresses",
    "linux.7.1.12-link-control",
    "linux.7.1b.4-intx-follows",
}
MSI = {"linux.1.6-msi-reserved-bits", "linux.7.1.2-msi-control"}
AER = {"linux.7.1.9-aer-to-hardware"}
# Where errors are pending. QEMU's network functions clear no bit of Device Status, so of the two faults nvme shows one
# and they the other.
LOST = {"linux.7.1.1-rw1c-write-back"}
STUCK = {"linux.7.1.1-status-not-clearable"}
CONVENTIONAL = {"linux.7.1.8-host-addresses", "linux.7.1b.4-intx-follows"}

FAULTS = {
    "vf": EXPRESS | AER | {"linux.2.1-not-gated"},
    "igb": EXPRESS | PHYSICAL | MSI | AER | STUCK | {"linux.7.1.11-inert"},
    "nvme": EXPRESS | PHYSICAL | LOST,
    "e1000e": EXPRESS | PHYSICAL | MSI | AER | STUCK,
    "edu": CONVENTIONAL | MSI,
    "rtl8139": CONVENTIONAL,
}
ERRORS = ("UNSUP 0 0 0 0", "RCVR")

LONG = int(os.environ.get("PCIGATE_ROUNDS", "5")) >= 100  # ./check --machine-room
# By the other door the same registers are reached: where time is short what resets and moves the function is tried.
REDUCED = ("header.*", "bar.*", "pm.*", "flr.*", "reset.*", "suite.*")
WAYS = {"iommufd": (), "type1": () if LONG else REDUCED}


def is_vf(name):
    return name.endswith("vf")


def only(globs):
    return "".join(f" --only '{glob}'" for glob in globs)


class Pair(unittest.TestCase):
    """The kernel's device, then the same function served."""

    FUNCTIONS, FAULTS, WAYS = (), {}, WAYS
    # Checks that fail at the kernel's device for what the emulated function is: no known fault has them.
    OWN = {}
    # What the server says of them.
    NOTES = {}

    @classmethod
    def setUpClass(cls):
        cls.room = Machine(*cls.FUNCTIONS).room(append="no_timer_check")
        cls.room.start()

    @classmethod
    def tearDownClass(cls):
        cls.room.close()

    def tearDown(self):
        self.assertNotIn("DMAR: DRHD: handling fault", self.room.log())

    def raise_errors(self, name):
        """Errors that the kernel's device shows as pending: they are what its writes must not clear."""
        for error in ERRORS if self.FAULTS[name] & (LOST | STUCK) else ():
            line = f"pcie_aer_inject_error {name} {error}"
            self.assertIn("OK", self.room.qmp("human-monitor-command", command_line=line))

    def kernel(self, name, address, way, globs):
        run = self.room.run(f"{rig.pcigate()} conform vfio:{address},iommu={way} --json{only(globs)} 2>/dev/null",
                            seconds=600, check=False)
        self.assertEqual(run.status, 1, run.text[-4000:])
        result = json.loads(run.text)
        unnamed = [check["id"] for check in result["checks"] if check["verdict"] == "fail" and not check["known"]]
        self.assertEqual(unnamed, self.OWN.get(name, []), "failures that no known fault explains")
        if globs:
            self.assertLessEqual(set(result["known_faults"]), self.FAULTS[name])
            self.assertIn("linux.7.1b.4-intx-follows" if not is_vf(name) else "linux.7.1.10-flr-keeps-view",
                          result["known_faults"])
        else:
            self.assertEqual(set(result["known_faults"]), self.FAULTS[name])

    def served(self, name, address, way, globs):
        socket = f"/run/{name}-{way}"
        server = self.room.job(f"exec {rig.pcigate()} serve vfio:{address},iommu={way} --socket-path {socket}")
        try:
            self.room.wait_for(f"test -S {socket}", 60)
            vf = " --vf" if is_vf(name) else ""
            run = self.room.run(f"{rig.pcigate()} conform vfio-user:{socket}{vf}{only(globs)}", seconds=600, check=False)
            failed = [line for line in run.text.splitlines() if not line.startswith(("ok ", "1..", "TAP "))]
            self.assertEqual(run.status, 0, "\n".join(failed)[-4000:] + server.text)
        finally:
            server.kill()
            ended = server.wait(60)
        self.assertEqual(ended.status, 0, server.text)
        for note in self.NOTES.get(name, ()):
            self.assertIn(note, server.text)

    def check(self, name, address):
        self.room.bind(address)
        for way, globs in self.WAYS.items():
            with self.subTest(way):
                self.raise_errors(name)
                began = time.monotonic()
                self.kernel(name, address, way, globs)
                between = time.monotonic()
                self.served(name, address, way, globs)
                print(f"# {name} by {way}: kernel {between - began:.1f} s, served {time.monotonic() - between:.1f} s",
                      flush=True)


class Conform(Pair):
    FUNCTIONS = ("igb", "nvme", "e1000e", "edu", "rtl8139")
    FAULTS = FAULTS

    def test_1_vf(self):
        """First: its PF goes to vfio-pci in the next one, and its VFs with that."""
        self.check("vf", self.room.vfs(self.room.address("igb"), 1)[0])

    def test_2_pf(self):
        self.check("igb", self.room.address("igb"))

    def test_nvme(self):
        self.check("nvme", self.room.address("nvme"))

    def test_e1000e(self):
        self.check("e1000e", self.room.address("e1000e"))

    def test_edu(self):
        self.check("edu", self.room.address("edu"))

    def test_conventional(self):
        self.check("rtl8139", self.room.address("rtl8139"))
