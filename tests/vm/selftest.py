# SPDX-License-Identifier: BSD-3-Clause
"""Linux's own endpoint selftest (tools/testing/selftests/pci_endpoint): running it in a guest, reading what it says."""

import re

TESTS = (
    *(f"pci_ep_bar.BAR{n}.{kind}_TEST" for kind in ("BAR", "BAR_SUBRANGE") for n in range(6)),
    "pci_ep_basic.CONSECUTIVE_BAR_TEST",
    "pci_ep_basic.LEGACY_IRQ_TEST",
    "pci_ep_basic.MSI_TEST",
    "pci_ep_basic.MSIX_TEST",
    *(f"pci_ep_data_transfer.{how}.{what}_TEST" for how in ("memcpy", "dma") for what in ("READ", "WRITE", "COPY")),
    "pcie_ep_doorbell.DOORBELL_TEST",
)

LINE = re.compile(r"^(not ok|ok) \d+ (\S+)(?: # SKIP (.*))?$", re.M)
# The test counts vectors until the driver has no more; how many there were stands only in the reason of its "skip".
VECTORS = re.compile(r"^MSI(?:-X)?(\d+) is disabled$")


class Outcome:
    """One test's: state "pass", "fail" or "skip", the reason of a skip, and how many vectors were seen to fire."""

    def __init__(self, name, failed, reason, notes):
        self.name, self.reason, self.vectors = name, reason, None
        counted = VECTORS.match(reason or "")
        if counted:
            self.vectors = int(counted[1]) - 1
        # A skip overwrites earlier failures of the same test; only these lines tell.
        self.notes = [note for note in notes if "Test failed" in note or "failed" in note.lower()]
        if failed or self.notes:
            self.state = "fail"
        else:
            self.state = "skip" if reason and counted is None else "pass"

    def __str__(self):
        return "; ".join([self.state, *([self.reason] if self.reason else []), *self.notes[:5]])


class Outcomes(dict):
    """By the name of the test. `complete` says that the run came to its end."""

    def __init__(self, text):
        super().__init__()
        self.text, self.complete, begin = text, "# Totals:" in text, 0
        for found in LINE.finditer(text):
            notes = [line.removeprefix("# ") for line in text[begin:found.start()].splitlines()]
            self[found[2]] = Outcome(found[2], found[1] == "not ok", found[3], notes)
            begin = found.end()
        if "pci_ep_basic.MSI_TEST" in self and self["pci_ep_basic.MSI_TEST"].reason is None:
            self["pci_ep_basic.MSI_TEST"].vectors = 32

    def failed(self):
        return [f"{name}: {outcome}" for name, outcome in self.items() if outcome.state == "fail"]


def run(guest, *filters, seconds=150):
    """Run it on the function that the driver holds."""
    return Outcomes(guest.run(" ".join(["pci_endpoint_selftest", *filters]), seconds=seconds, check=False).text)
