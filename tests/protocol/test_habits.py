# SPDX-License-Identifier: BSD-3-Clause
"""Real clients, played: what they send, in which order, and what they cannot bear."""

import errno
import os
import struct
import unittest

from vfio_user import *


class Qemu(Case):
    """QEMU 11: reads 16 bytes with the descriptors, then the body; counts ids; wants at most one descriptor."""

    def receive(self, client):
        data, control, _, _ = client.socket.recvmsg(16, 4096)
        self.assertEqual(len(data), 16, "a header that arrives in pieces is fatal to it")
        message = Message(data, [])
        for _, _, fds in control:
            message.fds += struct.unpack(f"={len(fds) // 4}i", fds)
        self.assertLessEqual(len(message.fds), 1)
        rest = message.size - 16
        while rest:
            message.body += client.socket.recv(rest)
            rest = message.size - 16 - len(message.body)
        return message

    def ask(self, client, command, body=b"", fds=()):
        id = client.send(command, body, fds)
        message = self.receive(client)
        self.assertEqual((message.id, message.command, message.flags), (id, command, REPLY))
        return message

    def read(self, client, offset, size, region=CONFIG):
        message = self.ask(client, REGION_READ, struct.pack("=QII", offset, region, size))
        self.assertEqual(message.size, 32 + size)
        return message.body[16:]

    def write(self, client, offset, data):
        self.ask(client, REGION_WRITE, struct.pack("=QII", offset, CONFIG, len(data)) + data)

    def irqs(self, client, flags, index, start, number, fds=()):
        self.ask(client, SET_IRQS, struct.pack("=IIIII", 20, flags, index, start, number), fds)

    def realize(self, client, ram):
        version = self.ask(client, VERSION, bytes(4) + QEMU_JSON.encode() + b"\0")
        self.assertEqual(version.body[4:], OUR_JSON.encode() + b"\0")
        maps = [(3, 0, 0, 0x80000000, ram), (1, 0, 0xfffc0000, 0x40000, None), (3, 0, 0x100000000, 0x1000000, ram)]
        ids = [client.send(DMA_MAP, struct.pack("=IIQQQ", 32, flags, offset, iova, size), [] if fd is None else [fd])
               for flags, offset, iova, size, fd in maps]
        self.assertEqual([self.receive(client).id for _ in maps], ids)
        info = struct.unpack("=IIII", self.ask(client, GET_INFO, struct.pack("=IIII", 16, 0, 0, 0)).body)
        self.assertTrue(info[1] & 2 and 8 <= info[2] <= 100 and 3 <= info[3] <= 50)
        for index in (0, 1, 2, 3, 4, 5, 7):
            region = self.ask(client, GET_REGION_INFO, struct.pack("=IIIIQQ", 32, 0, index, 0, 0, 0))
            argsz = struct.unpack_from("=I", region.body)[0]
            self.assertGreaterEqual(len(region.body), 32)
            for fd in region.fds:
                os.close(fd)
            if argsz > 32:
                region = self.ask(client, GET_REGION_INFO, struct.pack("=IIIIQQ", argsz, 0, index, 0, 0, 0))
                self.assertEqual(len(region.body), argsz)
        self.ask(client, GET_IRQ_INFO, struct.pack("=IIII", 16, 0, ERR, 0))
        self.assertEqual(len(self.read(client, 0, 4096)), 4096)
        rom = self.read(client, 0x30, 4)
        self.write(client, 0x30, b"\xff\xff\xff\xff")
        self.read(client, 0x30, 4)
        self.write(client, 0x30, rom)
        for offset, size in ((0x10, 4), (0x18, 4), (0xb2, 2), (0xb4, 4), (0xb8, 4), (0x52, 2), (0x3d, 1)):
            self.read(client, offset, size)
        self.ask(client, GET_IRQ_INFO, struct.pack("=IIII", 16, 0, MSIX, 0))

    def test_realize_reset_and_exit(self):
        client = self.client(version=False)
        ram = self.memfd(0x80000000)
        self.realize(client, ram)
        intx, err, resample = self.eventfd(), self.eventfd(), self.eventfd()
        self.irqs(client, 0x24, INTX, 0, 1, [intx])
        self.irqs(client, 0x24, ERR, 0, 1, [err])
        # Machine reset, twice.
        for _ in range(2):
            self.irqs(client, 0x21, INTX, 0, 0)
            self.write(client, 4, b"\0\0")
            self.read(client, 0x40, 4)
            self.ask(client, RESET)
            self.irqs(client, 0x24, INTX, 0, 1, [intx])
            for bar in range(0x10, 0x28, 4):
                self.write(client, bar, bytes(4))
        # INTx with KVM, done and undone.
        for _ in range(3):
            self.irqs(client, 0x24, INTX, 0, 1, [intx])
            self.irqs(client, 0x09, INTX, 0, 1)
            self.irqs(client, 0x14, INTX, 0, 1, [resample])
            self.irqs(client, 0x11, INTX, 0, 1)
            self.irqs(client, 0x21, INTX, 0, 0)
        # PAM registers toggle: RAM is mapped again and again, BAR windows without a descriptor.
        for _ in range(4):
            self.ask(client, DMA_UNMAP, struct.pack("=IIQQ", 24, 0, 0, 0x80000000))
            pieces = ((0, 0xc0000), (0xc0000, 0x20000), (0xe0000, 0x20000), (0x100000, 0x7ff00000))
            for iova, size in pieces:
                self.ask(client, DMA_MAP, struct.pack("=IIQQQ", 32, 3, iova, iova, size), [ram])
            self.ask(client, DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 0xfe000000, 0x4000))
            self.ask(client, DMA_UNMAP, struct.pack("=IIQQ", 24, 0, 0xfe000000, 0x4000))
            for iova, size in pieces:
                self.ask(client, DMA_UNMAP, struct.pack("=IIQQ", 24, 0, iova, size))
            self.ask(client, DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 0, 0x80000000), [ram])
        client.close()
        # device_add with the same id.
        self.realize(self.client(version=False), ram)

    def test_bars_and_command_are_taken_and_stay_virtual(self):
        client = self.client()
        client.write32(CONFIG, 0x10, 0xfebf0000)
        self.assertEqual(client.read32(CONFIG, 0x10) & ~0xf, 0xfebf0000)
        client.write32(CONFIG, 0x10, 0xffffffff)
        size = -(client.read32(CONFIG, 0x10) & ~0xf) & 0xffffffff
        self.assertEqual(size, client.region_info(0)[1][4])


class CloudHypervisor(Case):
    """Never looks at errors: one where it waits for a reply of fixed size stops the VMM for ever."""

    def fixed(self, client, command, body, size):
        client.send(command, body)
        data = b""
        while len(data) < size:
            data += client.socket.recv(size - len(data))
        message = Message(data, [])
        self.assertEqual((message.flags, message.size), (REPLY, size))
        return message.body

    def test_all_it_does(self):
        client = self.client(version=False)
        client.version('{"capabilities":{"max_msg_fds":1,"max_data_xfer_size":1048576,'
                       '"migration":{"pgsize":4096}}}', minor=1)
        info = self.fixed(client, GET_INFO, struct.pack("=IIII", 32, 0, 0, 0), 32)
        for index in range(struct.unpack("=IIII", info)[2]):
            self.region(client, index)
        for index in range(5):
            self.fixed(client, GET_IRQ_INFO, struct.pack("=IIII", 16, 0, index, 0), 32)
        ram = self.memfd(1 << 20)
        client.map(0, 1 << 20, fd=ram)
        # Memory is off: as a bus would, all ones.
        self.assertEqual(self.fixed(client, REGION_READ, struct.pack("=QII", 0, 0, 4), 36)[16:], b"\xff" * 4)
        self.fixed(client, REGION_WRITE, struct.pack("=QII", 0, 0, 4) + bytes(4), 32)
        self.fixed(client, DMA_UNMAP, struct.pack("=IIQQ", 24, 0, 0, 1 << 20), 40)
        # All vectors in chunks of 16, whatever was negotiated.
        fds = [self.eventfd() for _ in range(16)]
        for start in range(0, 32, 16):
            client.set_irqs(EVENTFD | TRIGGER, MSIX, start, 16, fds=fds, argsz=20)

    def region(self, client, index):
        message, info = client.region_info(index)
        self.assertEqual(message.size, 48)
        if info[0] > 32:
            for fd in message.fds:
                os.close(fd)
            argsz = info[0]
            message, info = client.region_info(index, argsz)
            self.assertEqual(info[0], argsz)
            self.assertEqual(info[0] - 32, message.size - 48)
        self.assertEqual(len(message.fds), 1 if info[1] & 4 else 0)
        for fd in message.fds:
            os.close(fd)


class Spdk(Case):
    """No JSON, every id 0, the body of a reply in one read, region infos of 4 KiB, descriptors with unmaps."""

    def ask(self, client, command, body=b"", fds=()):
        client.send(command, body, fds, id=0)
        header, control, _, _ = client.socket.recvmsg(16, 4096)
        message = Message(header, [])
        for _, _, raw in control:
            message.fds += struct.unpack(f"={len(raw) // 4}i", raw)
        if message.size > 16:
            message.body = client.socket.recv(message.size - 16)
        self.assertEqual(len(message.body), message.size - 16)
        self.assertEqual((message.id, message.flags), (0, REPLY))
        return message

    def test_all_it_does(self):
        client = self.client(version=False)
        self.ask(client, VERSION, bytes(4))
        regions = struct.unpack("=IIII", self.ask(client, GET_INFO, struct.pack("=IIII", 16, 0, 0, 0)).body)[2]
        for index in range(regions):
            message = self.ask(client, GET_REGION_INFO, struct.pack("=IIIIQQ", 4096, 0, index, 0, 0, 0) + bytes(4064))
            argsz, flags, _, cap, _, _ = struct.unpack_from("=IIIIQQ", message.body)
            self.assertEqual(len(message.body), argsz)
            if cap:
                self.assertEqual(struct.unpack_from("=I", message.body, cap + 8)[0], len(message.fds))
            for fd in message.fds:
                os.close(fd)
        memory = self.memfd(1 << 21)
        for _ in range(3):
            self.ask(client, DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, 1 << 30, 1 << 21), [memory])
            self.ask(client, DMA_UNMAP, struct.pack("=IIQQ", 24, 0, 1 << 30, 1 << 21), [memory])
        self.ask(client, REGION_WRITE, struct.pack("=QII", 4, CONFIG, 2) + b"\6\0")
        self.assertEqual(len(self.ask(client, REGION_READ, struct.pack("=QII", 0, 4, 200000)).body), 200016)
        self.ask(client, RESET)


class Sparse(Case):
    """A region of which only part can be mapped: the registers of a large BAR with the MSI-X table in it."""

    FUNC = "sim:endpoint-test"

    def test_complete_or_not_at_all(self):
        table = "".join(f"{n:02x}: " + " ".join(["00"] * 16) + "\n" for n in range(0x50, 0x100, 16))
        server = self.dump("01:00.0 Network controller: Test\n"
                           "\tRegion 0: Memory at f0000000 (32-bit, non-prefetchable) [size=64K]\n"
                           "00: 34 12 78 56 06 00 10 00 01 00 00 02 00 00 00 00\n"
                           "10: 00 00 00 f0 00 00 00 00 00 00 00 00 00 00 00 00\n"
                           "20: 00 00 00 00 00 00 00 00 00 00 00 00 34 12 01 00\n"
                           "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 01 00 00\n"
                           "40: 11 00 03 00 00 20 00 00 00 30 00 00 00 00 00 00\n" + table + "\n")
        client = Client(server)
        self.addCleanup(client.close)
        message, info = client.region_info(0)
        if not info[1] & 4:
            self.skipTest("this region cannot be mapped at all")
        self.assertTrue(info[1] & 8)
        self.assertEqual((message.size, info[3], message.fds), (48, 32, []))
        message, info = client.region_info(0, info[0])
        self.assertEqual((message.size, len(message.fds), info[3]), (16 + info[0], 1, 32))
        id, version, following, areas = struct.unpack_from("=HHII", message.body, 32)
        self.assertEqual((id, version, following), (1, 1, 0))
        self.assertEqual(info[0], 32 + 16 + 16 * areas)
        for n in range(areas):
            offset, size = struct.unpack_from("=QQ", message.body, 48 + 16 * n)
            self.assertEqual((offset % 4096, size % 4096), (0, 0))
            self.assertLessEqual(offset + size, info[4])
            self.assertTrue(offset + size <= 0x2000 or offset >= 0x3000, "the table is never mapped")
        os.close(message.fds[0])


if __name__ == "__main__":
    unittest.main()
