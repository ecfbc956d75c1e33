# SPDX-License-Identifier: BSD-3-Clause
"""A vfio-user server of few words: right by the specification, and unlike ours wherever that leaves room.

A test derives from Server and says what its own does otherwise; one that lies overrides answer() or send().
"""

import json
import os
import shutil
import socket
import struct
import tempfile
import threading

VERSION, GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, SET_IRQS, REGION_READ, REGION_WRITE, DMA_READ, RESET = (
    1, 4, 5, 7, 8, 9, 10, 11, 13)
CONFIG = 7
EINVAL, EIO = 22, 5
HEADER = struct.Struct("=HHIII")


class Refused(Exception):
    """An ERROR reply."""


class Gone(Exception):
    """Hang up."""


class Server:
    version = {"capabilities": {"max_msg_fds": 1, "max_data_xfer_size": 1048576}}
    size = 256            # of configuration space
    flags = 2             # DEVICE_GET_INFO: PCI, no reset
    nregions = 8          # no VGA
    bar_size = 0x4000     # BAR 0, 32-bit memory; 0: none

    def __init__(self):
        self.config = bytearray(self.size)
        self.config[0:4] = bytes.fromhex("f41a0110")
        self.config[9:12] = bytes.fromhex("0000ff")
        self.mask = bytearray(self.size)
        self.mask[4:6] = b"\x47\x05" if self.bar_size else b"\x04\x05"
        self.mask[0x0c] = self.mask[0x3c] = 0xff
        if self.bar_size:
            self.mask[0x10:0x14] = struct.pack("<I", -self.bar_size & 0xffffffff)
        self.memory = bytearray(b"\x5a" * self.bar_size)
        self.reads = 0
        self.directory = tempfile.mkdtemp(prefix="pcigate-strange-")
        self.path = os.path.join(self.directory, "socket")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.connection = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        for end in (self.listener, self.connection):
            try:
                if end is not None:
                    end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        # A thread about to wait for clients would wait at whatever gets the descriptor's number next.
        self.thread.join(5)
        self.listener.close()
        shutil.rmtree(self.directory)

    # --- messages ---

    def take(self, size):
        data = b""
        while len(data) < size:
            piece = self.connection.recv(size - len(data))
            if not piece:
                raise Gone
            data += piece
        return data

    def send(self, number, command, flags, error, body):
        self.connection.sendall(HEADER.pack(number, command, 16 + len(body), flags, error) + body)

    def run(self):
        try:
            self.connection, _ = self.listener.accept()
            while True:
                number, command, size, _, _ = HEADER.unpack(self.take(16))
                body = self.take(size - 16)
                try:
                    self.send(number, command, 1, 0, self.answer(command, body))
                except Refused as refusal:
                    self.send(number, command, 0x21, refusal.args[0], b"")
        except (Gone, OSError):
            pass
        if self.connection is not None:
            self.connection.close()

    # --- commands ---

    def answer(self, command, body):
        if command == VERSION:
            text = json.dumps(self.version).encode() + b"\0" if self.version is not None else b""
            return struct.pack("=HH", 0, 0) + text
        if command == GET_INFO:
            return struct.pack("=IIII", 16, self.flags, self.nregions, 5)
        if command == GET_REGION_INFO:
            return self.region_info(struct.unpack_from("=III", body)[2])
        if command == REGION_READ:
            return body[:16] + self.read(*struct.unpack_from("=QII", body))
        if command == REGION_WRITE:
            offset, region, count = struct.unpack_from("=QII", body)
            self.write(offset, region, body[16:16 + count])
            return body[:16]
        if command == RESET and self.flags & 1:
            self.reset()
            return b""
        raise Refused(EINVAL)

    def region_info(self, index):
        if index >= self.nregions:
            raise Refused(EINVAL)
        size = self.size if index == CONFIG else self.bar_size if index == 0 else 0
        return struct.pack("=IIIIQQ", 32, 3 if size else 0, index, 0, size, 0)

    def reset(self):
        for i in range(self.size):
            self.config[i] &= ~self.mask[i]

    def room(self, offset, region, count):
        space = self.config if region == CONFIG else self.memory if region == 0 else b""
        if count == 0 or offset + count > len(space):
            raise Refused(EINVAL)
        return space

    def read(self, offset, region, count):
        self.reads += 1
        space = self.room(offset, region, count)
        if region == 0 and not self.config[4] & 2:
            return b"\xff" * count
        return bytes(space[offset:offset + count])

    def write(self, offset, region, data):
        space = self.room(offset, region, len(data))
        for i, byte in enumerate(data):
            mask = self.mask[offset + i] if region == CONFIG else 0xff
            space[offset + i] = space[offset + i] & ~mask | byte & mask
