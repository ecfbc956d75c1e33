# SPDX-License-Identifier: BSD-3-Clause
"""The functions that the room's tests use, by one name each: dicts for Room(functions=…) and what QEMU wants besides.

    machine = Machine("igb", "nvme")
    with machine.room() as room:
        vf = room.vfs(room.address("igb"), 2)[0]
"""

import os
import tempfile

from rig import root_port
from room import Room

DISK_MIB = 16

# Behind a root port of their own, or (None) on the root bus, as the conventional functions that they are.
FUNCTIONS = {
    "igb": {"driver": "igb", "netdev": "igb-net"},
    "e1000e": {"driver": "e1000e", "netdev": "e1000e-net"},
    "nvme": {"driver": "nvme", "serial": "room", "drive": "disk"},
    "virtio": {"driver": "virtio-net-pci", "disable-legacy": "on", "iommu_platform": True},
    "edu": {"driver": "edu", "bus": None},
    "rtl8139": {"driver": "rtl8139", "bus": None},
    "e1000": {"driver": "e1000", "bus": None},
    "ivshmem": {"driver": "ivshmem-plain", "memdev": "shared", "bus": None},
}

# A network whose only other port nobody listens to: the PF passes frames on to its VFs all the same.
BESIDES = {
    "igb": ["-netdev", "hubport,id=igb-net,hubid=0"],
    "e1000e": ["-netdev", "hubport,id=e1000e-net,hubid=1"],
    "ivshmem": ["-object", "memory-backend-memfd,id=shared,size=1M,share=on"],
}


class Machine:
    """Which functions a Room is to have; also makes the files that they need."""

    def __init__(self, *names):
        self.functions, self.besides = [], []
        self.disk = None
        for number, name in enumerate(names, 1):
            function = {"id": name, "bus": f"rp{number}", **FUNCTIONS[name]}
            if function["bus"]:
                self.functions.append(root_port(f"rp{number}"))
            else:
                del function["bus"]
            self.functions.append(function)
            self.besides += BESIDES.get(name, [])
        if "nvme" in names:
            self.disk = tempfile.NamedTemporaryFile(prefix="pcigate-disk-")  # pylint: disable=consider-using-with
            os.truncate(self.disk.name, DISK_MIB << 20)
            self.besides += ["-drive", f"file={self.disk.name},format=raw,if=none,id=disk"]

    def room(self, **options):
        """A Room with them; it keeps the files while it lives."""
        room = Room(functions=self.functions, qemu_args=self.besides, **options)
        room.machine = self
        return room
