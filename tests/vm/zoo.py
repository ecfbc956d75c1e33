# SPDX-License-Identifier: BSD-3-Clause
"""Recorded functions in a guest: many dumps behind one server, and what both sides see of each.

A Herd boots once, is looked at once, and is gone; the tests then compare what it saw.
"""

import os
import re

from rig import TREE, Guest, RigError, Server, config_bytes, inspect, root_port, vfio_user

CORPUS = os.environ.get("PCI_CORPUS", os.path.join(TREE, "..", "shared", "corpus"))
HEADING = re.compile(r"^((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) ", re.M)


def has_corpus():
    return os.path.isdir(CORPUS)


def recorded(path):
    """{address: bytes of configuration space} of a dump of the corpus, in its order."""
    with open(os.path.join(CORPUS, path), encoding="utf-8", errors="replace") as file:
        text = file.read()
    starts = [found.start() for found in HEADING.finditer(text)] + [len(text)]
    parts = (text[begin:end] for begin, end in zip(starts, starts[1:]))
    return {HEADING.match(part)[1]: config_bytes(part) for part in parts}


def is_bridge(config):
    return config[0x0e] & 0x7f != 0


def capabilities(config):
    """{id: offset} of the standard chain and {id: offset} of the extended one, the first of each id."""
    standard, extended = {}, {}
    at, left = config[0x34] & 0xfc if config[6] & 0x10 else 0, 48
    while at >= 0x40 and left:
        standard.setdefault(config[at], at)
        at, left = config[at + 1] & 0xfc, left - 1
    at, left = 0x100, 960
    while 0x100 <= at < len(config) and left:
        header = int.from_bytes(config[at:at + 4], "little")
        if header & 0xffff not in (0, 0xffff):
            extended.setdefault(header & 0xffff, at)
        at, left = header >> 20 & 0xffc, left - 1
    return standard, extended


class Servers(Server):
    """One `pcigate serve` for many functions."""

    def __init__(self, functions):
        super().__init__(functions[0])
        self.sockets = [os.path.join(self.folder, str(n)) for n in range(len(functions))]
        pairs = [f"{function}={socket}" for function, socket in zip(functions, self.sockets)]
        self.arguments = [self.program, "serve", *pairs, "--control", self.control]
        self.socket = self.sockets[-1]  # they are opened in order

    def guest_view(self, number):
        return config_bytes(inspect(f"live:{self.control}@{number}", "--guest", "-xxxx", program=self.program))


class Member:
    """One recorded function: name, where it stands in the guest, and what was seen of it."""

    def __init__(self, path, address, config):
        self.path, self.address, self.config = path, address, config
        self.function = f"dump:{os.path.join(CORPUS, path)}@{address}"
        self.express = 0x10 in capabilities(config)[0]
        self.place = self.driver = self.inside = self.outside = self.text = None

    def __str__(self):
        return f"{os.path.basename(self.path)}@{self.address}"


class Herd:
    """Functions of one guest: Express ones behind a root port each, the others on the root bus."""

    # Of the drivers that Debian builds in, virtio_pci finds functions before any script runs. The rig's own port
    # needs it, so it cannot stay out of the kernel: here it lets go of all but that one.
    LET_GO = b"""
for driver in /sys/bus/pci/devices/*/driver; do
	device=${driver%/driver}
	case $(readlink "$driver") in
	*/pcieport | */shpchp) continue ;;
	esac
	[ "${device##*/}" = 0000:00:1e.0 ] || echo "${device##*/}" >"$driver/unbind"
done
"""
    # Built in as well, and it looks for host bridges of Intel's anywhere.
    CMDLINE = "agp=off"

    def __init__(self, members):
        self.members = members
        self.failure = None
        self.seen = False

    def look(self):
        """Boot and see, the first time; raises what went wrong then every time."""
        if not self.seen:
            self.seen = True
            try:
                self._boot()
            except (RigError, OSError) as error:
                self.failure = error
        if self.failure:
            raise self.failure

    def _devices(self, sockets):
        """Slots from 1 upwards: root ports first, eight to a slot, so that their buses count from 1."""
        devices = []
        express = [member for member in self.members if member.express]
        for number, member in enumerate(express):
            slot, function = 1 + number // 8, number % 8
            devices.append(root_port(f"rp{number}", addr=f"{slot:x}.{function}", multifunction=function == 0))
            devices.append(vfio_user(sockets[self.members.index(member)], bus=f"rp{number}"))
            member.place = f"{1 + number:02x}:00.0"
        slot = 1 + (len(express) + 7) // 8
        for member in self.members:
            if not member.express:
                devices.append(vfio_user(sockets[self.members.index(member)], addr=f"{slot:x}.0"))
                member.place = f"00:{slot:02x}.0"
                slot += 1
        if slot > 0x1e:
            raise RigError("more functions than the root bus has slots")
        return devices

    def _boot(self):
        with Servers([member.function for member in self.members]) as servers, \
             Guest(devices=self._devices(servers.sockets), cmdline=self.CMDLINE, timeout=100,
                   files={"etc/start": self.LET_GO}) as guest:
            for member in self.members:
                member.driver = guest.run(f"readlink /sys/bus/pci/devices/0000:{member.place}/driver", check=False).text
            dumps = guest.run("lspci -xxxx", seconds=60).text
            for number, member in enumerate(self.members):
                member.inside = config_bytes(_part(dumps, member.place))
                member.outside = servers.guest_view(number)
            # Afterwards: to read VPD, lspci writes its address register.
            texts = guest.run("lspci -vvv", seconds=60).text
            for member in self.members:
                member.text = _part(texts, member.place)
            self.boot_seconds, self.qemu_log, self.console = guest.boot_seconds, guest.qemu_log(), guest.console()
            self.server_log = servers.log()


def _part(text, place):
    """What lspci said of one function."""
    for part in re.split(r"\n\n+", text):
        if part.startswith((place + " ", "0000:" + place + " ")):
            return part + "\n"
    raise RigError(f"nothing at {place} in the guest:\n{text[:2000]}")
