# SPDX-License-Identifier: BSD-3-Clause
"""The machine room: an emulated host with an IOMMU and real VFIO, in which pcigate runs.

    with Room(functions=[root_port("rp1"), {"driver": "e1000e", "bus": "rp1", "id": "nic"}]) as room:
        nic = room.address("nic")
        room.bind(nic)
        print(room.run(f"{rig.pcigate()} inspect vfio:{nic}"))

Programs inside see the files of the machine outside at their own paths: pcigate from the build folder runs as it is,
with the libraries it was linked to. What they write stays in memory, except below room.scratch, which both see.
Everything is emulated (TCG): no KVM, no root, no network. A Room ends what it started. See ../README.md.
"""

import base64
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

# pylint: disable=wrong-import-position
import cpio
import rig
from rig import Guest, Lines, Result, RigError

IOMMUS = {
    "none": [],
    "intel": ["intel-iommu,intremap=on,caching-mode=on,scalable-mode=on"],
    "intel-no-remap": ["intel-iommu,intremap=off,caching-mode=on,scalable-mode=on"],
    "amd": ["amd-iommu,intremap=on,dma-remap=on"],
}
# The rest is what costs seconds in a guest that is emulated twice.
QUIET = "console=ttyS0 quiet panic=-1 tsc=reliable nowatchdog rcupdate.rcu_expedited=1 random.trust_cpu=on " \
    "pty.legacy_count=0 8250.nr_uarts=1 no_timer_check"


def kernel_folder():
    """Folder of the room's kernel, built where missing (ten minutes, once)."""
    if "PCIGATE_ROOM" not in os.environ:
        done = subprocess.run([os.path.join(rig.TREE, "scripts", "room.sh")], stdout=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode:
            raise RigError(f"room.sh failed with status {done.returncode}")
        os.environ["PCIGATE_ROOM"] = done.stdout.strip()
    return os.environ["PCIGATE_ROOM"]


def qemu():
    """Path of QEMU, outside and inside."""
    if "PCIGATE_QEMU" not in os.environ:
        done = subprocess.run([os.path.join(rig.TREE, "scripts", "qemu-root.sh")], stdout=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode:
            raise RigError(f"qemu-root.sh failed with status {done.returncode}")
        os.environ["PCIGATE_QEMU"] = done.stdout.strip()
    return os.environ["PCIGATE_QEMU"]


def write_initramfs(path, files):
    """busybox, ./init and {path: bytes}, as an archive that the kernel takes."""
    content = dict(files)
    sources = {"bin/busybox": os.path.join(kernel_folder(), "busybox"), "init": os.path.join(HERE, "init")}
    for name, source in sources.items():
        with open(source, "rb") as file:
            content[name] = file.read()
    with open(path, "wb") as out:
        out.write(cpio.pack_files(content))


class Job:
    """A command that runs in the room while other things go on."""

    def __init__(self, room, number, command):
        self.room, self.number, self.command = room, number, command
        self.path = os.path.join(room.scratch, "jobs", f"{number}.out")
        self.status = None

    def poll(self):
        """Its status, or None while it runs. 128 and more: ended by a signal."""
        if self.status is None:
            self.room.take_answers(0)
        return self.status

    def wait(self, seconds=120, check=False):
        """Wait for its end; a Result. One past its time is killed, status 137."""
        if not self.ended(seconds):
            self.kill("KILL")
            if not self.ended(30):
                self.room.fail(f"not to be killed after {seconds} s: {self.command}")
        result = Result(self.command, self.status, self.data)
        if check and self.status:
            raise RigError(f"status {self.status} from: {self.command}\n{result.text[-8000:]}")
        return result

    def ended(self, seconds):
        """Wait at most that long; whether it has ended."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            self.room.take_answers(min(0.5, end - time.monotonic()))
        return self.status is not None

    def kill(self, name="TERM"):
        """Send a signal to it and what it started (but what made a session of its own)."""
        if self.poll() is None:
            self.room.port.send(f"kill {self.number} {name}")

    @property
    def data(self):
        """What it wrote so far, both streams together."""
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    @property
    def text(self):
        return self.data.decode(errors="replace")

    def wait_text(self, text, seconds=60):
        """Wait until it has written that text; fails when it ends before."""
        end = time.monotonic() + seconds
        while text not in self.text:
            ended = self.poll()
            if text in self.text:
                return
            if ended is not None or time.monotonic() > end:
                state = "still runs" if ended is None else f"ended with status {ended}"
                raise RigError(f"no {text!r} within {seconds} s from: {self.command} ({state})\n{self.text[-4000:]}")
            self.room.take_answers(0.05)


class Room(Guest):
    """An emulated host. Beyond what Guest has:

    functions  dicts for -device, in order, as rig.root_port() and those of zoo.py
    iommu      a name of IOMMUS, or an option for -device
    append     more for the kernel's command line: "iomem=relaxed", "intel_iommu=off", "lockdown=integrity"
    lanes      ports by which programs outside reach guests inside (two a guest)
    """

    BOOT_SECONDS = 120

    def __init__(self, functions=(), iommu="intel", append="", qemu_args=(), memory="private", ram_mib=2048, cpus=2,
                 lanes=4, timeout=3600, keep=None):  # pylint: disable=super-init-not-called
        self._init_folder(keep)
        self._init_state(timeout)
        self.lanes_free = list(range(lanes))
        pairs = [socket.socketpair() for _ in range(lanes)]
        self.lane_here = [here for here, _ in pairs]
        self.lane_there = [there for _, there in pairs]
        self.descriptors = [there.fileno() for there in self.lane_there]

        initrd = os.path.join(self.folder, "initramfs.cpio")
        write_initramfs(initrd, {"etc/scratch": self.scratch.encode()})
        backend = {"shared": "memory-backend-memfd,share=on", "private": "memory-backend-ram"}[memory]
        # However this program ends, the room does not outlive it.
        self.arguments = [
            "setpriv", "--pdeathsig", "KILL", qemu(), "-nodefaults", "-nographic", "-no-user-config",
            "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(cpus), "-m", f"{ram_mib}M",
            "-M", "q35,kernel-irqchip=split,memory-backend=ram", "-object", f"{backend},id=ram,size={ram_mib}M",
            "-serial", f"file:{self.console_path}",
            "-kernel", os.path.join(kernel_folder(), "kernel"), "-initrd", initrd,
            "-append", f"{QUIET} intel_iommu=on {append}",
        ]
        for device in IOMMUS.get(iommu, [iommu]):
            self.arguments += ["-device", device]
        for device in functions:
            self.arguments += ["-device", rig.json.dumps(device)]
        # At the far end of the root bus, so that functions under test come first.
        self.arguments += [
            "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=host,mount_tag=host,addr=1c.0",
            "-fsdev", f"local,id=scratch,path={self.scratch},security_model=none",
            "-device", "virtio-9p-pci,fsdev=scratch,mount_tag=scratch,addr=1d.0",
            "-device", "virtio-serial-pci,id=rig,addr=1e.0",
        ]
        for number, descriptor in enumerate(self.descriptors):
            self.arguments += [
                "-chardev", f"socket,id=lane{number},fd={descriptor}",
                "-device", f"virtserialport,chardev=lane{number},bus=rig.0,nr={number + 2},name=lane{number}",
            ]
        self.arguments += qemu_args

    def _init_folder(self, keep):
        self.folder = keep or tempfile.mkdtemp(prefix="pcigate-room-")
        self.temporary = keep is None
        self.scratch = os.path.join(self.folder, "scratch")
        os.makedirs(os.path.join(self.scratch, "jobs"), exist_ok=True)
        for folder in (self.folder, self.scratch):
            os.chmod(folder, 0o755)  # other users inside come here, too
        self.console_path = os.path.join(self.folder, "console.log")
        self.log_path = os.path.join(self.folder, "qemu.log")

    def _init_state(self, timeout):
        self.timeout, self.timed_out = timeout, False
        self.serial, self.events, self.boots = 0, [], 0
        self.process = self.timer = None
        self.boot_seconds = self.uptime = self.release = None
        self.jobs = {}
        self.guests = 0
        self.busybox = os.path.join(kernel_folder(), "busybox")

    # life

    def start(self, wait=True):
        try:
            return super().start(wait)
        finally:
            for there in self.lane_there:
                there.close()

    def close(self):
        super().close()
        for here in self.lane_here:
            here.close()

    def fail(self, what):
        """Raise with what QEMU and the console said last."""
        self._fail(what)

    def wait_ready(self, seconds=None):
        self.jobs.clear()
        super().wait_ready(seconds or self.BOOT_SECONDS)

    # commands

    def job(self, command):
        """Start a shell command inside; a Job."""
        self.serial += 1
        job = self.jobs[str(self.serial)] = Job(self, self.serial, command)
        text = base64.b64encode(command.encode()).decode()
        self.port.send(f"run {self.serial} 0 {text}")
        return job

    def run(self, command, seconds=120, check=True):
        """Run a shell command inside. With check, a failure raises."""
        return self.job(command).wait(seconds, check)

    def take_answers(self, seconds):
        """Note which jobs ended, waiting up to that time for the first."""
        while True:
            try:
                line = self.port.poll(seconds)
            except (EOFError, ConnectionError):
                self.process.wait(5)
                self._fail("the room is gone")
            if line is None:
                if "Kernel panic" in self.console():
                    self._fail("the room's kernel panicked")
                return
            words = line.split()
            if words[:1] == ["done"] and words[1] in self.jobs:
                self.jobs.pop(words[1]).status = int(words[2])
            seconds = 0

    def reboot(self, seconds=None):
        self.job("reboot -f")
        self.wait_ready(seconds)

    def put(self, name, data):
        """Put a file into the scratch folder; its path, outside and inside."""
        path = os.path.join(self.scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, 0o755)
        return path

    def get(self, path):
        """The bytes of a file inside, those of /sys and /proc included."""
        return self.run(f"cat {shlex.quote(path)}").data

    def log(self):
        """What the kernel inside has said, with time stamps."""
        return self.run("dmesg").text

    # functions

    def address(self, name):
        """Where a function with that id is, as "0000:01:00.0"."""
        found = self._find_address(name, self.qmp("query-pci"))
        if not found:
            raise RigError(f"the room has no function {name}")
        return found

    def _find_address(self, name, buses):
        for bus in buses:
            for device in bus["devices"]:
                if device["qdev_id"] == name:
                    return f"0000:{device['bus']:02x}:{device['slot']:02x}.{device['function']:x}"
                below = device.get("pci_bridge", {})
                found = self._find_address(name, [below]) if "devices" in below else None
                if found:
                    return found
        return None

    def vfs(self, physical, count):
        """Create that many VFs of a PF, without drivers; their addresses."""
        folder = f"/sys/bus/pci/devices/{physical}"
        self.run(f"cd {folder}; echo 0 >sriov_drivers_autoprobe; echo 0 >sriov_numvfs; echo {count} >sriov_numvfs")
        names = self.run(f"for n in $(seq 0 {count - 1}); do basename $(readlink {folder}/virtfn$n); done").text
        return names.split()

    def bind(self, address, driver="vfio-pci"):
        """Give a function to that driver, or to none."""
        self.run(f"""cd /sys/bus/pci/devices/{address} || exit
            echo {driver or '""'} >driver_override
            [ ! -e driver ] || echo {address} >driver/unbind
            [ -z '{driver or ""}' ] || echo {address} >/sys/bus/pci/drivers_probe
            now=$(basename "$(readlink driver)"); [ "$now" = '{driver or ""}' ] ||
            {{ echo "{address} is bound to '$now'"; exit 1; }}""")

    def unbind(self, address):
        """Take a function's driver away and let nobody else take it."""
        self.run(f"""cd /sys/bus/pci/devices/{address} || exit
            echo none >driver_override; [ ! -e driver ] || echo {address} >driver/unbind""")

    def device_file(self, address):
        """The VFIO device file of a bound function."""
        return "/dev/vfio/devices/" + self.run(f"ls /sys/bus/pci/devices/{address}/vfio-dev").text.strip()

    def group(self, address):
        """The number of a function's IOMMU group; its file is /dev/vfio/NUMBER."""
        return self.run(f"basename $(readlink /sys/bus/pci/devices/{address}/iommu_group)").text.strip()

    # guests inside

    def lane(self):
        """A port to a program inside: its number, its socket outside and its path inside."""
        if not self.lanes_free:
            raise RigError("no lane left: Room(lanes=…)")
        number = self.lanes_free.pop(0)
        name = self.run(f"basename $(dirname $(grep -lx lane{number} /sys/class/virtio-ports/*/name))").text.strip()
        return number, self.lane_here[number], f"/dev/{name}"

    def free_lane(self, number):
        """Give one back whose program inside is gone; what that left unread is thrown away."""
        while rig.select.select([self.lane_here[number]], [], [], 0.2)[0] and self.lane_here[number].recv(1 << 16):
            pass
        self.lanes_free.append(number)
