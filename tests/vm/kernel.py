# SPDX-License-Identifier: BSD-3-Clause
"""Traces of the running kernel's vfio-pci: which functions, in which machine, and how they are recorded.

The function under vfio-pci is one of QEMU's own devices, or pcigate: a recorded image that is plain memory and is
served without mediation. What the kernel meets is read inside before vfio-pci has it, because QEMU shows some
registers otherwise, and lies beside the trace as its reference image. The same image is what is served the next time,
but for functions whose BARs find no room, or whose port type QEMU changes: what is served as them is in served/.

tests/golden/kernel holds the results, and its README.md says what cannot be recorded; tests/vm/record makes them anew.
"""

import gzip
import os
import re
import subprocess
import tempfile
from typing import NamedTuple

from rig import TREE, Guest, RigError, config_bytes, pcigate, root_port, vfio_user
from zoo import Servers, capabilities

GOLDEN = os.path.join(TREE, "tests", "golden", "kernel")
RECORDER = os.path.join(TREE, "tests", "vm", "recorder")

# Of what lspci -vv says, all that a dump is read for.
KEPT = re.compile(r"(\w+:)?\w\w:\w\w\.\w |\t(Region \d|Expansion ROM|Interrupt):? |[0-9a-f]{2,3}: ")


class Function(NamedTuple):
    """One function of a machine. Without a QEMU device it is images/NAME.txt, served."""

    name: str
    device: dict = None
    express: bool = False  # stands behind a root port; of an image it is read
    plugged: bool = False  # when Linux runs: for what firmware cannot bear; Express only
    integrated: bool = False  # Express all the same, but on the root bus: behind a port it would become an endpoint
    vf: bool = False  # record its first VF, that igb makes, in its place
    options: str = ",intx=follow"  # of dump:, for replay


# The composition of a machine decides addresses, and so what is in the traces: a new function takes a new machine, or
# its machine is recorded anew.
MACHINES = {
    "checked": (
        Function("synth-02-pci-conventional"),
        Function("qemu-8086-1229-00-15.0"),
        Function("qemu-rtl8139", {"driver": "rtl8139", "mac": "52:54:00:00:00:01"}),
        Function("qemu-edu", {"driver": "edu"}),
        Function("qemu-e1000e", {"driver": "e1000e", "mac": "52:54:00:00:00:02"}, express=True),
        Function("qemu-nvme", {"driver": "nvme", "serial": "1"}, express=True),
        Function("qemu-igb-vf", {"driver": "igb", "mac": "52:54:00:00:00:03"}, express=True, vf=True,
                 options=",vf=on,id=8086:10ca"),
        Function("synth-01-nic-plain"),
    ),
    "served": (
        Function("qemu-15ad-07b0-08-00.0"),
        Function("synth-05-rciep-v2"),
        Function("synth-07-sriov-pf"),
        Function("synth-09-touching-vsec"),
        Function("synth-12-hidden-ends"),
        Function("synth-16-tables"),
        Function("synth-17-rw1c-pending"),
    ),
    "plugged": (
        Function("synth-19-bars", plugged=True),
    ),
    "classes": (
        Function("class-vga", plugged=True),
        Function("class-ide-express", plugged=True),
    ),
    "standard": (
        Function("std-msi-32"),
        Function("std-msi-64-masked"),
        Function("std-pcix-2"),
        Function("std-hypertransport"),
        Function("std-sata-agp-hidden"),
        Function("std-unknown-ids"),
        Function("std-none-but-the-flag"),
        Function("class-ide"),
    ),
    "express": (
        Function("express-1-endpoint"),
        Function("express-1-legacy"),
        Function("express-3"),
        Function("express-twice"),
    ),
    "extended": (
        Function("ext-03-to-0c"),
        Function("ext-0d-to-19"),
        Function("ext-1a-to-27"),
        Function("ext-28-and-up"),
        Function("ext-head-0123"),
        Function("ext-head-01ff"),
        Function("ext-head-0200"),
        Function("ext-head-34fe"),
    ),
    "lengths": (
        Function("ext-nothing-at-100"),
        Function("ext-odd-lengths"),
        Function("ext-overlap"),
        Function("ext-twice"),
    ),
    "integrated": (
        Function("express-1-integrated", integrated=True),
        Function("express-2-integrated", integrated=True),
    ),
    "emulated": (
        Function("qemu-hda", {"driver": "ich9-intel-hda"}),
        Function("qemu-ahci", {"driver": "ich9-ahci"}),
        Function("qemu-xhci", {"driver": "qemu-xhci"}, express=True),
        Function("qemu-igb", {"driver": "igb", "mac": "52:54:00:00:00:04"}, express=True),
        Function("qemu-virtio-net", {"driver": "virtio-net-pci", "mac": "52:54:00:00:00:05"}, express=True),
    ),
}


class Recording(NamedTuple):
    """What was seen of one function: texts, as the files in tests/golden/kernel hold them."""

    image: str
    trace: str


def image_path(name, folder=GOLDEN):
    return os.path.join(folder, "images", name + ".txt")


def served_path(name):
    own = os.path.join(GOLDEN, "served", name + ".txt")
    return own if os.path.exists(own) else image_path(name)


def trace_path(name, folder=GOLDEN):
    return os.path.join(folder, "traces", name + ".trace.gz")


def load(name, folder=GOLDEN):
    """The recording of that name, or None."""
    if not os.path.exists(trace_path(name, folder)):
        return None
    with open(image_path(name, folder), encoding="utf-8") as image, gzip.open(trace_path(name, folder), "rt") as trace:
        return Recording(image.read(), trace.read())


def save(name, recording, folder=GOLDEN):
    """Write it; the same recording gives the same bytes."""
    for path in (image_path(name, folder), trace_path(name, folder)):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(image_path(name, folder), "w", encoding="utf-8") as file:
        file.write(recording.image)
    with open(trace_path(name, folder), "wb") as file:
        file.write(gzip.compress(recording.trace.encode(), 9, mtime=0))


def replay(name, folder, profile="linux"):
    """Exit status and text of `pcigate replay` of a saved recording, with the options that its head names."""
    with gzip.open(trace_path(name, folder), "rt") as trace:
        options = re.search(r"^# options: (\S*)$", trace.read(1000), re.M)[1]
    done = subprocess.run([pcigate(), "replay", f"dump:{image_path(name, folder)}{options}", trace_path(name, folder),
                           "--profile", profile], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def recorder():
    """The recorder, compiled for the guest: a static program."""
    sources = [os.path.join(RECORDER, name) for name in sorted(os.listdir(RECORDER)) if name.endswith(".c")]
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "record")
        command = ["cc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-static", "-I", os.path.join(TREE, "src"),
                   "-o", program, *sources]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RigError(f"the recorder does not compile:\n{done.stderr}")
        with open(program, "rb") as file:
            return file.read()


class Machine:
    """A guest with some functions, each recorded in turn."""

    SECONDS = 240  # for one function; transactions that pend for ever take the kernel long to wait for

    def __init__(self, functions, images=None):
        self.functions = functions
        images = images or {}
        self.images = {f.name: images.get(f.name, served_path(f.name)) for f in functions if not f.device}

    def _behind_port(self, function):
        if function.integrated:
            return False
        if function.device:
            return function.express
        with open(self.images[function.name], encoding="utf-8") as file:
            return 0x10 in capabilities(config_bytes(file.read()))[0]

    def _devices(self, sockets):
        """-device dicts, those to plug in, {name: address}: slot 1 has the root ports, the next what needs none."""
        devices, plugged, places, bus, slot = [], [], {}, 0, 2
        if sum(map(self._behind_port, self.functions)) > 8:
            raise RigError("more Express functions than a slot has root ports: another machine")
        for function in self.functions:
            device = function.device or vfio_user(sockets[function.name])
            if self._behind_port(function):
                port = root_port(f"rp{bus}", addr=f"1.{bus}", multifunction=bus == 0)
                devices.append(port)
                (plugged if function.plugged else devices).append({**device, "bus": port["id"], "id": f"function{bus}"})
                bus += 1
                places[function.name] = f"0000:{bus:02x}:00.0"
            else:
                devices.append({**device, "addr": f"{slot:x}.0"})
                places[function.name] = f"0000:00:{slot:02x}.0"
                slot += 1
        return devices, plugged, places

    def record(self):
        """Boot, and yield (function, recording) one after the other."""
        served = [f"dump:{image},hw=ram" for image in self.images.values()]
        if not served:
            yield from self._record({})
            return
        server = Servers(served)
        server.arguments += ["--profile", "raw"]
        with server:
            yield from self._record(dict(zip(self.images, server.sockets)))

    def _record(self, sockets):
        devices, plugged, places = self._devices(sockets)
        with Guest(devices=devices, iommu="second-stage", files={"bin/record": recorder()}, cmdline="agp=off",
                   timeout=900) as guest:
            # A closed function would be put to sleep a moment later, or not if it is opened again before.
            guest.run("modprobe vfio_iommu_type1 && modprobe vfio-pci disable_idle_d3=1")
            for device in plugged:
                guest.device_add(device)
            for function in self.functions:
                if function.plugged:
                    guest.wait_for(f"ls /sys/bus/pci/devices/{places[function.name]}/resource0 && sleep 1")
                yield function, self._one(guest, function, places[function.name])

    def _one(self, guest, function, place):
        if function.vf:
            guest.run(f"modprobe igb && echo 1 >/sys/bus/pci/devices/{place}/sriov_numvfs", seconds=60)
            place = os.path.basename(guest.run(f"readlink /sys/bus/pci/devices/{place}/virtfn0").text.strip())
        # Twice: the first look at VPD changes its address register.
        guest.run(f"[ ! -e /sys/bus/pci/devices/{place}/driver ] || "
                  f"echo {place} >/sys/bus/pci/devices/{place}/driver/unbind")
        text = guest.run(f"lspci -vv -s {place} >/dev/null; lspci -vv -xxxx -s {place}").text
        image = "".join(line for line in text.splitlines(keepends=True) if KEPT.match(line))
        trace = guest.run(f"record {place} >/tmp/trace && gzip -c /tmp/trace", seconds=self.SECONDS, check=False)
        if not trace:
            raise RigError(f"{function.name}: status {trace.status} from the recorder:\n{trace.text[-2000:]}\n"
                           f"{guest.console()[-2000:]}")
        head = f"# image: images/{function.name}.txt\n# options: ,hw=ram{function.options}\n"
        return Recording(image, head + gzip.decompress(trace.data).decode())
