# SPDX-License-Identifier: BSD-3-Clause
"""The machine room of the tests: a Linux guest in QEMU, and a pcigate server.

    with Server("sim:endpoint-test") as server, \\
         Guest(devices=[root_port("rp1"), vfio_user(server.socket, bus="rp1")]) as guest:
        print(guest.run("lspci -nn"))

Everything runs under TCG: no KVM, no root, no network. All waits have an
end; a Guest or Server ends only the process that it started. See README.md.
"""

import base64
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import cpio

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class RigError(Exception):
    """Something in the machine room failed; the text says what and where to look."""


def machine_room():
    """Path of QEMU and folder of the guest, fetched and built where missing."""
    paths = []
    for variable, script in (("PCIGATE_QEMU", "qemu-root.sh"), ("PCIGATE_GUEST", "guest.sh")):
        if variable not in os.environ:
            command = [os.path.join(TREE, "scripts", script)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                raise RigError(f"{script} failed with status {done.returncode}")
            os.environ[variable] = done.stdout.strip()
        paths.append(os.environ[variable])
    return paths


# --- devices ---------------------------------------------------------------

def root_port(name, **options):
    """A PCIe root port; device_add below it works while the guest runs."""
    return {"driver": "pcie-root-port", "id": name, **_port_numbers(name), **options}


def vfio_user(path, **options):
    """A function that a vfio-user server offers on the UNIX socket path."""
    return {"driver": "vfio-user-pci", "socket": {"path": path, "type": "unix"}, **options}


def _port_numbers(name):
    digits = "".join(c for c in name if c.isdigit())
    return {"chassis": int(digits or 0) + 1, "slot": int(digits or 0) + 1}


# --- the guest -------------------------------------------------------------

# What Linux wants of an IOMMU before it turns on a function's PASID and ATS.
SCALABLE = ",scalable-mode=on,device-iotlb=on,pasid-bits=20"


class Result:
    """What a command in the guest gave: status (0 is success) and text."""

    def __init__(self, command, status, data):
        self.command, self.status, self.data = command, status, data
        self.text = data.decode(errors="replace")

    def __bool__(self):
        return self.status == 0

    def __str__(self):
        return self.text


class Lines:
    """Text lines over a socket, each wait with an end."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""

    def send(self, text):
        self.sock.sendall(text.encode() + b"\n")

    def poll(self, seconds):
        """The next line, or None when none came in that time."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            data = self.sock.recv(1 << 20)
            if not data:
                raise EOFError
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()


class Guest:
    """A Linux guest under QEMU that obeys the host over a virtio port.

    devices   dicts for -device, in order; see root_port() and vfio_user()
    memory    "shared" (memfd, the server maps it) or "private" (DMA messages)
    iommu     "none", "remap" (interrupt remapping alone), "second-stage"
              (a VT-d that translates all DMA, interrupt remapping as well)
              or "scalable" (the same in scalable mode: PASIDs, ATS, faults)
    cmdline   more for the kernel's command line
    files     {path: bytes} for the guest's root; etc/start runs at boot
    qemu      more arguments for QEMU
    timeout   seconds after which the whole guest is ended, whatever it does
    keep      folder that keeps console.log and qemu.log; else a temporary one
    """

    BOOT_SECONDS = 60

    def __init__(self, devices=(), memory="shared", iommu="none", cmdline="", files=None, qemu=(),
                 timeout=300, ram_mib=1024, cpus=2, keep=None):
        self.folder = keep or tempfile.mkdtemp(prefix="pcigate-guest-")
        self.temporary = keep is None
        os.makedirs(self.folder, exist_ok=True)
        self.console_path = os.path.join(self.folder, "console.log")
        self.log_path = os.path.join(self.folder, "qemu.log")
        self.timeout, self.timed_out = timeout, False
        self.serial, self.events, self.boots = 0, [], 0
        self.process = self.timer = None
        self.descriptors = []  # more of them for QEMU
        self.boot_seconds = self.uptime = self.release = None

        program, room = machine_room()
        initrd = os.path.join(room, "initramfs.cpio")
        if files:
            initrd = self._add_files(initrd, files)
        append = "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable audit=0 nowatchdog " \
            "rcupdate.rcu_expedited=1 random.trust_cpu=on no_timer_check " \
            "initcall_blacklist=load_system_certificate_list " \
            f"intel_iommu={'on' if iommu in ('second-stage', 'scalable') else 'off'} {cmdline}"
        # Private memory must be without a file: QEMU hands out the descriptor of one that it does not share, too,
        # and the server would then see what was never written there.
        backend = {"shared": "memory-backend-memfd,share=on", "private": "memory-backend-ram"}[memory]
        self.arguments = [
            program, "-nodefaults", "-nographic", "-no-user-config",
            "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(cpus), "-m", f"{ram_mib}M",
            "-M", "q35,kernel-irqchip=split,memory-backend=ram",
            "-object", f"{backend},id=ram,size={ram_mib}M",
            "-serial", f"file:{self.console_path}",
            "-kernel", os.path.join(room, "kernel"), "-initrd", initrd, "-append", append,
        ]
        if iommu != "none":
            self.arguments += ["-device", "intel-iommu,intremap=on,caching-mode=on" +
                               (SCALABLE if iommu == "scalable" else "")]
        for device in devices:
            self.arguments += ["-device", json.dumps(device)]
        # At the far end of the root bus, so that devices under test come first.
        self.arguments += ["-device", "virtio-serial-pci,id=rig,addr=1e.0", *qemu]

    def _add_files(self, initrd, files):
        path = os.path.join(self.folder, "initramfs.cpio")
        shutil.copyfile(initrd, path)
        with open(path, "ab") as out:
            out.write(cpio.pack_files(files))
        return path

    # life

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.close()

    def start(self, wait=True):
        """Start QEMU; with wait, return when the guest takes commands."""
        qmp_here, qmp_there = socket.socketpair()
        port_here, port_there = socket.socketpair()
        arguments = self.arguments + [
            "-chardev", f"socket,id=qmp,fd={qmp_there.fileno()}", "-mon", "chardev=qmp,mode=control",
            "-chardev", f"socket,id=port,fd={port_there.fileno()}", "-device", "virtserialport,chardev=port,bus=rig.0,name=agent",
        ]
        self.started = time.monotonic()
        with open(self.log_path, "wb") as log:
            log.write((" ".join(arguments) + "\n").encode())
            log.flush()
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True,
                                            pass_fds=[qmp_there.fileno(), port_there.fileno(), *self.descriptors])
        qmp_there.close()
        port_there.close()
        self.monitor, self.port = Lines(qmp_here), Lines(port_here)
        self.timer = threading.Timer(self.timeout, self._out_of_time)
        self.timer.daemon = True
        self.timer.start()
        try:
            self._monitor_line(30)  # greeting; realize may wait for a server
            self.qmp("qmp_capabilities")
            if wait:
                self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def _out_of_time(self):
        self.timed_out = True
        self.process.kill()

    def close(self):
        """End QEMU if it still runs, and wait for it."""
        if self.timer:
            self.timer.cancel()
        if self.process:
            if self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(5)
                except subprocess.TimeoutExpired:
                    self.process.kill()
            self.process.wait()
            self.monitor.sock.close()
            self.port.sock.close()
        if self.temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _fail(self, what):
        """Raise with what QEMU and the console said last."""
        if self.timed_out:
            what += f" (the guest had {self.timeout} s in all)"
        elif self.process.poll() is not None:
            what += f" (QEMU ended with status {self.process.returncode})"
        text = [what]
        for title, path in (("QEMU", self.log_path), ("console", self.console_path)):
            tail = _read(path).splitlines()[1 if title == "QEMU" else 0:][-15:]
            text += [f"--- {title}:"] + tail if tail else []
        raise RigError("\n".join(text))

    # the shell inside

    def wait_ready(self, seconds=BOOT_SECONDS):
        """Wait until the guest, just started or just reset, takes commands."""
        begin = time.monotonic()
        words = self._port_line(seconds, "ready", "the guest did not boot")
        self.release, self.uptime = words[1], float(words[2])
        self.boot_seconds = time.monotonic() - (self.started if self.boots == 0 else begin)
        self.boots += 1

    def run(self, command, seconds=30, check=True):
        """Run a shell command in the guest. With check, a failure raises."""
        self.serial += 1
        text = base64.b64encode(command.encode()).decode()
        self.port.send(f"run {self.serial} {seconds} {text}")
        words = self._port_line(seconds + 10, f"done {self.serial} ", f"no answer in {seconds} s to: {command}")
        result = Result(command, int(words[2]), base64.b64decode(words[3] if len(words) > 3 else ""))
        if check and result.status:
            raise RigError(f"status {result.status} from: {command}\n{result.text}")
        return result

    def _port_line(self, seconds, prefix, failure):
        """Words of the next line from the guest that begins with prefix."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                line = self.port.poll(0.5)
            except (EOFError, ConnectionError):
                self.process.wait(5)
                self._fail(failure)
            if line is not None and line.startswith(prefix):
                return line.split()
            if line is None and "Kernel panic" in self.console():
                self._fail("the guest's kernel panicked")
        self._fail(failure)

    def qemu_log(self):
        """What QEMU itself wrote so far, but for what it says of its own options."""
        lines = _read(self.log_path).splitlines(keepends=True)[1:]
        return "".join(line for line in lines if "is deprecated" not in line)

    def console(self):
        """What the guest's kernel wrote on the serial console so far."""
        return _read(self.console_path).replace("\r", "")

    def reboot(self, seconds=BOOT_SECONDS):
        """Reboot from inside, as a user would; returns when it is back."""
        self.serial += 1
        text = base64.b64encode(b"reboot -f").decode()
        self.port.send(f"run {self.serial} 30 {text}")
        self.wait_ready(seconds)

    def load_driver(self, device="0000:01:00.0"):
        """Load pci_endpoint_test and see that it has bound the device."""
        self.run("modprobe pci_endpoint_test")
        if device:
            self.run(f"ls -d /sys/bus/pci/drivers/pci-endpoint-test/{device}")

    # QEMU's monitor

    def _monitor_line(self, seconds):
        try:
            line = self.monitor.poll(seconds)
        except (EOFError, ConnectionError):
            self.process.wait(5)
            line = None
        if line is None:
            self._fail("QEMU's monitor is silent")
        return json.loads(line)

    def qmp(self, command, seconds=30, **arguments):
        """A QMP command; its answer. Events on the way go to self.events."""
        request = {"execute": command, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}
        self.monitor.send(json.dumps(request))
        while True:
            answer = self._monitor_line(seconds)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise RigError(f"QMP {command}: {answer['error']['desc']}")
            else:
                return answer.get("return")

    def wait_event(self, name, seconds=30, **data):
        """The first event of that name whose data has those values; it is taken away."""
        end = time.monotonic() + seconds
        while True:
            for event in self.events:
                if event["event"] == name and all(event.get("data", {}).get(k) == v for k, v in data.items()):
                    self.events.remove(event)
                    return event
            left = end - time.monotonic()
            if left <= 0:
                self._fail(f"no {name} event in {seconds} s")
            self.events.append(self._monitor_line(left))

    def device_add(self, device):
        """Plug a device in; the guest sees it a moment later (see wait_for)."""
        self.monitor.send(json.dumps({"execute": "device_add", "arguments": device}))
        while True:
            answer = self._monitor_line(30)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise RigError(f"device_add: {answer['error']['desc']}")
            else:
                return

    def device_del(self, name, seconds=30):
        """Unplug, as by the attention button; returns when QEMU let go of it."""
        self.qmp("device_del", id=name)
        self.wait_event("DEVICE_DELETED", seconds, device=name)

    def system_reset(self, seconds=BOOT_SECONDS):
        """Press the reset button; returns when the guest is back."""
        self.qmp("system_reset")
        self.wait_ready(seconds)

    def quit(self, seconds=10):
        """End QEMU by its own command; True when it ended with status 0."""
        try:
            self.qmp("quit")
        except RigError:
            pass
        self.process.wait(seconds)
        return self.process.returncode == 0

    def wait_for(self, command, seconds=15):
        """Repeat a command in the guest until it succeeds."""
        end = time.monotonic() + seconds
        while True:
            result = self.run(command, check=False)
            if result:
                return result
            if time.monotonic() > end:
                raise RigError(f"not within {seconds} s: {command}\n{result.text}")
            time.sleep(0.1)


# --- the server ------------------------------------------------------------

def pcigate():
    """Path of the program under test."""
    return os.environ.get("PCIGATE", os.path.join(TREE, "build", "pcigate"))


def inspect(function, *options, program=None):
    """What `pcigate inspect FUNC` prints."""
    command = [program or pcigate(), "inspect", function, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise RigError(f"status {done.returncode} from: {' '.join(command)}\n{done.stderr}")
    return done.stdout


def config_bytes(text):
    """Configuration space from the text of one function by `lspci -xxx` or longer."""
    data = bytearray()
    for found in re.finditer(r"^([0-9a-f]{2,3}): ((?:[0-9a-f]{2} ?){16})\s*$", text, re.M):
        if int(found[1], 16) != len(data):
            raise RigError(f"a dump that does not go on at {len(data):03x}: {found[0]}")
        data += bytes.fromhex(found[2])
    return bytes(data)


class Server:
    """`pcigate serve FUNC` on a socket in a folder of its own, with a control socket beside it.

    stop() raises when the server ended early, by itself, with a status other
    than 0, or with a report of a sanitizer.
    """

    REPORTS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "Assertion", "valgrind")

    def __init__(self, function, *options, program=None, prefix=()):
        self.folder = tempfile.mkdtemp(prefix="pcigate-serve-")
        self.socket = os.path.join(self.folder, "socket")
        self.log_path = os.path.join(self.folder, "log")
        self.control = os.path.join(self.folder, "control")
        self.program = program or pcigate()
        self.arguments = [*prefix, self.program, "serve", function, "--socket-path", self.socket,
                          "--control", self.control, *options]
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.stop(check=kind is None)

    def start(self, seconds=10):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        end = time.monotonic() + seconds
        while not _listens(self.socket):
            if self.process.poll() is not None or time.monotonic() > end:
                self._stop()
                raise RigError(f"no socket from: {' '.join(self.arguments)}\n{self._clean_up()}")
            time.sleep(0.01)
        return self

    def config(self, side):
        """Configuration space now, bytes, as side "guest" or "host" has it."""
        return config_bytes(inspect("live:" + self.control, f"--{side}", "-xxxx", program=self.program))

    def log(self):
        """What the server wrote so far."""
        return _read(self.log_path)

    def alive(self):
        return self.process.poll() is None

    def stop(self, check=True, seconds=10):
        early = self.process.poll() is not None
        in_time = self._stop(seconds)
        log = self._clean_up()
        trouble = [report for report in self.REPORTS if report in log]
        if early:
            trouble.append(f"ended early with status {self.process.returncode}")
        elif not in_time:
            trouble.append(f"still there {seconds} s after SIGTERM")
        elif self.process.returncode:
            trouble.append(f"status {self.process.returncode} after SIGTERM")
        if trouble and check:
            raise RigError(f"{' '.join(self.arguments)}: {', '.join(trouble)}\n{log[-4000:]}")
        return log

    def _stop(self, seconds=10):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False

    def _clean_up(self):
        log = self.log()
        shutil.rmtree(self.folder, ignore_errors=True)
        return log


def _listens(path):
    """Whether a UNIX socket is not only there but listens already."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    accepts = "00010000"  # flag of a listening socket, fourth column
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
        for line in table:
            words = line.split()
            if words[-1] == path and words[3] == accepts:
                return True
    return False


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
