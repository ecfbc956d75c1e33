# SPDX-License-Identifier: BSD-3-Clause
"""Functions of the room behind a running pcigate, and clients of them (drivers/).

    with Served(room, nvme, edu, way="type1") as served:
        print(served.driver("nvme", nvme, "polling msix").text)
        with Poke(served, edu) as poke:
            poke("memory 0x10000")
            poke("map 0x1000 0x10000 rw 0 0")
"""

import os
import re
import time

import rig
from rig import RigError

COMMAND_MASTER = 4


def program(name):
    """A driver's path, outside and inside."""
    return os.path.join(os.path.dirname(rig.pcigate()), "tests", "vm", "room", "drivers", "room-" + name)


class Served:
    """pcigate serving functions, each on a socket of its own."""

    count = 0

    def __init__(self, room, *functions, way=None, options="", settings="", wrap="exec {}", folder="/run",
                 spell="{}"):
        Served.count += 1
        self.room, self.functions = room, functions
        self.sockets = {f: f"{folder}/served{Served.count}-{n}" for n, f in enumerate(functions)}
        way = f",iommu={way}" if way else ""
        # A single one with --socket-path, as most people will have it.
        if len(functions) == 1:
            what = f"vfio:{spell.format(functions[0])}{way}{settings} --socket-path {self.sockets[functions[0]]}"
        else:
            what = " ".join(f"vfio:{f}{way}{settings}={self.sockets[f]}" for f in functions)
        self.job = room.job(wrap.format(f"{rig.pcigate()} serve {what} {options}"))

    def __enter__(self):
        try:
            self.ready()
        except BaseException:
            self.stop(check=False)
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.stop(check=kind is None)

    def ready(self, seconds=60):
        end = time.monotonic() + seconds
        while not self.room.run(" && ".join(f"test -S {s}" for s in self.sockets.values()), check=False):
            if self.job.poll() is not None or time.monotonic() > end:
                raise RigError(f"pcigate does not serve:\n{self.job.text}")

    def stop(self, check=True):
        """End it; what it said. Fails when it does not end, or not with 0."""
        self.job.kill("TERM")
        result = self.job.wait(60)
        if check and result.status:
            raise RigError(f"pcigate ended with status {result.status}:\n{result.text}")
        return result.text

    @property
    def notes(self):
        return self.job.text

    @property
    def pid(self):
        """Of pcigate inside."""
        first = next(iter(self.sockets.values()))
        return int(self.room.run(f"pgrep -f 'pcigate serve .*{first}' | head -1").text)

    def pinned(self):
        """KiB that the kernel keeps in memory for pcigate's sake, by either way of counting."""
        text = self.room.get(f"/proc/{self.pid}/status").decode()
        return sum(int(re.search(name + r":\s+(\d+)", text)[1]) for name in ("VmPin", "VmLck"))

    def start(self, name, function, arguments=""):
        """A driver at work on a function; its Job."""
        return self.room.job(f"exec {program(name)} {self.sockets[function]} {arguments}")

    def driver(self, name, function, arguments="", seconds=120):
        """The same, waited for; raises unless it succeeds."""
        job = self.start(name, function, arguments)
        result = job.wait(seconds)
        if result.status:
            raise RigError(f"{name} {arguments}: status {result.status}\n{result.text}\npcigate: {self.notes}")
        return result


class Refused(Exception):
    """The server said no."""

    def __init__(self, command, error, note):
        super().__init__(f"{command}: {error}: {note}")
        self.error = error


class Poke:
    """A client that obeys. A call returns the answer's words, or raises Refused with a positive errno."""

    count = 0

    def __init__(self, served, function):
        Poke.count += 1
        self.room = served.room
        self.socket = served.sockets[function]
        self.fifo = f"/run/poke{Poke.count}"
        self.room.run(f"mkfifo {self.fifo}")
        self.job = self.room.job(f"exec {program('poke')} {self.socket} <>{self.fifo}")
        self.answers = 0

    def __enter__(self):
        self.job.wait_text("ready\n", 60)
        return self

    def __exit__(self, *_):
        self.close()

    def __call__(self, command, seconds=90):
        self.room.run(f"echo '{command}' >{self.fifo}")
        self.answers += 1
        end = time.monotonic() + seconds
        while True:
            lines = re.findall(r"^= (-?\d+) ?(.*)\n", self.job.text, re.M)
            if len(lines) >= self.answers:
                break
            if self.job.poll() is not None or time.monotonic() > end:
                raise RigError(f"no answer to {command}: {self.job.text[-2000:]}")
            self.room.take_answers(0.01)
        result, answer = lines[self.answers - 1]
        if int(result):
            raise Refused(command, -int(result), self.job.text[-400:])
        return answer.split()

    def many(self, commands):
        """One after the other without a pause; the last one's answer."""
        *first, last = commands
        self.room.run("printf '%s\\n' " + " ".join(f"'{command}'" for command in first) + f" >{self.fifo}")
        self.answers += len(first)
        answer = self(last)
        for command, result in zip(commands, re.findall(r"^= (-?\d+)", self.job.text, re.M)[-len(commands):]):
            if int(result):
                raise Refused(command, -int(result), self.job.text[-400:])
        return answer

    @property
    def pid(self):
        return int(self.room.run(f"pgrep -f 'room-poke {self.socket}'").text)

    def close(self):
        """Hang up."""
        if self.job.poll() is None:
            self.room.run(f"echo end >{self.fifo}")
        self.job.wait(30)

    def kill(self):
        self.job.kill("KILL")
        self.job.wait(30)
