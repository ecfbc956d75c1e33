# SPDX-License-Identifier: BSD-3-Clause
"""Two functions of one IOMMU group, as a GPU and its sound: one process uses both, another one neither meanwhile.

The functions are two nvme controllers in one slot without ACS; each reads its own identity into the client's memory."""

import os
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(HERE, "..", "..")]

# pylint: disable=wrong-import-position
import rig
import room as rooms
from client import script
from room import Room
from rig import RigError
from served import Served

# Does what a file says, a line at a time, and answers each with "= N ok" or "= N why not".
CLIENT = """
import mmap, os, struct, sys, time
from client import Client

SIZE = 1 << 20

class Shared:
    def __init__(self):
        self.fd = os.memfd_create("shared")
        os.ftruncate(self.fd, SIZE)
        self.memory = mmap.mmap(self.fd, SIZE)

class Nvme:
    '''Maps all of a file at 0; its queues lie where they are told.'''
    def __init__(self, path, shared, at):
        self.client, self.shared, self.at = Client(path, timeout_ms=60000), shared, at
        self.map()

    def map(self, iova=0, size=SIZE, offset=0, shared=None):
        self.client.dma_map(iova, size, (shared or self.shared).fd, offset)

    def ready(self, want):
        self.client.poll32(0, 0x1c, 1, want, 30000)

    def start(self):
        c = self.client
        self.shared.memory[self.at:self.at + 0x4000] = bytes(0x4000)
        c.config_write16(4, 6)
        c.write32(0, 0x14, 0)
        self.ready(0)
        c.write32(0, 0x24, 0xf000f)
        for register, address in ((0x28, self.at), (0x30, self.at + 0x1000)):
            c.write32(0, register, address)
            c.write32(0, register + 4, 0)
        c.write32(0, 0x14, 0x460001)
        self.ready(1)
        self.tail = 0

    def identify(self):
        memory, data = self.shared.memory, self.at + 0x2000
        memory[data:data + 4096] = bytes(4096)
        struct.pack_into("<IIQQQQII", memory, self.at + self.tail * 64, 6, 0, 0, 0, data, 0, 1, 0)
        self.tail += 1
        self.client.write32(0, 0x1000, self.tail)
        end = time.monotonic() + 3
        while memory[data + 24:data + 33] != b"QEMU NVMe":
            if time.monotonic() > end:
                raise OSError("no identity came")
            time.sleep(0.01)

print("ready", flush=True)
number = 0
for line in open(sys.argv[1]):
    try:
        exec(line)
        print("=", number, "ok", flush=True)
    except Exception as error:
        print("=", number, type(error).__name__, error, flush=True)
    number += 1
"""


class Process:
    """A client process that obeys, and may have several functions."""

    count = 0

    def __init__(self, room, file):
        Process.count += 1
        self.room, self.fifo, self.done = room, f"/run/group{Process.count}", 0
        room.run(f"mkfifo {self.fifo}")
        self.job = room.job(f"exec 3<>{self.fifo}; exec {script(file, self.fifo)}")
        self.job.wait_text("ready", 60)

    def __call__(self, line, seconds=90):
        """What came of it: "ok", or why not."""
        path = self.room.put("line", line + "\n")
        self.room.run(f"cat {path} >{self.fifo}")
        start, end = f"= {self.done} ", time.monotonic() + seconds
        self.done += 1
        while True:
            for answer in self.job.text.splitlines(keepends=True):
                if answer.startswith(start) and answer.endswith("\n"):
                    return answer[len(start):].strip()
            if self.job.poll() is not None or time.monotonic() > end:
                raise RigError(f"no answer to {line}: {self.job.text}")
            self.room.take_answers(0.01)

    def kill(self):
        self.job.kill("KILL")
        self.job.wait(30)


class Group(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.disk = tempfile.NamedTemporaryFile(prefix="pcigate-disk-")  # pylint: disable=consider-using-with
        cls.addClassCleanup(cls.disk.close)
        os.truncate(cls.disk.name, 1 << 20)
        functions = [rig.root_port("rp1"),
                     {"driver": "nvme", "serial": "one", "bus": "rp1", "id": "one", "addr": "0.0",
                      "multifunction": True},
                     {"driver": "nvme", "serial": "two", "bus": "rp1", "id": "two", "addr": "0.1"}]
        cls.room = Room(functions=functions)
        cls.room.start()
        cls.addClassCleanup(cls.room.close)
        cls.one, cls.two = cls.room.address("one"), cls.room.address("two")
        for function in (cls.one, cls.two):
            cls.room.bind(function)
        cls.script = cls.room.put("group.py", CLIENT)

    def process(self):
        process = Process(self.room, self.script)
        self.addCleanup(process.kill)
        return process

    def begin(self, process, name, path, at):
        return process(f"{name} = Nvme('{path}', shared, {at}); {name}.start()")

    def faults(self):
        return self.room.run("dmesg | grep -c 'DMAR:.*fault'", check=False).text.strip()

    def check_one_process_has_them_all(self, way):
        with Served(self.room, self.one, self.two, way=way) as served:
            one, two = served.sockets[self.one], served.sockets[self.two]
            first, second = self.process(), self.process()
            self.assertEqual(first("shared = Shared(); other = Shared()"), "ok")
            self.assertEqual(second("shared = Shared()"), "ok")
            self.assertEqual(self.begin(first, "a", one, 0), "ok")
            self.assertRegex(self.begin(second, "b", two, 0), "ClientError.*busy")
            served.job.wait_text(f"{self.two} is refused to this client: {self.one} of the same IOMMU group belongs to "
                                 "process", 30)
            self.assertEqual(self.begin(first, "b", two, 0x8000), "ok")
            for line in ("a.identify()", "b.identify()"):
                self.assertEqual(first(line), "ok")
            # What is mapped twice is one map; otherwise it is refused.
            self.assertEqual(first("a.map(2 * SIZE)"), "ok")
            self.assertRegex(first("b.map(2 * SIZE, shared=other)"), "ClientError.*exists")
            served.job.wait_text(f"{self.one} of the same IOMMU group maps it otherwise", 30)
            self.assertEqual(first("b.map(2 * SIZE)"), "ok")
            # It is reached until both have unmapped it.
            self.assertEqual(first("a.client.dma_unmap(0, SIZE); b.identify(); a.identify()"), "ok")
            self.assertEqual(first("a.map()"), "ok")
            # One leaves, and comes back.
            self.assertEqual(first("a.client.close(); b.identify()"), "ok")
            self.assertEqual(self.begin(first, "a", one, 0), "ok")
            self.assertEqual(first("a.identify(); b.identify()"), "ok")
            self.assertRegex(self.begin(second, "b", two, 0), "ClientError.*busy")
            # The next process has both as soon as they are as new.
            before = self.faults()
            first.kill()
            self.assertEqual(self.begin(second, "a", one, 0), "ok")
            self.assertEqual(self.begin(second, "b", two, 0x8000), "ok")
            self.assertEqual(second("a.identify(); b.identify()"), "ok")
            self.assertEqual(self.faults(), before)
            second.kill()
            for _ in range(100):
                if served.pinned() == 0:
                    break
                time.sleep(0.1)
            self.assertEqual(served.pinned(), 0)

    def test_by_iommufd(self):
        self.check_one_process_has_them_all("iommufd")

    def test_by_type1(self):
        self.check_one_process_has_them_all("type1")

    def test_a_reset_of_one(self):
        with Served(self.room, self.one, self.two, way="iommufd") as served:
            process = self.process()
            self.assertEqual(process("shared = Shared()"), "ok")
            self.assertEqual(self.begin(process, "a", served.sockets[self.one], 0), "ok")
            self.assertEqual(self.begin(process, "b", served.sockets[self.two], 0x8000), "ok")
            self.assertEqual(process("a.client.reset(); b.identify(); a.start(); a.identify()"), "ok")

    def test_a_vmm_with_both(self):
        """QEMU maps its memory for each, and again when its firmware would: here by ports."""
        for way in ("iommufd", "type1"):
            with self.subTest(way), Served(self.room, self.one, self.two, way=way) as served:
                # PAM registers of the q35 host bridge: memory below 1 MiB is mapped otherwise, twice.
                lines = ["outl 0xcf8 0x80000800", "inl 0xcfc", "outl 0xcf8 0x80001000", "inl 0xcfc"]
                for value in (0x33, 0, 0x33):
                    lines += ["outl 0xcf8 0x80000090", f"outl 0xcfc {value * 0x01010101:#x}"]
                lines += ["outl 0xcf8 0x80001000", "inl 0xcfc"]
                script = self.room.put("qtest", "\n".join(lines) + "\n")
                devices = " ".join(
                    "-device '{\"driver\":\"vfio-user-pci\",\"socket\":{\"path\":\"%s\",\"type\":\"unix\"},"
                    "\"addr\":\"%d.0\"}'" % (served.sockets[function], slot)
                    for slot, function in ((1, self.one), (2, self.two)))
                job = self.room.job(
                    f"rm -f /run/qtest; mkfifo /run/qtest; exec 3<>/run/qtest; cat {script} >&3; "
                    f"exec {rooms.qemu()} -nodefaults -display none -M q35,memory-backend=m -m 128M -object "
                    f"memory-backend-memfd,id=m,size=128M,share=on -accel qtest -qtest stdio {devices} <&3")
                self.addCleanup(job.kill)
                end = time.monotonic() + 120
                while job.text.count("OK 0x101b36") < 3:
                    self.assertTrue(job.poll() is None and time.monotonic() < end, job.text + served.notes)
                    self.room.take_answers(0.1)
                self.assertNotIn("dma_map", job.text.lower())
                self.assertNotIn("DMA_MAP", served.notes)
                job.kill()
                job.wait(30)


if __name__ == "__main__":
    unittest.main()
