# SPDX-License-Identifier: BSD-3-Clause
"""The same VF given to QEMU by plain kernel vfio-pci and through pcigate, in one boot of the room, side by side.

    PCIGATE=build/pcigate python3 tests/vm/room/bench.py [--no-boots] [--packets N]

Four ways: "plain" (QEMU's vfio-pci on iommufd), "trapped" (pcigate as it comes), "device" and "sysfs" (bar0= of vfio:,
mapped by the client). Everything below is emulated, the guest twice: the ratios of one row say something of each other,
seconds say nothing of hardware, and what real hardware does at once (a mapped BAR is an access of an emulated device
here all the same) looks too good for whatever traps. Each guest that boots takes minutes.

Speaks TAP: each step of each way is a line, not ok when it crashed, hung or lost packets. Figures pass or fail nothing.
"""

import argparse
import os
import re
import statistics
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(HERE, "..", "..")]

# pylint: disable=wrong-import-position
import rig
import room as rooms
import traffic
from client import script
from functions import Machine
from inner import Inner

SECONDS = 600  # for whoever waits: this is no test
READS = 400
MEMORY_MIB = 256
# BAR 0 of the VF, where qtest puts it, and a register of it that reads have no effect on (STATUS).
BAR, REGISTER = 0xe0000000, 0x8
WAYS = ("plain", "trapped", "device", "sysfs")
BOOTED = ("plain", "trapped", "device")


class Way:
    """The function given to QEMU in one way: a server where there is one, and what QEMU is told."""

    def __init__(self, room, vf, name):
        self.room, self.vf, self.name, self.server = room, vf, name, None

    def __enter__(self):
        if self.name != "plain":
            options = {"trapped": "", "device": ",bar0=device", "sysfs": ",bar0=sysfs"}[self.name]
            self.server = self.room.job(
                f"exec {rig.pcigate()} serve vfio:{self.vf}{options} --socket-path /run/{self.name} "
                f"--timeout {SECONDS * 1000}" + (" --trust-client" if options else ""))
            self.server.wait_text("listening", 120)
        return self

    def __exit__(self, kind, *_):
        if not self.server:
            return
        early = self.server.poll()
        self.server.kill("TERM")
        ended = self.server.wait(120)
        if early is not None or ended.status != 0:
            print("# " + ended.text[-8000:].replace("\n", "\n# "), flush=True)
            if kind is None:
                raise rig.RigError(f"the server {'ended early' if early is not None else 'did not end'}, "
                                   f"status {ended.status}")

    def device(self, **options):
        if self.server:
            return rig.vfio_user(f"/run/{self.name}", id="vf", **{"x-msg-timeout": SECONDS * 1000}, **options)
        return {"driver": "vfio-pci", "host": self.vf, "iommufd": "iommufd0", "id": "vf", **options}

    def arguments(self):
        return [] if self.server else ["-object", "iommufd,id=iommufd0"]


def config(register):
    return f"outl 0xcf8 {0x80000800 | register:#x}"


def qtest_script():
    """QEMU's host bridge, the function's class code, then a register of its BAR: so many reads each."""
    lines = ["outl 0xcf8 0x80000000"] + ["inl 0xcfc"] * READS
    lines += [config(0x10), f"outl 0xcfc {BAR:#x}", config(0x14), "outl 0xcfc 0x0", config(0x04), "outw 0xcfc 0x6"]
    lines += [config(0x08)] + ["inl 0xcfc"] * READS
    lines += [f"readl {BAR + REGISTER:#x}"] * READS
    return "\n".join(lines) + "\n"


def latencies(room, way):
    """Medians in microseconds, as QEMU itself notes when it takes a command and when it has the answer."""
    script, log = room.put("qtest", qtest_script()), f"{room.scratch}/qtest-{way.name}"
    ram = f"memory-backend-memfd,id=ram,size={MEMORY_MIB}M,share=on"
    command = [rooms.qemu(), "-nodefaults", "-display", "none", "-M", "q35,memory-backend=ram", "-m", f"{MEMORY_MIB}M",
               "-object", ram, "-accel", "qtest", "-qtest", "stdio", "-qtest-log", log, *way.arguments(),
               "-device", rig.json.dumps(way.device(addr="1.0"))]
    job = room.job(f"(cat {script}; sleep 3600) | {rooms.shlex.join(command)}")
    try:
        end, wanted = time.monotonic() + SECONDS, qtest_script().count("\n")
        while job.data.count(b"OK") < wanted:
            if job.poll() is not None or time.monotonic() > end:
                raise rig.RigError(f"QEMU did not answer it all:\n{job.text[-2000:]}")
            time.sleep(0.5)
    finally:
        job.kill("TERM")  # it then writes the rest of its log
        job.wait(60)
    times, began = [], 0.0
    for line in room.get(log).decode().splitlines():
        found = re.match(r"\[([RS]) \+?([\d.]+)\] (.*)", line)
        if found and found[1] == "R":
            began = float(found[2])
        elif found:
            times.append((float(found[2]) - began) * 1e6)
    own, function, bar = times[1:READS + 1], times[-2 * READS:-READS], times[-READS:]
    return {"own": statistics.median(own), "config": statistics.median(function), "bar": statistics.median(bar)}


def pins(room, way):
    """Seconds of one DMA_MAP of the guest's memory; QEMU makes the same calls."""
    where = ("through", f"/run/{way.name}") if way.server else ("direct", room.device_file(way.vf))
    text = room.run(script(f"{HERE}/pin.py", *where, MEMORY_MIB), SECONDS).text
    print("# " + way.name + "\n# " + text.replace("\n", "\n# "), flush=True)
    kinds = {line.split()[0]: traffic.figures(line) for line in text.splitlines()}
    return {"lazy": kinds["lazy"]["map"], "prealloc": kinds["prealloc"]["map"], "again": kinds["prealloc"]["again"]}


def boots(room, wire, way, packets):
    """A guest: seconds to its driver's word, and packets a second there and back."""
    with Inner(room, devices=[rig.root_port("rp1"), way.device(bus="rp1")], files=traffic.files(),
               qemu_args=way.arguments()) as guest:
        line = guest.run(f"dmesg | grep 'igbvf {traffic.PLACE}: Intel'").text
        probe = guest.run(f"dmesg | grep 'pci {traffic.PLACE}: .*type 00'").text
        wire.up_inside(guest, SECONDS)
        # The same work whatever the function does: how fast this guest was at that moment.
        loop = guest.run("a=$(cut -d ' ' -f 1 /proc/uptime); n=0; while [ $n -lt 5000 ]; do n=$((n + 1)); done; "
                         "echo $a $(cut -d ' ' -f 1 /proc/uptime)").text.split()
        sent, echoed, text = wire.exchange(guest, packets)
        if (sent.get("good"), echoed.get("good")) != (packets, packets):
            raise rig.RigError("packets were lost: " + text)
        stamps = [float(re.match(r"\[ *([\d.]+)\]", said)[1]) for said in (probe, line)]
        return {"ready": guest.boot_seconds, "bound": stamps[1], "packets": packets / sent["seconds"],
                "loop": float(loop[1]) - float(loop[0])}


ROWS = (
    ("own", "config read of QEMU's own host bridge (the floor)", "µs"),
    ("config", "config read of the function", "µs"),
    ("bar", "read of a register in BAR 0", "µs"),
    ("lazy", f"DMA_MAP of {MEMORY_MIB} MiB, pages not there yet", "s"),
    ("prealloc", f"DMA_MAP of {MEMORY_MIB} MiB, prealloc=on", "s"),
    ("again", "the same mapped again", "s"),
    ("ready", "guest: QEMU's start to a shell", "s"),
    ("bound", "guest: kernel's start to igbvf bound", "s"),
    ("packets", "packets there and back", "/s"),
    ("loop", "a loop of the guest's shell (what the machine had left for it)", "s"),
)


class Steps:
    """One TAP line a step, the plan first: a step that never came is missed."""

    def __init__(self, names):
        self.names, self.done, self.failed = names, {}, False
        print(f"TAP version 13\n1..{len(names)}", flush=True)

    def end(self, name, error=None):
        if name in self.done:
            return
        self.done[name] = error is None
        self.failed |= error is not None
        if error is not None:
            print("# " + "".join(traceback.format_exception(error)).rstrip("\n").replace("\n", "\n# "))
        print(f"{'ok' if error is None else 'not ok'} {len(self.done)} - {name}", flush=True)

    def run(self, name, step):
        """What it returns, or {}: the other steps go on."""
        try:
            result = step()
        except Exception as error:  # whatever it is, it is this step's
            self.end(name, error)
            return {}
        self.end(name)
        return result

    def finish(self, error=None):
        for name in self.names:
            self.end(name, error or RuntimeError("it never came to this"))
            error = None  # told once


def cell(results, way, key):
    value, plain = results[way].get(key), results["plain"].get(key)
    if value is None:
        return "–"
    text = f"{value:.3g}" if value < 100 else f"{value:.0f}"
    return text if way == "plain" or not plain else f"{text} ({value / plain:.2f})"


def table(results):
    lines = ["| | | " + " | ".join(WAYS) + " |", "| --- | --- |" + " ---: |" * len(WAYS)]
    for key, title, unit in ROWS:
        lines.append(f"| {title} | {unit} | " + " | ".join(cell(results, way, key) for way in WAYS) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-boots", action="store_true", help="leave out the rows that take a guest")
    parser.add_argument("--packets", type=int, default=1000)
    options = parser.parse_args()
    booted = BOOTED if not options.no_boots else ()
    steps = Steps([f"accesses and maps, {name}" for name in WAYS] + [f"a guest, {name}" for name in booted])
    try:
        measure(options, booted, steps)
    except Exception as error:  # the room itself, or a server that does not begin or end as it should
        steps.finish(error)
    steps.finish()
    sys.exit(1 if steps.failed else 0)


def measure(options, booted, steps):
    results = {name: {} for name in WAYS}
    with Machine("igb").room(append="iomem=relaxed", ram_mib=3072, lanes=2 * len(BOOTED)) as room:
        wire = traffic.Wire(room, room.address("igb"))
        vf = wire.vfs[0]
        room.bind(vf)
        for name in WAYS:
            def accesses(name=name):
                with Way(room, vf, name) as way:
                    return {**latencies(room, way), **pins(room, way)}
            results[name].update(steps.run(f"accesses and maps, {name}", accesses))
            print(f"# {name}: {results[name]}", flush=True)
        for name in booted:
            def guest(name=name):
                with Way(room, vf, name) as way:
                    return boots(room, wire, way, options.packets)
            results[name].update(steps.run(f"a guest, {name}", guest))
            print(f"# {name}: {results[name]}", flush=True)
        print(table(results))


if __name__ == "__main__":
    main()
