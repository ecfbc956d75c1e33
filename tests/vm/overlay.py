# SPDX-License-Identifier: BSD-3-Clause
"""What QEMU's vfio-user-pci shows its guest of a function instead of what the server says, as far as lspci can see.

Addresses, COMMAND, the interrupt line, MSI and MSI-X are QEMU's own too, but the guest's writes reach the server as
well, so that both sides read the same: they need no row here. Seen with QEMU 11.1.3.
"""

from typing import Callable, NamedTuple

from zoo import capabilities

CAP_EXP, ECAP_ARI = 0x10, 0x0e
EXP_TYPE, INTEGRATED = 0x00f0, 0x0090  # PCIe 6.0, 7.5.3.2: a root complex integrated endpoint


def get32(config, at):
    return int.from_bytes(config[at:at + 4], "little")


def integrated(config):
    """Offset of the Express capability of an integrated endpoint, else None."""
    at = capabilities(config)[0].get(CAP_EXP)
    return at if at is not None and config[at + 2] & EXP_TYPE == INTEGRATED else None


def ari(config):
    return capabilities(config)[1].get(ECAP_ARI)


def before_ari(config):
    """Offset of the extended capability that links to ARI, else None."""
    target = ari(config)
    if target is None:
        return None
    return next((at for at in capabilities(config)[1].values() if get32(config, at) >> 20 == target), None)


class Row(NamedTuple):
    """Where find() gives a capability, bits at + offset read as shows() says and not as the server does."""

    register: str
    find: Callable
    offset: int
    bits: int
    shows: Callable
    reason: str


ROWS = (
    Row("CAP_EXP+2.w", integrated, 0x00, EXP_TYPE << 16, lambda config: 0,
        "Behind a port nothing can be integrated into the root complex: QEMU turns the type into a plain endpoint."),
    Row("CAP_EXP+c.l", integrated, 0x0c, 0xffffffff, lambda config: 0x11,
        "Integrated endpoints have no link; the endpoint that QEMU makes of one gets x1 at 2.5 GT/s."),
    Row("ECAP_ARI+0.l, first of the chain", lambda config: 0x100 if ari(config) == 0x100 else None, 0, 0x000fffff,
        lambda config: 0,
        "QEMU decides itself which function stands beside which, so it drops ARI; the head of the chain cannot move, "
        "its id and version read 0."),
    Row("ECAP_…+0.l, whose Next is ECAP_ARI", before_ari, 0, 0xfff00000,
        lambda config: get32(config, ari(config)) & 0xfff00000,
        "As above; in the middle of a chain the capability before it links past it."),
)


def expected(config):
    """What the guest ought to read where the server says config; and the rows that made a difference."""
    result, used = bytearray(config), []
    for row in ROWS:
        base = row.find(config)
        if base is None:
            continue
        at = base + row.offset
        before = get32(result, at)
        after = before & ~row.bits | row.shows(config) & row.bits
        result[at:at + 4] = after.to_bytes(4, "little")
        if after != before:
            used.append(row)
    return bytes(result), used
