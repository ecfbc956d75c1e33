# SPDX-License-Identifier: BSD-3-Clause
"""Packets between a PF, whose driver runs in the room, and a VF, whose driver runs in a guest inside.

    wire = Wire(room, room.address("igb"))      # PF up; wire.vfs are its VFs, with MACs that the PF has given
    with Inner(room, devices=[…], files=PROGRAM.files()) as guest:
        wire.up_inside(guest)
        print(wire.exchange(guest, 1000))
"""

import os
import re
import subprocess
import tempfile
import time

from rig import RigError

HERE = os.path.dirname(os.path.abspath(__file__))
PLACE = "0000:01:00.0"  # behind the first root port of the guest
PORT = 5000


def compiled(name):
    """A program of this folder, static: it runs in the room and in guests with nothing but busybox."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, name)
        done = subprocess.run(["cc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-static", "-o", program,
                               os.path.join(HERE, name + ".c")], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise RigError(f"{name}.c does not compile:\n{done.stderr}")
        with open(program, "rb") as file:
            return file.read()


def files():
    """What a guest has to have in its root."""
    return {"bin/packets": compiled("packets")}


def figures(line):
    """{"good": 1000, "seconds": 1.5, …} of a line that packets writes."""
    return {name: float(value) if "." in value else int(value) for name, value in re.findall(r"(\w+)=([\d.]+)", line)}


class Wire:
    """The PF's side, and what the guest has to do on its own."""

    OUTSIDE, INSIDE = "10.9.0.1", "10.9.0.2"

    def __init__(self, room, physical, count=2):
        self.room, self.physical = room, physical
        self.vfs = room.vfs(physical, count)
        self.name = room.run(f"ls /sys/bus/pci/devices/{physical}/net").text.strip()
        for number in range(count):
            room.run(f"ip link set dev {self.name} vf {number} mac {self.mac(number)}")
        room.run(f"ip addr add {self.OUTSIDE}/24 dev {self.name}; ip link set dev {self.name} up")
        self.program = room.put("packets", compiled("packets"))

    @staticmethod
    def mac(number):
        """A VF takes packets for that address which its PF has accepted for it."""
        return f"52:54:00:00:01:{number:02x}"

    def up_inside(self, guest, seconds=300):
        """The VF's interface comes up in the guest; its name there."""
        name = guest.run(f"ls /sys/bus/pci/devices/{PLACE}/net").text.strip()
        guest.run(f"ip addr flush dev {name}; ip addr add {self.INSIDE}/24 dev {name}; ip link set dev {name} up")
        end = time.monotonic() + seconds
        while guest.run(f"cat /sys/class/net/{name}/carrier", check=False).text.strip() != "1":
            if time.monotonic() > end:
                raise RigError(f"no carrier within {seconds} s in the guest:\n{guest.run('dmesg | tail').text}")
            time.sleep(0.5)
        # Neighbours learn each other before anything is counted: Linux drops what waits too long for an answer.
        guest.run(f"ping -c 3 -W 30 {self.OUTSIDE} | grep 'bytes from'")
        return name

    def counters(self, guest, name):
        """{"rx_packets": …} of both interfaces, as the drivers count: outside and inside."""
        wanted = "rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped"

        def read(run, interface):
            text = run(f"cd /sys/class/net/{interface}/statistics && head -n 1 {wanted}").text
            return {key: int(value) for key, value in re.findall(r"==> (\w+) <==\n(\d+)", text)}

        return read(self.room.run, self.name), read(guest.run, name)

    def exchange(self, guest, count, window=8, seconds=600):
        """So many packets there and back: what the PF's side saw, and what the VF's side saw."""
        guest.run(f"packets echo {PORT} >/tmp/echo 2>&1 & until grep -q ready /tmp/echo; do usleep 50000; done")
        try:
            sent = self.room.run(f"{self.program} send {self.INSIDE} {PORT} {count} {window}", seconds, check=False)
            # A moment for the last one: both counts stand, or the sender has waited for long enough already.
            echoed = guest.run("n=0; until grep -q good /tmp/echo || [ $n -eq 40 ]; do n=$((n + 1)); usleep 250000; "
                               "done; cat /tmp/echo").text
        finally:
            guest.run("killall packets 2>/dev/null", check=False)
        return figures(sent.text), figures(echoed), sent.text + echoed
