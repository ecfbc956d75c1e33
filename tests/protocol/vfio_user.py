# SPDX-License-Identifier: BSD-3-Clause
"""A raw vfio-user client, every field of which can be set, and the server it talks to."""

import array
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

PCIGATE = os.environ.get(
    "PCIGATE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "pcigate"))

VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_REGION_IO_FDS, GET_IRQ_INFO, SET_IRQS = range(1, 9)
REGION_READ, REGION_WRITE, DMA_READ, DMA_WRITE, RESET, DIRTY_PAGES, WRITE_MULTI, FEATURE = range(9, 17)
MIG_READ, MIG_WRITE = 17, 18

REPLY, NO_REPLY, ERROR = 1, 0x10, 0x20
HEADER = struct.Struct("=HHIII")

CONFIG = 7
INTX, MSI, MSIX, ERR, REQ = range(5)
NONE, BOOL, EVENTFD, MASK, UNMASK, TRIGGER = 1, 2, 4, 8, 16, 32

QEMU_JSON = ('{"capabilities":{"pgsizes":4096,"max_msg_fds":16,"max_dma_maps":65535,"max_data_xfer_size":1048576,'
             '"migration":{"max_bitmap_size":268435456,"pgsize":4096},"write_multiple":true}}')
OUR_JSON = ('{"capabilities":{"max_msg_fds":16,"max_data_xfer_size":1048576,"max_dma_maps":65535,"pgsizes":4096,'
            '"write_multiple":true}}')

# Registers of sim:endpoint-test in BAR 0.
EP_MAGIC, EP_COMMAND, EP_STATUS, EP_SRC, EP_DST, EP_SIZE, EP_CHECKSUM = 0x0, 0x4, 0x8, 0xc, 0x14, 0x1c, 0x20
EP_IRQ_TYPE, EP_IRQ_NUMBER, EP_FLAGS = 0x24, 0x28, 0x2c
EP_RAISE_INTX, EP_RAISE_MSI, EP_RAISE_MSIX, EP_READ, EP_WRITE, EP_COPY = 1, 2, 4, 8, 16, 32


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, error):
        super().__init__(os.strerror(error))
        self.errno = error


class Message:
    def __init__(self, raw, fds):
        self.id, self.command, self.size, self.flags, self.error = HEADER.unpack(raw[:16])
        self.body = raw[16:]
        self.fds = fds


class Server:
    """`pcigate serve` on a socket in a directory of its own."""

    def __init__(self, func="sim:endpoint-test", *options, listen=True, **popen):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.path = os.path.join(self.directory, "socket")
        arguments = [PCIGATE, "serve", func] + (["--socket-path", self.path] if listen else []) + list(options)
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, **popen)
        self.lines = []
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if listen and not self.ready.wait(10):
            raise RuntimeError("server did not start: " + self.log())

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode(errors="replace"))
            if line.startswith(b"listening on"):
                self.ready.set()
        self.ready.set()

    def log(self):
        return "".join(self.lines)

    def said(self, text, seconds=2):
        """Whether the server says it, now or soon."""
        end = time.monotonic() + seconds
        while text not in self.log() and time.monotonic() < end:
            time.sleep(0.01)
        return text in self.log()

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def settled_fds(self, want, seconds=2):
        """Closing may take a moment: how many there are in the end."""
        end = time.monotonic() + seconds
        while self.fds() != want and time.monotonic() < end:
            time.sleep(0.01)
        return self.fds()

    def memory(self):
        """Resident memory in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(10)
        self.reader.join(5)
        self.process.stderr.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status


class Client:
    def __init__(self, where, version=True, json=QEMU_JSON, timeout=5):
        if isinstance(where, socket.socket):
            self.socket = where
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(where.path if isinstance(where, Server) else where)
        self.socket.settimeout(timeout)
        self.next_id = 0
        self.buffer = b""
        self.fds = []
        self.memory = {}  # address -> bytearray, for what the server asks
        if version:
            self.version(json)

    # what goes out

    def message(self, command, body=b"", flags=0, id=None, size=None, error=0):
        if id is None:
            id = self.next_id
            self.next_id = (self.next_id + 1) & 0xffff
        return HEADER.pack(id, command, 16 + len(body) if size is None else size, flags, error) + body

    def send_raw(self, data, fds=()):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.socket.sendmsg([data], control)
        if sent < len(data):
            self.socket.sendall(data[sent:])

    def send(self, command, body=b"", fds=(), **fields):
        message = self.message(command, body, **fields)
        self.send_raw(message, fds)
        return HEADER.unpack(message[:16])[0]

    # what comes in

    def _more(self):
        data, control, flags, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(253 * 4))
        for level, kind, fds in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self.fds += list(array.array("i", fds[:len(fds) // 4 * 4]))
        if not data:
            raise EOFError("the server closed the connection")
        self.buffer += data

    def receive(self):
        while len(self.buffer) < 16 or len(self.buffer) < HEADER.unpack(self.buffer[:16])[2]:
            self._more()
        size = HEADER.unpack(self.buffer[:16])[2]
        raw, self.buffer = self.buffer[:size], self.buffer[size:]
        fds, self.fds = self.fds, []
        return Message(raw, fds)

    def reply(self, id=None, command=None):
        """The next reply; what the server asks of memory meanwhile is served."""
        while True:
            message = self.receive()
            if message.flags & 0xf == 0:
                self.serve(message)
                continue
            if id is not None:
                assert message.id == id, (message.id, id)
            if command is not None:
                assert message.command == command, (message.command, command)
            if message.flags & ERROR:
                assert message.size == 16, message.size
                raise Refused(message.error)
            return message

    def serve(self, message):
        address, count = struct.unpack_from("=QQ", message.body)
        for start, memory in self.memory.items():
            if start <= address and address + count <= start + len(memory):
                break
        else:
            self.send_raw(HEADER.pack(message.id, message.command, 16, REPLY | ERROR, 19))
            return
        offset = address - start
        body = message.body[:16]
        if message.command == DMA_READ:
            body += bytes(memory[offset:offset + count])
        else:
            memory[offset:offset + count] = message.body[16:]
        self.send_raw(HEADER.pack(message.id, message.command, 16 + len(body), REPLY, 0) + body)

    def quiet(self, seconds=0.1):
        """Whether nothing comes for a while."""
        return not self.buffer and not select.select([self.socket], [], [], seconds)[0]

    def closed(self, seconds=2):
        """Whether the server hangs up; what it still says is thrown away."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True

    def close(self):
        self.socket.close()

    # commands

    def call(self, command, body=b"", fds=(), **fields):
        id = self.send(command, body, fds, **fields)
        return self.reply(id, command)

    def version(self, json=QEMU_JSON, major=0, minor=0):
        text = b"" if json is None else json.encode() + b"\0"
        return self.call(VERSION, struct.pack("=HH", major, minor) + text)

    def info(self, argsz=16):
        return struct.unpack("=IIII", self.call(GET_INFO, struct.pack("=IIII", argsz, 0, 0, 0)).body)

    def region_info(self, index, argsz=32, padding=0):
        message = self.call(GET_REGION_INFO, struct.pack("=IIIIQQ", argsz, 0, index, 0, 0, 0) + bytes(padding))
        return message, struct.unpack_from("=IIIIQQ", message.body)

    def irq_info(self, index):
        return struct.unpack("=IIII", self.call(GET_IRQ_INFO, struct.pack("=IIII", 16, 0, index, 0)).body)

    def read(self, region, offset, count):
        message = self.call(REGION_READ, struct.pack("=QII", offset, region, count))
        assert message.body[:16] == struct.pack("=QII", offset, region, count)
        return message.body[16:]

    def write(self, region, offset, data, flags=0):
        body = struct.pack("=QII", offset, region, len(data)) + data
        if flags & NO_REPLY:
            self.send(REGION_WRITE, body, flags=flags)
            return
        assert self.call(REGION_WRITE, body).body == body[:16]

    def read32(self, region, offset):
        return struct.unpack("<I", self.read(region, offset, 4))[0]

    def write32(self, region, offset, value, flags=0):
        self.write(region, offset, struct.pack("<I", value), flags)

    def capability(self, wanted):
        """Where a capability of conventional space stands."""
        at = self.read(CONFIG, 0x34, 1)[0]
        while at:
            id, following = self.read(CONFIG, at, 2)
            if id == wanted:
                return at
            at = following
        raise AssertionError(f"there is no capability {wanted:02x}h")

    def command(self, value):
        self.write(CONFIG, 4, struct.pack("<H", value))

    def map(self, iova, size, flags=3, fd=None, offset=0, argsz=32, fds=None, **fields):
        body = struct.pack("=IIQQQ", argsz, flags, offset, iova, size)
        return self.call(DMA_MAP, body, fds if fds is not None else [] if fd is None else [fd], **fields)

    def unmap(self, iova, size, flags=0, argsz=24, fds=()):
        return self.call(DMA_UNMAP, struct.pack("=IIQQ", argsz, flags, iova, size), fds).body

    def set_irqs(self, flags, index, start=0, count=0, data=b"", fds=(), argsz=None):
        body = struct.pack("=IIIII", 20 + len(data) if argsz is None else argsz, flags, index, start, count) + data
        return self.call(SET_IRQS, body, fds)

    def reset(self):
        return self.call(RESET)


def eventfd(value=0, flags=os.EFD_NONBLOCK | os.EFD_CLOEXEC):
    return os.eventfd(value, flags)


def count(fd, seconds=0):
    """What an eventfd has counted since the last look."""
    if not select.select([fd], [], [], seconds)[0]:
        return 0
    return os.eventfd_read(fd)


def memfd(size):
    fd = os.memfd_create("test", os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    return fd


class Case(unittest.TestCase):
    """Tests against one server each; FUNC and OPTIONS say which."""

    FUNC = "sim:endpoint-test"
    OPTIONS = ()

    def setUp(self):
        self.server = Server(self.FUNC, *self.OPTIONS)
        self.addCleanup(self._stop)

    def _stop(self):
        alive = self.server.process.poll() is None
        status = self.server.stop()
        self.assertTrue(alive, "the server died: " + self.server.log())
        self.assertEqual(status, 0, self.server.log())

    def client(self, *arguments, **keywords):
        client = Client(self.server, *arguments, **keywords)
        self.addCleanup(client.close)
        return client

    def refused(self, error, call, *arguments, **keywords):
        with self.assertRaises(Refused) as caught:
            call(*arguments, **keywords)
        self.assertEqual(caught.exception.errno, error, os.strerror(caught.exception.errno))

    def eventfd(self, *arguments):
        fd = eventfd(*arguments)
        self.addCleanup(os.close, fd)
        return fd

    def memfd(self, size):
        fd = memfd(size)
        self.addCleanup(os.close, fd)
        return fd

    def dump(self, text, *options):
        """A server of a function recorded by lspci."""
        path = os.path.join(self.server.directory, "dump.txt")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        server = Server(",".join(["dump:" + path, *options]))
        self.addCleanup(server.stop)
        return server
