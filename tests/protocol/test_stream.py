# SPDX-License-Identifier: BSD-3-Clause
"""Messages however they are cut, however large, and whatever descriptors come with them."""

import errno
import os
import random
import signal
import socket
import struct
import time
import unittest

from vfio_user import *


def read_message(client, offset=0, size=4):
    return client.message(REGION_READ, struct.pack("=QII", offset, CONFIG, size))


def lingering():
    """A TCP socket over data that nobody reads, and its peer: close() of the last reference takes 3 s."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other = server.accept()[0]
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3))
    one.setblocking(False)
    try:
        while True:
            one.send(bytes(65536))
    except BlockingIOError:
        return one, other


class Cuts(Case):
    def test_every_cut_in_two(self):
        client = self.client()
        message = client.message(REGION_WRITE, struct.pack("=QII", 0x3c, CONFIG, 1) + b"\x5a", id=7)
        for cut in range(1, len(message)):
            client.send_raw(message[:cut])
            # The server has to see the first part by itself.
            time.sleep(0.001)
            client.send_raw(message[cut:])
            self.assertEqual(client.reply(7, REGION_WRITE).size, 32)
        self.assertEqual(client.read(CONFIG, 0x3c, 1), b"\x5a")

    def test_one_byte_at_a_time(self):
        client = self.client()
        for byte in read_message(client) + read_message(client, 4):
            client.send_raw(bytes([byte]))
        self.assertEqual(len(client.reply().body), 20)
        self.assertEqual(len(client.reply().body), 20)

    def test_version_one_byte_at_a_time(self):
        client = self.client(version=False)
        for byte in client.message(VERSION, bytes(4) + QEMU_JSON.encode() + b"\0"):
            client.send_raw(bytes([byte]))
        client.reply()

    def test_every_cut_of_a_pipeline(self):
        client = self.client()
        pipeline = b"".join(read_message(client, 4 * n) for n in range(3))
        for cut in range(1, len(pipeline), 3):
            client.send_raw(pipeline[:cut])
            client.send_raw(pipeline[cut:])
            for n in range(3):
                self.assertEqual(client.reply().body[:8], struct.pack("=Q", 4 * n))

    def test_the_end_of_the_stream_comes_with_the_last_message(self):
        client = self.client()
        # Both are there before the server looks.
        os.kill(self.server.process.pid, signal.SIGSTOP)
        try:
            client.send_raw(read_message(client))
            client.socket.shutdown(socket.SHUT_WR)
        finally:
            os.kill(self.server.process.pid, signal.SIGCONT)
        self.assertEqual(len(client.reply().body), 20)
        self.assertTrue(client.closed())

    def test_pipeline_is_answered_in_order(self):
        client = self.client()
        total = 20000
        data = b"".join(client.message(REGION_READ, struct.pack("=QII", 0, CONFIG, 4), id=n & 0xffff)
                        for n in range(total))
        client.socket.setblocking(False)
        sent = got = 0
        end = time.monotonic() + 10
        while got < total and time.monotonic() < end:
            readable, writable, _ = select.select([client.socket], [client.socket] if sent < len(data) else [], [], 1)
            if writable:
                sent += client.socket.send(data[sent:sent + 100000])
            if readable:
                client.buffer += client.socket.recv(100000)
                while len(client.buffer) >= 36:
                    self.assertEqual(client.receive().id, got & 0xffff)
                    got += 1
        self.assertEqual(got, total)

    def test_a_header_is_never_cut(self):
        """QEMU dies of a header that comes in less than one read: no piece we get may end inside one."""
        client = self.client()
        for _ in range(4):
            for n in range(150):
                client.send_raw(client.message(REGION_READ, struct.pack("=QII", 0, CONFIG, (n * 7) % 200)))
            rest = 0
            done = 0
            while done < 150:
                piece = client.socket.recv(16)
                self.assertEqual(len(piece), 16)
                rest = HEADER.unpack(piece)[2] - 16
                while rest:
                    rest -= len(client.socket.recv(rest))
                done += 1


class Sizes(Case):
    def test_header_says_less_than_a_header(self):
        for size in (0, 1, 15):
            client = self.client()
            client.send(GET_INFO, size=size)
            self.refused(errno.EINVAL, client.reply)
            self.assertTrue(client.closed())

    def test_body_missing(self):
        client = self.client()
        for command in (DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, SET_IRQS, REGION_READ,
                        REGION_WRITE, WRITE_MULTI):
            self.refused(errno.EINVAL, client.call, command)
            self.refused(errno.EINVAL, client.call, command, bytes(3))
        self.assertEqual(client.info()[2:], (9, 5))

    def test_too_large_is_refused_and_swallowed(self):
        client = self.client()
        for size in (1048576 + 4097, 3000000):
            id = client.send(REGION_WRITE, bytes(size - 16))
            self.refused(errno.EMSGSIZE, client.reply, id)
            self.assertEqual(client.info()[2:], (9, 5))

    def test_too_large_with_descriptors(self):
        client = self.client()
        client.info()
        before = self.server.fds()
        fd = self.memfd(4096)
        client.send(DMA_MAP, bytes(2000000), [fd] * 5)
        self.refused(errno.EMSGSIZE, client.reply)
        self.assertEqual(client.info()[2:], (9, 5))
        self.assertEqual(self.server.settled_fds(before), before)

    def test_nothing_large_before_version(self):
        client = self.client(version=False)
        client.send_raw(client.message(VERSION, size=200000))
        self.refused(errno.EMSGSIZE, client.reply)
        self.assertTrue(client.closed())

    def test_a_mebibyte_each_way(self):
        client = self.client()
        client.command(2)
        data = random.Random(1).randbytes(1 << 20)
        client.write(4, 0, data)
        self.assertEqual(client.read(4, 0, 1 << 20), data)
        self.refused(errno.EINVAL, client.read, 4, 0, (1 << 20) + 1)

    def test_around_64_kib(self):
        client = self.client()
        client.command(2)
        for size in (65535, 65536, 65537, 65536 + 256 - 32, 65536 + 256 - 31, 140000):
            data = random.Random(size).randbytes(size)
            client.write(4, 3, data)
            client.send_raw(read_message(client))
            client.reply()
            self.assertEqual(client.read(4, 3, size), data)


class Silent(Case):
    def test_one_that_has_to_wait_before_its_version_is_answered(self):
        """More descriptors than can be closed aside at once: its turn comes again before its time is up."""
        client = self.client(version=False)
        slow, other = lingering()
        one, two = socket.socketpair()
        hello = client.message(VERSION, bytes(4) + QEMU_JSON.encode() + b"\0", id=5)
        # The first 253 are kept for the message, all others are closed.
        client.send_raw(hello[:1], [one.fileno()] * 253)
        client.send_raw(hello[1:2], [slow.fileno()])
        os.close(slow.detach())
        for at in range(2, 8):
            client.send_raw(hello[at:at + 1], [one.fileno()] * 253)
        began = time.monotonic()
        client.send_raw(hello[8:])
        self.refused(errno.EMFILE, client.reply, 5, VERSION)
        self.assertLess(time.monotonic() - began, 2)
        for end in (one, two, other):
            end.close()


class Descriptors(Case):
    def setUp(self):
        super().setUp()
        self.c = self.client()
        self.c.info()
        self.before = self.server.fds()

    def tearDown(self):
        self.assertEqual(self.c.info()[2:], (9, 5))
        self.assertEqual(self.server.settled_fds(self.before), self.before)

    def test_unexpected_ones_are_closed(self):
        fd = self.memfd(4096)
        for n in (1, 16, 253):
            self.c.call(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0), [fd] * n)

    def test_unexpected_ones_of_every_kind(self):
        one, other = socket.socketpair()
        with open("/dev/null", "rb") as null, open(__file__, "rb") as file, one, other:
            self.c.call(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0), [null.fileno(), file.fileno(), one.fileno()])

    def test_closing_one_stalls_nobody(self):
        peer, other = lingering()
        id = self.c.send(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0), [peer.fileno()])
        os.close(peer.detach())
        began = time.monotonic()
        self.c.reply(id)
        self.c.info()
        self.assertLess(time.monotonic() - began, 1)
        other.close()

    def test_253_eventfds_in_one_message(self):
        # More than were negotiated, and more than there are vectors: refused for the second reason only.
        fd = self.eventfd()
        self.refused(errno.EINVAL, self.c.set_irqs, EVENTFD | TRIGGER, MSIX, 0, 253, fds=[fd] * 253)

    def test_with_the_first_byte_only(self):
        fd = self.memfd(8192)
        message = self.c.message(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 0, 8192), id=99)
        self.c.send_raw(message[:1], [fd])
        for byte in message[1:]:
            self.c.send_raw(bytes([byte]))
        self.c.reply(99, DMA_MAP)
        # It is the file that is reached, not messages.
        os.pwrite(fd, b"\x11\x22\x33\x44", 0)
        self.assertEqual(transfer(self.c, 0, 4), crc(b"\x11\x22\x33\x44"))
        self.c.unmap(0, 8192)

    def test_behind_other_messages(self):
        """The kernel puts what was sent before in front of a chunk with descriptors: they are the last one's."""
        fd = self.memfd(8192)
        info = self.c.message(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0), id=1)
        mapping = self.c.message(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 0, 8192), id=2)
        for _ in range(50):
            for _ in range(3):
                self.c.send_raw(info)
            self.c.send_raw(mapping, [fd])
            self.c.send_raw(info)
            for id in (1, 1, 1, 2, 1):
                self.c.reply(id)
            self.c.unmap(0, 8192)

    def test_one_message_ends_and_another_begins_in_a_chunk(self):
        first, second = self.memfd(8192), self.memfd(8192)
        os.pwrite(first, b"first", 0)
        os.pwrite(second, b"other", 0)
        a = self.c.message(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 0, 8192), id=1)
        b = self.c.message(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 8192, 8192), id=2)
        self.c.send_raw(a[:10], [first])
        time.sleep(0.05)
        self.c.send_raw(a[10:] + b[:9], [second])
        time.sleep(0.05)
        self.c.send_raw(b[9:])
        self.c.reply(1)
        self.c.reply(2)
        self.assertEqual(transfer(self.c, 0, 5), crc(b"first"))
        self.assertEqual(transfer(self.c, 8192, 5), crc(b"other"))
        self.c.unmap(0, 8192)
        self.c.unmap(8192, 8192)

    def test_more_than_253_over_many_chunks(self):
        fd = self.memfd(4096)
        message = self.c.message(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 0, 4096))
        for byte in message[:-1]:
            self.c.send_raw(bytes([byte]), [fd] * 20)
        self.c.send_raw(message[-1:])
        self.refused(errno.EMFILE, self.c.reply)

    def test_two_for_one_map(self):
        self.refused(errno.EINVAL, self.c.map, 0, 4096, fds=[self.memfd(4096)] * 2)


class Exhausted(unittest.TestCase):
    def test_no_descriptors_left_fails_that_message_only(self):
        import resource
        server = Server(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        self.addCleanup(server.stop)
        client = Client(server)
        self.addCleanup(client.close)
        before = server.fds()
        fd = eventfd()
        self.addCleanup(os.close, fd)
        with self.assertRaises(Refused) as caught:
            client.call(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0), [fd] * 200)
        self.assertEqual(caught.exception.errno, errno.EMFILE)
        self.assertEqual(client.info()[2:], (9, 5))
        self.assertEqual(server.settled_fds(before), before)


class Noise(Case):
    def test_nonsense_does_not_fill_the_log(self):
        for _ in range(1000):
            client = Client(self.server, version=False)
            client.send(VERSION, b"bad!!")
            client.close()
        client = self.client()
        for _ in range(1000):
            client.send(DMA_READ, bytes(16), flags=REPLY)
        client.info()
        self.assertTrue(self.server.said("client refused"))
        self.assertLess(len(self.server.lines), 50)

    def test_random_bytes(self):
        noise = random.Random(20)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            client = self.client(version=noise.random() < 0.7)
            try:
                for _ in range(20):
                    client.send_raw(noise.randbytes(noise.randrange(1, 300)))
            except (BrokenPipeError, ConnectionResetError):
                pass
            client.close()
        self.assertEqual(self.client().info()[2:], (9, 5))

    def test_random_messages(self):
        noise = random.Random(21)
        fd = self.memfd(65536)
        interesting = (0, 1, 2, 3, 4, 7, 16, 32, 36, 0x24, 4096, 0x7fffffff, 0xffffffff)
        end = time.monotonic() + 1
        client = self.client()
        client.socket.setblocking(False)
        while time.monotonic() < end:
            words = [noise.choice(interesting) if noise.random() < 0.8 else noise.getrandbits(32)
                     for _ in range(noise.randrange(0, 12))]
            body = struct.pack(f"={len(words)}I", *words)
            try:
                client.send_raw(client.message(noise.randrange(0, 20), body, flags=noise.choice((0, 0, 0, 1, 16, 32))),
                                [fd] * noise.choice((0, 0, 0, 1, 2)))
                client.socket.recv(1 << 20)
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                client.close()
                client = self.client()
                client.socket.setblocking(False)
        client.close()
        self.assertEqual(self.client().info()[2:], (9, 5))


def crc(data):
    import zlib
    return zlib.crc32(data) ^ 0xffffffff


def transfer(client, address, size):
    """Let the function read memory: the checksum it comes to, as it tells by success."""
    client.command(6)
    client.write(0, EP_SRC, struct.pack("<Q", address))
    client.write32(0, EP_SIZE, size)
    # It compares with a checksum: give it a wrong one, and it still says nothing but the right or wrong.
    for guess in (crc(b"first"), crc(b"other"), crc(b"\x11\x22\x33\x44")):
        client.write32(0, EP_CHECKSUM, guess)
        client.write32(0, EP_COMMAND, EP_READ)
        end = time.monotonic() + 2
        while not client.read32(0, EP_STATUS) & 3 and time.monotonic() < end:
            pass
        if client.read32(0, EP_STATUS) & 1:
            return guess
    return None


if __name__ == "__main__":
    unittest.main()
