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
    # nvme with VFs: what the queues and vectors of its VFs are made of is flexible. See nvme_vfs().
    "nvme-pf": {"driver": "nvme", "serial": "room", "subsys": "subsystem", "max_ioqpairs": 16, "msix_qsize": 16,
                "sriov_max_vfs": 2, "sriov_vq_flexible": 8, "sriov_vi_flexible": 6},
    "virtio-scsi": {"driver": "virtio-scsi-pci", "disable-legacy": "on", "iommu_platform": True},
    "virtio-blk": {"driver": "virtio-blk-pci", "disable-legacy": "on", "iommu_platform": True, "drive": "disk-virtio"},
    "virtio-rng": {"driver": "virtio-rng-pci", "disable-legacy": "on", "iommu_platform": True},
    "vmxnet3": {"driver": "vmxnet3"},
    "pvscsi": {"driver": "pvscsi"},
    "megasas-gen2": {"driver": "megasas-gen2"},
    "xhci": {"driver": "qemu-xhci"},
    "nec-xhci": {"driver": "nec-usb-xhci", "bus": "downstream"},
    "ahci": {"driver": "ich9-ahci", "bus": None},
    "megasas": {"driver": "megasas", "bus": None},
    "lsi": {"driver": "lsi53c895a", "bus": None},
    "mptsas": {"driver": "mptsas1068", "bus": None},
    "ne2k": {"driver": "ne2k_pci", "bus": None},
    "eepro100": {"driver": "i82559er", "bus": None},
    "tulip": {"driver": "tulip", "bus": None},
    "ehci": {"driver": "usb-ehci", "bus": None},
    "sdhci": {"driver": "sdhci-pci", "bus": None},
    "hda": {"driver": "intel-hda", "bus": None},
    "testdev": {"driver": "pci-testdev", "membar": 1 << 20, "bus": None},
    "rocker": {"driver": "rocker", "bus": None},
    # Two functions of one slot without ACS: one IOMMU group.
    "pcnet": {"driver": "pcnet", "bus": None, "addr": "19.0", "multifunction": True},
    "pcnet-1": {"driver": "e1000", "bus": None, "addr": "19.1"},
}

# What stands before a function on the command line, and after it.
BEFORE = {
    "nvme-pf": [{"driver": "nvme-subsys", "id": "subsystem"}],
    "nec-xhci": [{"driver": "x3130-upstream", "id": "upstream", "bus": "{port}"},
                 {"driver": "xio3130-downstream", "id": "downstream", "bus": "upstream", "chassis": 99, "slot": 1}],
}
AFTER = {"nvme-pf": [{"driver": "nvme-ns", "drive": "disk-pf", "bus": "nvme-pf", "nsid": 1}]}

# The drives that functions name.
DISKS = {"nvme": "disk", "nvme-pf": "disk-pf", "virtio-blk": "disk-virtio"}

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
        self.disks = []
        for number, name in enumerate(names, 1):
            function = {"id": name, "bus": f"rp{number}", **FUNCTIONS[name]}
            if function["bus"]:
                self.functions.append(root_port(f"rp{number}"))
            else:
                del function["bus"]
            for other in BEFORE.get(name, []):
                self.functions.append({k: f"rp{number}" if v == "{port}" else v for k, v in other.items()})
            self.functions.append(function)
            self.functions += AFTER.get(name, [])
            self.besides += BESIDES.get(name, [])
            if name in DISKS:
                disk = tempfile.NamedTemporaryFile(prefix="pcigate-disk-")  # pylint: disable=consider-using-with
                os.truncate(disk.name, DISK_MIB << 20)
                self.disks.append(disk)
                self.besides += ["-drive", f"file={disk.name},format=raw,if=none,id={DISKS[name]}"]

    def room(self, **options):
        """A Room with them; it keeps the files while it lives."""
        room = Room(functions=self.functions, qemu_args=self.besides, **options)
        room.machine = self
        return room


# Admin commands through a controller's own driver: opcode, CDW10, CDW11.
ADMIN = """
import fcntl, struct, sys
controller = open(sys.argv[1], "rb")
for words in zip(*[iter(int(word, 0) for word in sys.argv[2:])] * 3):
    command = bytearray(72)
    command[0] = words[0]
    struct.pack_into("<II", command, 40, *words[1:])
    status = fcntl.ioctl(controller, 0xc0484e41, command)  # NVME_IOCTL_ADMIN_CMD
    if status:
        sys.exit(f"{words}: status 0x{status:x}")
"""

# Virtualization Management (NVM Express Base Specification 1.4, section 5.22): its opcode, then CDW10: a controller's
# number << 16 | the resource << 8 | what to do.
MANAGEMENT = 0x1c
QUEUES, VECTORS = 0 << 8, 1 << 8
TO_FLEXIBLE, OFFLINE, ASSIGN, ONLINE = 1, 7, 8, 9


def manage(room, physical, *words):
    """Virtualization Management commands by the PF's driver; CDW10 and CDW11 of each."""
    script = room.put("admin.py", ADMIN)
    triples = [word for pair in zip(words[::2], words[1::2]) for word in (MANAGEMENT, *pair)]
    name = room.run(f"basename /sys/bus/pci/devices/{physical}/nvme/nvme*").text.strip()
    room.run(f"python3 {script} /dev/{name} {' '.join(map(str, triples))}")


def nvme_online(room, physical, number):
    """Give the PF's VF of that number, from 1, three vectors and four queues, and put it online."""
    at = number << 16
    manage(room, physical, at | VECTORS | ASSIGN, 3, at | QUEUES | ASSIGN, 4, at | ONLINE, 0)


def nvme_vfs(room, physical):
    """Both VFs of "nvme-pf", online. Its driver stays: what VFs have is its to give."""
    manage(room, physical, VECTORS | TO_FLEXIBLE, 0, QUEUES | TO_FLEXIBLE, 0)
    room.run(f"echo 1 >/sys/bus/pci/devices/{physical}/reset")  # it gives up what is flexible then
    made = room.vfs(physical, 2)
    for number in (1, 2):
        nvme_online(room, physical, number)
    return made
