# SPDX-License-Identifier: BSD-3-Clause
"""What the function is said to be, and reaching it."""

import errno
import gzip
import os
import shutil
import struct
import subprocess
import tempfile
import time
import unittest

from vfio_user import *

DUMP = """01:00.0 Network controller: Test
\tRegion 0: Memory at f0000000 (32-bit, non-prefetchable) [size=64K]
00: 34 12 78 56 06 00 10 00 01 00 00 02 00 00 00 00
10: 00 00 00 f0 00 00 00 00 00 00 00 00 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 34 12 01 00
30: 00 00 00 00 40 00 00 00 00 00 00 00 00 01 00 00
40: 01 00 03 00 08 00 00 00 00 00 00 00 00 00 00 00
""" + "".join(f"{n:02x}: " + " ".join(["00"] * 16) + "\n" for n in range(0x50, 0x100, 16)) + "\n"


class Info(Case):
    def test_device(self):
        client = self.client()
        self.assertEqual(client.info(), (16, 3, 9, 5))
        self.assertEqual(client.info(32), (16, 3, 9, 5))
        self.refused(errno.EINVAL, client.info, 15)

    def test_every_region_is_answered(self):
        client = self.client()
        for index in range(9):
            for argsz, padding in ((32, 0), (4096, 4064)):
                message, info = client.region_info(index, argsz, padding)
                self.assertEqual(info[2], index)
                self.assertEqual(message.size, 16 + info[0])
                if info[1] & 4:
                    self.assertEqual(len(message.fds), 1)
                else:
                    self.assertEqual(message.fds, [])
                for fd in message.fds:
                    os.close(fd)
        self.assertEqual(client.region_info(8)[1][4], 0)
        self.assertEqual(client.region_info(CONFIG)[1][4], 4096)

    def test_region_errors(self):
        client = self.client()
        self.refused(errno.EINVAL, client.region_info, 9)
        self.refused(errno.EINVAL, client.region_info, 0xffffffff)
        self.refused(errno.EINVAL, client.region_info, 0, 31)

    def test_mapped_memory_is_the_region(self):
        import mmap
        client = self.client()
        client.command(2)
        for index in range(6):
            message, info = client.region_info(index, 4096)
            if not info[1] & 4:
                continue
            self.assertEqual(info[0], 32, "a region that can be mapped whole has no capability")
            with mmap.mmap(message.fds[0], info[4], offset=info[5]) as view:
                client.write32(index, 8, 0xdeadbeef)
                self.assertEqual(view[8:12], b"\xef\xbe\xad\xde")
                view[12:16] = b"\1\2\3\4"
                self.assertEqual(client.read(index, 12, 4), b"\1\2\3\4")
            os.close(message.fds[0])

    def test_interrupts(self):
        client = self.client()
        self.assertEqual([client.irq_info(n) for n in range(5)],
                         [(16, 7, 0, 1), (16, 9, 1, 32), (16, 1, 2, 32), (16, 9, 3, 1), (16, 9, 4, 1)])
        self.refused(errno.EINVAL, client.irq_info, 5)
        self.refused(errno.EINVAL, client.call, GET_IRQ_INFO, struct.pack("=IIII", 15, 0, 0, 0))

    def test_commands_that_are_not_served(self):
        client = self.client()
        for command, error in ((GET_REGION_IO_FDS, errno.ENOTSUP), (DIRTY_PAGES, errno.ENOTSUP),
                               (FEATURE, errno.ENOTTY), (MIG_READ, errno.ENOTSUP), (MIG_WRITE, errno.ENOTSUP),
                               (DMA_READ, errno.ENOTSUP), (DMA_WRITE, errno.ENOTSUP), (0, errno.ENOTSUP),
                               (19, errno.ENOTSUP), (0xffff, errno.ENOTSUP)):
            self.refused(error, client.call, command, bytes(100))
        client.send(0xfff0, bytes(10), flags=NO_REPLY)
        self.assertEqual(client.info()[2:], (9, 5))

    def test_questions_want_an_answer(self):
        client = self.client()
        for command in (GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, REGION_READ):
            client.send(command, struct.pack("=IIII", 32, 0, 0, 0) + bytes(16), flags=NO_REPLY)
            self.refused(errno.EINVAL, client.reply)

    def test_neither_command_nor_reply(self):
        client = self.client()
        self.refused(errno.EINVAL, client.call, GET_INFO, struct.pack("=IIII", 16, 0, 0, 0), flags=2)

    def test_a_reply_to_nothing_is_dropped(self):
        client = self.client()
        client.send(DMA_READ, bytes(20000), flags=REPLY)
        self.assertEqual(client.info()[2:], (9, 5))


class Access(Case):
    def test_config_whole_and_in_parts(self):
        client = self.client()
        whole = client.read(CONFIG, 0, 4096)
        self.assertEqual(client.read(CONFIG, 0, 256), whole[:256])
        for width in (1, 2, 3, 4, 5, 8):
            for offset in range(0, 72):
                self.assertEqual(client.read(CONFIG, offset, width), whole[offset:offset + width])

    def test_nothing_to_read_or_write(self):
        client = self.client()
        self.assertEqual(client.read(CONFIG, 0, 0), b"")
        self.assertEqual(client.read(CONFIG, 4096, 0), b"")
        client.write(CONFIG, 4096, b"")
        self.assertEqual(client.read(0, 0, 0), b"")

    def test_outside(self):
        client = self.client()
        client.command(2)
        for region, offset, size in ((CONFIG, 4096, 1), (CONFIG, 4093, 4), (CONFIG, 1 << 63, 4), (8, 0, 1), (6, 0, 4),
                                     (9, 0, 4), (0xffffffff, 0, 4), (0, (1 << 64) - 1, 4), (1, 1024, 1),
                                     (CONFIG, 4097, 0)):
            self.refused(errno.EINVAL, client.read, region, offset, size)
            self.refused(errno.EINVAL, client.write, region, offset, bytes(size))
            client.write(region, offset, bytes(size), NO_REPLY)
        self.refused(errno.EINVAL, client.call, REGION_READ, struct.pack("=QII", 0, 4, 0xffffffff))
        self.assertEqual(client.info()[2:], (9, 5))

    def test_count_and_body_differ(self):
        client = self.client()
        for size, data in ((4, 3), (4, 5), (0, 1), (0xffffffff, 4)):
            self.refused(errno.EINVAL, client.call, REGION_WRITE, struct.pack("=QII", 0x3c, CONFIG, size) + bytes(data))

    def test_memory_off_reads_ones_and_drops_writes(self):
        client = self.client()
        client.command(2)
        client.write32(2, 0, 0x12345678)
        client.command(0)
        self.assertEqual(client.read(2, 0, 4), b"\xff" * 4)
        self.assertEqual(client.read(4, 0, 100000), b"\xff" * 100000)
        for _ in range(1000):
            client.write32(2, 0, 0, NO_REPLY)
        client.write32(2, 0, 0)
        client.command(2)
        self.assertEqual(client.read32(2, 0), 0x12345678)
        self.assertTrue(self.server.said("dropped"))
        self.assertEqual(self.server.log().count("dropped"), 1)

    def test_posted_writes_are_never_answered(self):
        client = self.client()
        client.command(2)
        for n in range(100):
            client.write32(2, 4 * n, n, NO_REPLY)
        client.write(99, 0, b"x", NO_REPLY)
        client.send(REGION_WRITE, b"x", flags=NO_REPLY)
        client.send(REGION_WRITE, bytes(2000000), flags=NO_REPLY)
        self.assertTrue(client.quiet())
        self.assertEqual(struct.unpack("<100I", client.read(2, 0, 400)), tuple(range(100)))
        client.send(RESET, flags=NO_REPLY)
        self.assertTrue(client.quiet())

    def test_write_multi(self):
        client = self.client()
        client.command(2)
        entries = [(0, 2, 4, b"abcd"), (4, 2, 8, b"efghijkl"), (0x3c, CONFIG, 1, b"\x77"), (12, 2, 0, b"")]
        body = b"".join(struct.pack("=QII", *entry[:3]) + entry[3].ljust(8, b"\0") for entry in entries)
        reply = client.call(WRITE_MULTI, struct.pack("=Q", 4) + body)
        self.assertEqual(reply.body, struct.pack("=Q", 4))
        self.assertEqual(client.read(2, 0, 12), b"abcdefghijkl")
        self.assertEqual(client.read(CONFIG, 0x3c, 1), b"\x77")
        client.send(WRITE_MULTI, struct.pack("=Q", 1) + struct.pack("=QII", 0, 2, 1) + b"z" * 8, flags=NO_REPLY)
        self.assertEqual(client.read(2, 0, 2), b"zb")

    def test_write_multi_is_all_or_nothing(self):
        client = self.client()
        client.command(2)
        good = struct.pack("=QII", 0, 2, 4) + b"good\0\0\0\0"
        for bad in (struct.pack("=QII", 0, 2, 9) + bytes(8), struct.pack("=QII", 1 << 40, 2, 4) + bytes(8),
                    struct.pack("=QII", 0, 99, 4) + bytes(8), bytes(23), b""):
            self.refused(errno.EINVAL, client.call, WRITE_MULTI, struct.pack("=Q", 2) + good + bad)
        self.refused(errno.EINVAL, client.call, WRITE_MULTI, struct.pack("=Q", 1 << 61) + good)
        self.assertEqual(client.read(2, 0, 4), bytes(4))
        client.call(WRITE_MULTI, struct.pack("=Q", 0))

    def test_reset(self):
        client = self.client()
        client.command(6)
        client.reset()
        self.assertEqual(client.read(CONFIG, 4, 2), b"\0\0")

    def test_dump_of_256_bytes(self):
        server = self.dump(DUMP)
        client = Client(server)
        self.addCleanup(client.close)
        self.assertEqual(client.region_info(CONFIG)[1][4], 256)
        self.assertEqual(client.read(CONFIG, 0, 4), b"\x34\x12\x78\x56")
        self.refused(errno.EINVAL, client.read, CONFIG, 0, 4096)
        self.assertEqual(client.region_info(0)[1][4], 65536)


class Deadline(Case):
    FUNC = "sim:endpoint-test,flr=never"
    OPTIONS = ("--timeout", "300")

    def test_a_reset_that_never_ends(self):
        client = self.client()
        other = Server()
        self.addCleanup(other.stop)
        began = time.monotonic()
        id = client.send(RESET)
        # What came after it waits, in order.
        client.send(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0))
        client.send(REGION_READ, struct.pack("=QII", 0, CONFIG, 4))
        self.assertTrue(client.quiet(0.1))
        self.refused(errno.ETIMEDOUT, client.reply, id)
        self.assertLess(time.monotonic() - began, 1)
        client.reply(id + 1, GET_INFO)
        self.assertEqual(client.reply(id + 2, REGION_READ).body[16:], b"\xff" * 4)
        self.assertTrue(self.server.said("quarantine"), self.server.log())

    def test_client_that_leaves_meanwhile(self):
        client = self.client()
        client.send(RESET)
        client.close()
        # Making it as new takes a reset, which never ends: the next is told so, soon.
        began = time.monotonic()
        second = self.client(version=False)
        self.refused(errno.ETIMEDOUT, second.version)
        self.assertTrue(second.closed())
        self.assertLess(time.monotonic() - began, 1.5)

    def test_flood_behind_it_is_bounded(self):
        client = self.client()
        client.send(RESET)
        client.socket.settimeout(0.1)
        sent = 0
        try:
            while sent < 64 << 20:
                client.send_raw(client.message(REGION_WRITE, struct.pack("=QII", 0, 2, 65536) + bytes(65536),
                                               flags=NO_REPLY))
                sent += 65536
        except TimeoutError:
            pass
        self.assertLess(sent, 8 << 20)
        self.assertLess(self.server.memory(), 64 << 10)


class SlowReset(Case):
    FUNC = "sim:endpoint-test,flr=200"

    def test_reply_comes_when_it_is_done(self):
        client = self.client()
        began = time.monotonic()
        id = client.send(RESET)
        client.send(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0))
        client.reply(id, RESET)
        client.reply(id + 1, GET_INFO)
        self.assertGreater(time.monotonic() - began, 0.15)

    def test_next_client_is_held_until_the_function_is_ready(self):
        client = self.client()
        client.command(6)
        client.close()
        time.sleep(0.05)
        began = time.monotonic()
        second = self.client()
        self.assertEqual(second.read(CONFIG, 4, 2), b"\0\0")
        self.assertGreater(time.monotonic() - began, 0.05)

    def test_messages_wait_with_their_descriptors(self):
        client = self.client()
        fd = self.memfd(1 << 20)
        client.send(RESET)
        ids = [client.send(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 4096 * n, 4096 * n, 4096), [fd]) for n in range(100)]
        client.reply(command=RESET)
        for id in ids:
            client.reply(id, DMA_MAP)
        for n in range(100):
            client.unmap(4096 * n, 4096)


class Trace(unittest.TestCase):
    def trace(self, name, use):
        server = Server()
        path = os.path.join(server.directory, name)
        server.stop()
        os.makedirs(server.directory)
        server = Server("sim:endpoint-test", "--trace", path)
        client = Client(server)
        use(client, path)
        client.close()
        server.process.terminate()
        server.process.wait(5)
        with (gzip.open if name.endswith("gz") else open)(path, "rt", encoding="ascii") as file:
            lines = file.read().splitlines()
        server.stop()
        os.path.isdir(os.path.dirname(path)) and __import__("shutil").rmtree(os.path.dirname(path))
        return lines

    @staticmethod
    def use(client, _):
        client.read(CONFIG, 0, 4)
        client.write(CONFIG, 4, b"\6\0")
        client.write(CONFIG, 4, b"\0\0")
        client.read(CONFIG, 0x3c, 1)
        client.read(CONFIG, 1, 3)
        client.write(CONFIG, 0x3b, b"\0\x12\0")
        client.read(0, 0x30, 4)
        client.reset()
        try:
            client.read(CONFIG, 0xfff, 2)
        except Refused:
            pass

    EXPECTED = ["open", "r 4 000 = 002d1912", "w 2 004 0006", "w 2 004 0000", "# effect: zap", "r 1 03c = 00",
                "rb 3 001 = 19 2d 00", "wb 3 03b 00 12 00", "reset", "r 2 fff ! EFAULT"]

    def test_lines(self):
        lines = self.trace("t.trace", self.use)
        self.assertEqual(lines[0], "# pcigate trace, format 1")
        self.assertEqual([line for line in lines if not line.startswith("# ") or "effect" in line], self.EXPECTED)

    def test_gzip(self):
        lines = self.trace("t.trace.gz", self.use)
        self.assertEqual([line for line in lines if not line.startswith("# ") or "effect" in line], self.EXPECTED)

    def test_there_before_the_server_ends(self):
        def use(client, path):
            self.use(client, path)
            client.info()
            time.sleep(0.05)
            with open(path, encoding="ascii") as file:
                self.assertTrue(file.read().endswith("r 2 fff ! EFAULT\n"))
        self.trace("t.trace", use)

    def test_a_pipe_that_nobody_reads_is_refused(self):
        directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, directory)
        pipe = os.path.join(directory, "pipe")
        os.mkfifo(pipe)
        result = subprocess.run([PCIGATE, "serve", "sim:endpoint-test", "--trace", pipe, "--socket-path",
                                 os.path.join(directory, "s")],
                                capture_output=True, text=True, timeout=5, check=False)
        self.assertEqual(result.returncode, 3)
        self.assertIn(pipe, result.stderr)

    def test_full_disk_stops_the_trace_only(self):
        server = Server("sim:endpoint-test", "--trace", "/dev/full")
        self.addCleanup(server.stop)
        client = Client(server)
        self.addCleanup(client.close)
        for _ in range(3):
            client.read(CONFIG, 0, 4096)
        self.assertTrue(server.said("/dev/full"))
        self.assertEqual(server.log().count("/dev/full"), 1)


if __name__ == "__main__":
    unittest.main()
