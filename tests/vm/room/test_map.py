# SPDX-License-Identifier: BSD-3-Clause
"""BARs of real functions that clients map themselves: who may, as what kind of memory, and for how long.

The function is QEMU's ivshmem: its BAR 2 is prefetchable memory, its BAR 0 is not. What kind of memory a mapping is says
the kernel's own list (pat_memtype_list). Not shown: dma-bufs that can be mapped, which no released kernel has;
processors other than x86. What doctor foretells of them, lockdown and a machine without remapping: test_verbs.py."""

import os
import re
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(HERE, "..", "..")]

# pylint: disable=wrong-import-position
import rig
from client import script
from functions import Machine

# A client that maps BAR 2 (or is told that it cannot), says how, and keeps the mapping until it is killed.
CLIENT = """
import struct, sys, time
from client import Client, ClientError
FEATURE_REGION_MEMORY, WRITE_COMBINING = 0x8000, 1
path, number, combine, *rest = sys.argv[1:]
client = Client(path, timeout_ms=60000)
def payload(memory=0):
    return struct.pack("=IIII", int(number), memory, 0, 0) + bytes(104)
answer = client.feature_get(FEATURE_REGION_MEMORY, payload())
print("possible", struct.unpack_from("=I", answer, 8)[0], answer[16:].rstrip(bytes(1)).decode(), flush=True)
if combine == "yes":
    try:
        client.feature_set(FEATURE_REGION_MEMORY, payload(WRITE_COMBINING))
    except ClientError as error:
        print("refused", error, flush=True)
        sys.exit(0)
region = client.region_init(int(number))
if not region.nfds:
    print("no descriptor", flush=True)
    sys.exit(0)
client.config_write16(4, 2)
memory = client.region_map(region, 0, 4096)
memory[0:4] = b"abcd"
print("mapped", memory[0:4], client.read(region.index, 0, 4), flush=True)
if "close" in rest:
    client.close()
    print("closed", flush=True)
time.sleep(1000)
"""


class Room(unittest.TestCase):
    append = ""

    @classmethod
    def setUpClass(cls):
        cls.room = Machine("ivshmem").room(append=cls.append)
        cls.room.start()
        cls.bdf = cls.room.address("ivshmem")
        cls.room.bind(cls.bdf)
        cls.room.run("mount -t debugfs none /sys/kernel/debug", check=False)
        cls.client_file = cls.room.put("map_bar.py", CLIENT)
        start = cls.room.run(f"sed -n 3p /sys/bus/pci/devices/{cls.bdf}/resource").text.split()[0]
        cls.bar2 = int(start, 16)

    @classmethod
    def tearDownClass(cls):
        cls.room.close()

    def serve(self, options, *more):
        """Return: the job, and its socket; the socket is None where the server refused."""
        socket = f"/run/{self.id().rsplit('.', 1)[1]}"
        server = self.room.job(f"exec {rig.pcigate()} serve vfio:{self.bdf}{options} --socket-path {socket} "
                               + " ".join(more))
        self.addCleanup(server.kill)
        end = time.monotonic() + 120
        while time.monotonic() < end and server.poll() is None:
            if self.room.run(f"test -S {socket}", check=False):
                return server, socket
            time.sleep(0.2)
        return server, None

    def refused(self, options, *more):
        server, socket = self.serve(options, *more)
        self.assertIsNone(socket, server.text)
        self.assertEqual(server.wait(60).status, 3)
        return server.text

    def client(self, socket, region=2, combine="no", *rest):
        job = self.room.job("exec " + script(self.client_file, socket, region, combine, *rest))
        self.addCleanup(job.kill)
        return job

    def kinds(self):
        """How the kernel says that BAR 2 is mapped."""
        text = self.room.run("cat /sys/kernel/debug/x86/pat_memtype_list").text
        return {line.split()[-1] for line in text.splitlines() if re.search(f"0x0*{self.bar2:x}-", line)}


class Strict(Room):
    """As stock Debian kernels are: nobody maps resource files of what VFIO holds."""

    def test_nothing_is_mapped_unless_the_operator_says_so(self):
        _, socket = self.serve("")
        client = self.client(socket)
        client.wait_text("no descriptor", 120)
        self.assertRegex(client.text, r"possible 0 .*reached by messages")

    def test_a_mapping_takes_trust(self):
        self.assertRegex(self.refused(",bar2=device"), r"bar2= of .*--trust-client")

    def test_a_resource_file_that_cannot_be_mapped_is_named(self):
        self.assertRegex(self.refused(",bar2=sysfs", "--trust-client"), r"IO_STRICT_DEVMEM.*iomem=relaxed")

    def test_a_dmabuf_that_cannot_be_mapped_is_named(self):
        server, socket = self.serve(",bar2=dmabuf", "--trust-client")
        if socket is not None:
            self.skipTest("this kernel maps dma-bufs of BARs")
        self.assertRegex(server.text, "no dma-buf of it that can be mapped")

    def test_the_device_file_maps_uncached_and_never_combines(self):
        _, socket = self.serve(",bar2=device", "--trust-client")
        client = self.client(socket)
        client.wait_text("mapped", 120)
        self.assertRegex(client.text, r"possible 1 only resource files")
        self.assertRegex(client.text, r"mapped b'abcd' b'abcd'")
        client.kill()
        refused = self.client(socket, 2, "yes")
        refused.wait_text("refused", 120)

    def test_nobody_else_is_served_while_the_process_lives(self):
        server, socket = self.serve(",bar2=device", "--trust-client", "--timeout 1500")
        first = self.client(socket, 2, "no", "close")
        first.wait_text("closed", 120)
        server.wait_text("lives: nobody else is served", 60)
        second = self.client(socket)
        self.assertNotEqual(second.wait(120).status, 0)
        self.assertNotIn("mapped", second.text)
        first.kill()
        third = self.client(socket)
        third.wait_text("mapped", 120)


class Relaxed(Room):
    append = "iomem=relaxed"

    def test_uncached_unless_asked_for(self):
        _, socket = self.serve(",bar2=sysfs", "--trust-client")
        client = self.client(socket)
        client.wait_text("mapped", 120)
        self.assertRegex(client.text, r"possible 3 \n")
        self.assertRegex(client.text, r"mapped b'abcd' b'abcd'")
        self.assertEqual(self.kinds(), {"uncached-minus"})

    def test_write_combining_when_asked_for(self):
        _, socket = self.serve(",bar2=sysfs", "--trust-client")
        client = self.client(socket, 2, "yes")
        client.wait_text("mapped", 120)
        self.assertIn("write-combining", self.kinds())
        client.kill()
        # It was this client's choice, not the next one's.
        self.room.wait_for(f"! grep {self.bar2:x} /sys/kernel/debug/x86/pat_memtype_list | grep -q combining", 30)
        again = self.client(socket)
        again.wait_text("mapped", 120)
        self.assertNotIn("write-combining", self.kinds())

    def test_write_combining_by_a_quirk(self):
        """For clients that do not ask: QEMU is one."""
        quirks = self.room.put("ivshmem.quirks",
                               "[memory]\nmatch = 1af4:1110\nwhy = its buffer bears it\nwrite-combining = bar2\n")
        _, socket = self.serve(",bar2=sysfs", "--trust-client", "--quirks", quirks)
        client = self.client(socket)
        client.wait_text("mapped", 120)
        self.assertIn("write-combining", self.kinds())

    def test_what_is_not_prefetchable_is_not_combined(self):
        text = self.refused(",bar0=sysfs", "--trust-client")
        self.assertRegex(text, "smaller than a page")

    def test_memory_stays_on_while_somebody_may_reach_it(self):
        """The mapping cannot be taken back, so the guest's enable bit is virtual."""
        _, socket = self.serve(",bar2=sysfs", "--trust-client")
        client = self.client(socket, 2, "no", "close")
        client.wait_text("closed", 120)
        command = self.room.run(f"setpci -s {self.bdf} COMMAND").text
        self.assertTrue(int(command, 16) & 2, command)


if __name__ == "__main__":
    unittest.main()
