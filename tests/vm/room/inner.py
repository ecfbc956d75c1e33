# SPDX-License-Identifier: BSD-3-Clause
"""A Linux guest inside the room: QEMU run by the emulated host.

    with Inner(room, devices=[rig.root_port("rp1"), rig.vfio_user("/run/vf", bus="rp1")]) as guest:
        guest.run("lspci", seconds=120)

It obeys as the outer one does (Guest of rig.py), QMP included, over two lanes of the room. Two emulations on top of
each other are about twenty times slower than one: give every wait minutes, and mean them only as an end.
"""

import base64
import json
import os
import time

import rig
import room as rooms
from rig import Guest, Lines, Result, RigError


class RoomProcess:
    """A Job with the face of a subprocess, which is what Guest looks at."""

    def __init__(self, job):
        self.job = job

    @property
    def returncode(self):
        return self.job.status

    def poll(self):
        return self.job.poll()

    def wait(self, seconds=60):
        self.job.wait(seconds)
        return self.job.status

    def terminate(self):
        self.job.kill("TERM")

    def kill(self):
        self.job.kill("KILL")


class Inner(Guest):
    """A guest of the room's QEMU.

    devices  dicts for -device, in order; "vfio-user-pci" with a socket of the room, or "vfio-pci" with host=ADDRESS
    memory   "shared" (memfd) or "private"
    append   more for the kernel's command line
    files    {path: bytes} for its root, which has busybox alone: static programs, etc.
    """

    BOOT_SECONDS = 1200

    def __init__(self, room, devices=(), memory="shared", append="", files=None, qemu_args=(), ram_mib=256,
                 cpus=1):  # pylint: disable=super-init-not-called
        self.room, self.temporary, self.timed_out = room, False, False
        self.serial, self.events, self.boots = 0, [], 0
        self.boot_seconds = self.uptime = self.release = self.process = self.timer = None
        room.guests += 1
        self.folder = os.path.join(room.scratch, f"guest{room.guests}")
        os.makedirs(self.folder, exist_ok=True)
        self.console_path = os.path.join(self.folder, "console.log")
        initrd = os.path.join(self.folder, "initramfs.cpio")
        rooms.write_initramfs(initrd, files or {})

        (port_lane, port, port_path), (monitor_lane, monitor, monitor_path) = room.lane(), room.lane()
        self.lanes = [port_lane, monitor_lane]
        self.port, self.monitor = Lines(port), Lines(monitor)
        backend = {"shared": "memory-backend-memfd,share=on", "private": "memory-backend-ram"}[memory]
        self.arguments = [
            rooms.qemu(), "-nodefaults", "-nographic", "-no-user-config",
            "-accel", "tcg", "-cpu", "max", "-smp", str(cpus), "-m", f"{ram_mib}M",
            "-M", "q35,memory-backend=ram", "-object", f"{backend},id=ram,size={ram_mib}M",
            "-serial", f"file:{self.console_path}",
            "-chardev", f"serial,id=qmp,path={monitor_path}", "-mon", "chardev=qmp,mode=control",
            "-kernel", os.path.join(rooms.kernel_folder(), "kernel"), "-initrd", initrd,
            "-append", f"{rooms.QUIET} intel_iommu=off {append}",
        ]
        for device in devices:
            self.arguments += ["-device", json.dumps(device)]
        self.arguments += ["-device", "virtio-serial-pci,id=rig,addr=1e.0",
                           "-chardev", f"serial,id=port,path={port_path}",
                           "-device", "virtserialport,chardev=port,bus=rig.0,name=agent", *qemu_args]

    def start(self, wait=True):
        self.started = time.monotonic()
        self.job = self.room.job("exec " + rooms.shlex.join(self.arguments))
        self.log_path = self.job.path
        self.process = RoomProcess(self.job)
        try:
            self._monitor_line(120)
            self.qmp("qmp_capabilities", 120)
            if wait:
                self.wait_ready(self.BOOT_SECONDS)
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        """End it, if the room is there to do so."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            if not self.job.ended(30):
                self.process.kill()
                self.job.wait(30)
        while self.lanes:
            self.room.free_lane(self.lanes.pop())

    def run(self, command, seconds=300, check=True):
        """Run a shell command in the guest."""
        self.serial += 1
        self.port.send(f"run {self.serial} 0 {base64.b64encode(command.encode()).decode()}")
        prefix = f"done {self.serial} "
        try:
            words = self._port_line(seconds, prefix, f"no answer in {seconds} s to: {command}")
        except RigError:
            if self.process.poll() is not None:
                raise
            self.port.send(f"kill {self.serial} KILL")
            words = self._port_line(60, prefix, f"not to be killed after {seconds} s: {command}")
        result = Result(command, int(words[2]), base64.b64decode(words[3] if len(words) > 3 else ""))
        if check and result.status:
            raise RigError(f"status {result.status} from: {command}\n{result.text}")
        return result
