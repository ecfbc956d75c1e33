# SPDX-License-Identifier: BSD-3-Clause
"""The memory that a client lets the function reach: maps, and messages where it shares none."""

import errno
import os
import random
import struct
import time
import unittest
import zlib

from vfio_user import *

PAGE = 4096


def crc(data):
    """CRC32 as Linux's endpoint test has it."""
    return zlib.crc32(data) ^ 0xffffffff


class Dma(Case):
    def setUp(self):
        super().setUp()
        self.c = self.client()

    def start(self, command, src=0, dst=0, size=0, checksum=0):
        self.c.command(6)
        self.c.write(0, EP_SRC, struct.pack("<QQII", src, dst, size, checksum))
        self.c.write32(0, EP_COMMAND, command)

    def status(self, seconds=5):
        end = time.monotonic() + seconds
        while not (status := self.c.read32(0, EP_STATUS)) & 0x3f and time.monotonic() < end:
            pass
        return status & 0x3f

    def run_command(self, command, **registers):
        self.start(command, **registers)
        return self.status()


class Maps(Dma):
    def test_refusals(self):
        fd = self.memfd(16 * PAGE)
        self.c.map(16 * PAGE, 4 * PAGE, fd=fd)
        top = 1 << 64
        for iova, size, flags, descriptor, offset, argsz, error in (
                (1, PAGE, 3, fd, 0, 32, errno.EINVAL), (0, PAGE + 1, 3, fd, 0, 32, errno.EINVAL),
                (0, 100, 3, None, 0, 32, errno.EINVAL), (0, 0, 3, fd, 0, 32, errno.EINVAL),
                (0, 0, 3, None, 0, 32, errno.EINVAL), (0, PAGE, 3, fd, 1, 32, errno.EINVAL),
                (0, PAGE, 0, fd, 0, 32, errno.EINVAL), (0, PAGE, 7, fd, 0, 32, errno.EINVAL),
                (0, PAGE, 0x80000001, fd, 0, 32, errno.EINVAL), (0, PAGE, 3, fd, 0, 31, errno.EINVAL),
                (0, 17 * PAGE, 3, fd, 0, 32, errno.EINVAL), (0, PAGE, 3, fd, 16 * PAGE, 32, errno.EINVAL),
                (0, PAGE, 3, fd, top - PAGE, 32, errno.EINVAL),
                (top - PAGE, 2 * PAGE, 3, None, 0, 32, errno.EINVAL),
                (PAGE, top - PAGE + PAGE - PAGE, 3, None, 0, 32, errno.EEXIST),
                (16 * PAGE, 4 * PAGE, 3, fd, 0, 32, errno.EEXIST), (17 * PAGE, PAGE, 3, None, 0, 32, errno.EEXIST),
                (15 * PAGE, 2 * PAGE, 3, fd, 0, 32, errno.EEXIST), (19 * PAGE, 2 * PAGE, 3, fd, 0, 32, errno.EEXIST),
                (15 * PAGE, 8 * PAGE, 3, fd, 0, 32, errno.EEXIST)):
            with self.subTest(iova=iova, size=size, flags=flags, offset=offset):
                self.refused(error, self.c.map, iova, size, flags, descriptor, offset, argsz)
        # Those that only touch are fine, as is the last page.
        self.c.map(15 * PAGE, PAGE, fd=fd)
        self.c.map(20 * PAGE, PAGE, fd=fd)
        self.c.map(top - PAGE, PAGE)

    def test_unmap_is_exact(self):
        fd = self.memfd(16 * PAGE)
        self.c.map(0, 4 * PAGE, fd=fd)
        for iova, size in ((0, PAGE), (PAGE, 3 * PAGE), (0, 5 * PAGE), (PAGE, PAGE), (1 << 40, PAGE), (0, 0)):
            self.refused(errno.ENOENT, self.c.unmap, iova, size)
        self.refused(errno.EINVAL, self.c.unmap, 0, 4 * PAGE, 0, 23)
        self.refused(errno.EINVAL, self.c.unmap, 0, 4 * PAGE, 4)
        self.refused(errno.ENOTSUP, self.c.unmap, 0, 4 * PAGE, 1)
        self.assertEqual(self.c.unmap(0, 4 * PAGE), struct.pack("=IIQQ", 24, 0, 0, 4 * PAGE))
        self.refused(errno.ENOENT, self.c.unmap, 0, 4 * PAGE)

    def test_unmap_all(self):
        for n in range(50):
            self.c.map(n * 2 * PAGE, PAGE)
        self.refused(errno.EINVAL, self.c.unmap, 0, PAGE, 2)
        self.c.unmap(0, 0, 2)
        self.refused(errno.ENOENT, self.c.unmap, 0, PAGE)
        self.c.map(0, 1 << 30)

    def test_descriptor_with_unmap_is_closed(self):
        fd = self.memfd(PAGE)
        self.c.map(0, PAGE, fd=fd)
        before = self.server.fds()
        self.c.unmap(0, PAGE, fds=[fd])
        self.assertLessEqual(self.server.settled_fds(before - 1), before)

    def test_many(self):
        for start in range(0, 20000, 100):
            for n in range(start, start + 100):
                self.c.send(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, n * 2 * PAGE, PAGE))
            for n in range(100):
                self.c.reply(command=DMA_MAP)
        self.c.unmap(19999 * 2 * PAGE, PAGE)
        self.c.unmap(0, 0, 2)

    def test_posted_map_and_unmap(self):
        fd = self.memfd(PAGE)
        self.c.send(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 0, PAGE), [fd], flags=NO_REPLY)
        self.c.send(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 0, PAGE), [fd], flags=NO_REPLY)
        self.c.send(DMA_UNMAP, struct.pack("=IIQQ", 24, 0, 0, PAGE), flags=NO_REPLY)
        self.assertTrue(self.c.quiet())
        self.refused(errno.ENOENT, self.c.unmap, 0, PAGE)


class Shared(Dma):
    def test_read_write_copy(self):
        fd = self.memfd(1 << 22)
        self.c.map(1 << 32, 1 << 22, fd=fd)
        for size in (1, 1024, 1025, 1024000, 1024001):
            data = random.Random(size).randbytes(size)
            os.pwrite(fd, data, 5)
            self.assertEqual(self.run_command(EP_READ, src=(1 << 32) + 5, size=size, checksum=crc(data)), 1)
            self.assertEqual(self.run_command(EP_READ, src=(1 << 32) + 5, size=size, checksum=crc(data) ^ 1), 2)
            self.assertEqual(self.run_command(EP_COPY, src=(1 << 32) + 5, dst=(1 << 32) + (1 << 21), size=size), 16)
            self.assertEqual(os.pread(fd, size, 1 << 21), data)
            self.assertEqual(self.run_command(EP_WRITE, dst=(1 << 32) + 7, size=size), 4)
            self.assertEqual(crc(os.pread(fd, size, 7)), self.c.read32(0, EP_CHECKSUM))

    def test_over_maps_that_touch(self):
        fd = self.memfd(8 * PAGE)
        for n in range(4):
            self.c.map(n * PAGE, PAGE, fd=fd, offset=(3 - n) * PAGE)
        data = random.Random(1).randbytes(4 * PAGE)
        for n in range(4):
            os.pwrite(fd, data[n * PAGE:(n + 1) * PAGE], (3 - n) * PAGE)
        self.assertEqual(self.run_command(EP_READ, src=100, size=3 * PAGE, checksum=crc(data[100:100 + 3 * PAGE])), 1)

    def test_map_that_does_not_allow_it(self):
        fd = self.memfd(PAGE)
        self.c.map(0, PAGE, flags=1, fd=fd)
        self.assertEqual(self.run_command(EP_WRITE, dst=0, size=16), 8)
        self.assertEqual(self.run_command(EP_READ, src=0, size=16, checksum=crc(bytes(16))), 1)

    def test_after_unmap_nothing_is_reached(self):
        fd = self.memfd(PAGE)
        self.c.map(0, PAGE, fd=fd)
        self.assertEqual(self.run_command(EP_WRITE, dst=0, size=16), 4)
        self.c.unmap(0, PAGE)
        os.pwrite(fd, bytes(16), 0)
        # The server asks by message now: this client knows no such address.
        self.assertEqual(self.run_command(EP_WRITE, dst=0, size=16), 8)
        self.assertEqual(os.pread(fd, 16, 0), bytes(16))

    def test_file_that_shrinks_is_an_error_and_no_fault(self):
        fd = self.memfd(1 << 20)
        self.c.map(0, 1 << 20, fd=fd)
        os.ftruncate(fd, PAGE)
        self.assertEqual(self.run_command(EP_READ, src=PAGE, size=PAGE, checksum=0), 2)
        self.assertEqual(self.run_command(EP_WRITE, dst=0, size=1 << 20), 8)
        os.ftruncate(fd, 0)
        self.assertEqual(self.run_command(EP_WRITE, dst=0, size=16), 8)

    def test_nothing_without_bus_master(self):
        fd = self.memfd(PAGE)
        self.c.map(0, PAGE, fd=fd)
        self.c.command(2)
        self.c.write(0, EP_SRC, struct.pack("<QQII", 0, 0, 16, 0))
        self.c.write32(0, EP_COMMAND, EP_WRITE)
        time.sleep(0.05)
        self.c.info()
        self.assertEqual(os.pread(fd, 16, 0), bytes(16))

    def test_maps_outlive_a_reset(self):
        fd = self.memfd(PAGE)
        self.c.map(0, PAGE, fd=fd)
        self.c.reset()
        self.assertEqual(self.run_command(EP_WRITE, dst=0, size=16), 4)


class Messages(Dma):
    OPTIONS = ("--dma-timeout", "300")

    def test_read_write_copy(self):
        memory = bytearray(random.Random(3).randbytes(1 << 22))
        self.c.memory[1 << 40] = memory
        self.c.map(1 << 40, 1 << 22)
        for size in (1, 1024, 1025, 1024000, 1024001):
            source = bytes(memory[3:3 + size])
            self.assertEqual(self.run_command(EP_READ, src=(1 << 40) + 3, size=size, checksum=crc(source)), 1)
            self.assertEqual(self.run_command(EP_COPY, src=(1 << 40) + 3, dst=(1 << 40) + (1 << 21), size=size), 16)
            self.assertEqual(memory[1 << 21:(1 << 21) + size], source)

    def test_pieces_are_at_most_64_kib(self):
        largest = 0
        serve = self.c.serve

        def watch(message):
            nonlocal largest
            largest = max(largest, struct.unpack_from("=QQ", message.body)[1])
            serve(message)
        self.c.serve = watch
        self.c.memory[0] = bytearray(1 << 20)
        self.assertEqual(self.run_command(EP_WRITE, dst=0, size=1 << 20), 4)
        self.assertEqual(largest, 65536)

    def test_pieces_as_small_as_the_client_wants(self):
        self.c.close()
        self.c = self.client(json='{"capabilities":{"max_data_xfer_size":4096}}')
        largest = 0
        serve = self.c.serve

        def watch(message):
            nonlocal largest
            largest = max(largest, struct.unpack_from("=QQ", message.body)[1])
            serve(message)
        self.c.serve = watch
        self.c.memory[0] = bytearray(1 << 17)
        self.assertEqual(self.run_command(EP_COPY, src=0, dst=1 << 16, size=60000), 16)
        self.assertEqual(largest, 4096)

    def test_client_that_refuses(self):
        self.assertEqual(self.run_command(EP_READ, src=0, size=16, checksum=0), 2)

    def ask(self, command=EP_READ):
        self.start(command, size=64, checksum=crc(bytes(64)))
        message = self.c.receive()
        while message.flags & REPLY:
            message = self.c.receive()
        return message

    def test_client_that_does_not_answer(self):
        began = time.monotonic()
        self.c.command(6)
        self.c.write(0, EP_SRC, struct.pack("<QQII", 0, 0, 64, 0))
        self.c.write32(0, EP_COMMAND, EP_READ, NO_REPLY)
        message = self.c.receive()
        self.assertEqual(message.command, DMA_READ)
        # Meanwhile everything else goes on.
        self.assertEqual(self.c.info()[2:], (9, 5))
        self.assertEqual(self.status(), 2)
        self.assertLess(time.monotonic() - began, 1.5)
        # The answer comes now, with its body: nothing falls out of step.
        self.c.send_raw(HEADER.pack(message.id, DMA_READ, 16 + 16 + 64, REPLY, 0) + message.body + bytes(64))
        self.assertEqual(self.c.info()[2:], (9, 5))
        self.c.memory[0] = bytearray(64)
        self.assertEqual(self.run_command(EP_READ, src=0, size=64, checksum=crc(bytes(64))), 1)

    def answered(self, answer):
        """What it comes to when the client answers a DMA_READ with these bytes."""
        self.c.serve = lambda message: self.c.send_raw(answer(message))
        status = self.run_command(EP_READ, src=0, size=64, checksum=crc(bytes(64)))
        self.assertEqual(self.c.info()[2:], (9, 5))
        return status

    def test_answers_that_are_wrong(self):
        def head(message, size, **change):
            fields = {"id": message.id, "command": DMA_READ, "flags": REPLY, "error": 0} | change
            return HEADER.pack(fields["id"], fields["command"], 16 + size, fields["flags"], fields["error"])
        good = struct.pack("=QQ", 0, 64)
        self.assertEqual(self.answered(lambda m: head(m, 80) + good + bytes(64)), 1)
        for answer in (lambda m: head(m, 0), lambda m: head(m, 16) + good, lambda m: head(m, 79) + good + bytes(63),
                       lambda m: head(m, 81) + good + bytes(65), lambda m: head(m, 4) + bytes(4),
                       lambda m: head(m, 80) + struct.pack("=QQ", 8, 64) + bytes(64),
                       lambda m: head(m, 80) + struct.pack("=QQ", 0, 1 << 40) + bytes(64),
                       lambda m: head(m, 0, flags=REPLY | ERROR, error=0xffffffff),
                       lambda m: head(m, 0, flags=REPLY | ERROR, error=0)):
            self.assertEqual(self.answered(answer), 2)
        # Another id, another command: nobody's answer, so the deadline comes.
        self.assertEqual(self.answered(lambda m: head(m, 80, id=m.id ^ 1) + good + bytes(64)), 2)
        self.assertEqual(self.answered(lambda m: head(m, 16, command=DMA_WRITE) + good), 2)

    def test_same_ids_on_both_sides(self):
        """An id of ours may be one of the server's: the type bit tells them apart."""
        self.c.command(6)
        self.c.write(0, EP_SRC, struct.pack("<QQII", 0, 0, 64, crc(bytes(64))))
        self.c.write32(0, EP_COMMAND, EP_READ, NO_REPLY)
        ask = self.c.receive()
        self.c.next_id = ask.id
        self.assertEqual(self.c.info()[2:], (9, 5))
        self.c.send_raw(HEADER.pack(ask.id, DMA_READ, 16 + 16 + 64, REPLY, 0) + ask.body + bytes(64))
        self.assertEqual(self.status(), 1)

    def test_client_killed_meanwhile(self):
        for _ in range(5):
            client = self.c
            client.command(6)
            client.write(0, EP_SRC, struct.pack("<QQII", 0, 0, 1 << 20, 0))
            client.write32(0, EP_COMMAND, EP_COPY, NO_REPLY)
            self.assertEqual(client.receive().command, DMA_READ)
            client.close()
            self.c = self.client()
            self.assertEqual(self.c.read(CONFIG, 4, 2), b"\0\0")
        self.c.memory[0] = bytearray(64)
        self.assertEqual(self.run_command(EP_READ, src=0, size=64, checksum=crc(bytes(64))), 1)


class NeverReads(Case):
    OPTIONS = ("--dma-timeout", "300")

    def test_it_hurts_nobody_else(self):
        other = self.dump("00:00.0 Test\n00: 34 12 78 56" + " 00" * 12 + "\n" +
                          "".join(f"{n:02x}:" + " 00" * 16 + "\n" for n in range(0x10, 0x40, 16)) + "\n")
        neighbour = Client(other)
        self.addCleanup(neighbour.close)
        client = self.client()
        client.command(6)
        client.write(0, EP_SRC, struct.pack("<QQII", 0, 0, 1 << 20, 0))
        client.write32(0, EP_COMMAND, EP_COPY, NO_REPLY)
        client.socket.settimeout(0.2)
        sent = 0
        try:
            while sent < 100 << 20:
                client.send_raw(client.message(REGION_READ, struct.pack("=QII", 0, 4, 65536)) * 16)
                sent += 512
        except TimeoutError:
            pass
        self.assertLess(sent, 8 << 20)
        self.assertLess(self.server.memory(), 32 << 10)
        second = self.client(version=False)
        self.refused(errno.EBUSY, second.version)
        began = time.monotonic()
        for _ in range(100):
            neighbour.info()
        self.assertLess(time.monotonic() - began, 1)
        client.close()
        self.assertEqual(self.client().info()[2:], (9, 5))


if __name__ == "__main__":
    unittest.main()
