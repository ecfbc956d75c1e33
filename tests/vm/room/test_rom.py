# SPDX-License-Identifier: BSD-3-Clause
"""The option ROM of a real function: read through pcigate, and a guest that boots by it.

The room's e1000e has iPXE in its ROM and a TFTP server behind its wire. A guest without a disk gets the function through
pcigate: its firmware finds the ROM, runs it, and iPXE drives the card by itself, DMA and all, to fetch what to boot.
"""

import os
import re
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(HERE, "..", "..")]

# pylint: disable=wrong-import-position
import rig
from client import script
import room as rooms
from room import Room

SECONDS = 120
GREETING = "fetched through the gate"

# Reads region 6 with memory on.
READ = """
import sys
from client import Client
client = Client(sys.argv[1], timeout_ms=300000)
region = client.region_init(6)
client.config_write16(4, 2)
with open(sys.argv[2], "wb") as file:
    file.write(client.read(6, 0, region.size))
print(region.size, region.flags)
"""


class OptionRom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tftp = tempfile.TemporaryDirectory(prefix="pcigate-tftp-")  # pylint: disable=consider-using-with
        cls.addClassCleanup(cls.tftp.cleanup)
        os.chmod(cls.tftp.name, 0o755)
        with open(os.path.join(cls.tftp.name, "boot.ipxe"), "w", encoding="ascii") as file:
            file.write(f"#!ipxe\necho {GREETING}\nsleep 3600\n")
        network = f"user,id=net,restrict=on,tftp={cls.tftp.name},bootfile=boot.ipxe"
        nic = {"driver": "e1000e", "id": "nic", "bus": "rp1", "netdev": "net"}
        cls.room = Room(functions=[rig.root_port("rp1"), nic], qemu_args=["-netdev", network])
        cls.room.start()
        cls.addClassCleanup(cls.room.close)
        cls.nic = cls.room.address("nic")
        cls.room.unbind(cls.nic)
        # The kernel reads the ROM with the function's memory on only.
        cls.theirs = cls.room.run(f"cd /sys/bus/pci/devices/{cls.nic}; echo 1 >enable; echo 1 >rom; cat rom; "
                                  "echo 0 >rom; echo 0 >enable").data
        cls.room.bind(cls.nic)
        cls.server = cls.room.job(f"exec {rig.pcigate()} serve vfio:{cls.nic} --socket-path /run/nic "
                                  f"--timeout {SECONDS * 1000}")
        cls.server.wait_text("listening", 60)

    def setUp(self):
        self.began = time.monotonic()

    def tearDown(self):
        print(f"# {self.id().rsplit('.', 1)[1]}: {time.monotonic() - self.began:.1f} s", flush=True)

    def test_1_read_as_sysfs_has_it(self):
        file = self.room.put("read.py", READ)
        ours = self.room.scratch + "/ours"
        size, flags = map(int, self.room.run(script(file, "/run/nic", ours), 120).text.split())
        theirs = self.theirs
        with open(ours, "rb") as mine:
            data = mine.read()
        self.assertEqual(flags & 3, 1)  # to be read, not to be written
        self.assertEqual(theirs[:2], b"\x55\xaa")
        self.assertGreater(len(theirs), 1024)
        self.assertEqual(len(data), size)
        # The kernel's file ends where the last image ends.
        self.assertEqual(data[:len(theirs)], theirs)
        print(f"# ROM BAR {size} bytes, images {len(theirs)}", flush=True)

    def test_2_a_guest_boots_by_it(self):
        console = self.room.scratch + "/console"
        command = [rooms.qemu(), "-nodefaults", "-nographic", "-no-user-config", "-accel", "tcg", "-cpu", "max", "-m",
                   "256M", "-M", "q35,memory-backend=ram", "-object", "memory-backend-memfd,id=ram,size=256M,share=on",
                   "-serial", f"file:{console}", "-boot", "n", "-device", rig.json.dumps(rig.root_port("rp1")),
                   "-device", rig.json.dumps(rig.vfio_user("/run/nic", bus="rp1", **{"x-msg-timeout": SECONDS * 1000}))]
        guest = self.room.job("exec " + rooms.shlex.join(command))
        try:
            end, text = time.monotonic() + 900, ""
            while GREETING not in text and time.monotonic() < end:
                self.assertIsNone(guest.poll(), guest.text)
                time.sleep(2)
                if os.path.exists(console):
                    with open(console, encoding="ascii", errors="replace") as file:
                        text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", file.read())
            print("# " + "\n# ".join(line for line in text.splitlines() if line.strip()), flush=True)
            self.assertIn("iPXE", text)
            self.assertIn(GREETING, text)
        finally:
            guest.kill("TERM")
            guest.wait(60)
        self.assertNotRegex(self.server.text, r"error|refused")
        self.assertNotRegex(self.room.log(), r"DMAR: .*(fault|Request device)")
