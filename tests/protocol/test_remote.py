# SPDX-License-Identifier: BSD-3-Clause
"""A function behind another vfio-user server: a chain of two passes what a single one passes, and a server that lies,
hangs or dies costs its own function and nothing else."""

import errno
import os
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conform"))

import strange
import test_access
import test_dma
import test_habits
import test_irqs
from vfio_user import *

EXAMPLES = os.path.join(os.path.dirname(PCIGATE), "examples")


class Chain:
    """Puts another server behind the one that is tested."""

    FAR = ("--profile", "raw")
    NEAR = ()

    def setUp(self):
        self.far = Server(self.FUNC, *self.FAR)
        self.addCleanup(self.far.stop)
        self.FUNC = "vfio-user:" + self.far.path
        self.OPTIONS = (*self.OPTIONS, *self.NEAR)
        super().setUp()


class Guarded(Chain):
    FAR = ()


class Trusted(Chain):
    NEAR = ("--trust-client",)


# --- what a single server passes ---


class ChainInfo(Trusted, test_access.Info):
    pass


class ChainAccess(Chain, test_access.Access):
    pass


class ChainDeadline(Chain, test_access.Deadline):
    pass


class ChainSlowReset(Chain, test_access.SlowReset):
    pass


class ChainMaps(Chain, test_dma.Maps):
    pass


class ChainShared(Chain, test_dma.Shared):
    pass


class ChainMessages(Chain, test_dma.Messages):
    pass


class ChainMatrix(Chain, test_irqs.Matrix):
    pass


class ChainMsix(Chain, test_irqs.Msix):
    def test_client_that_leaves_takes_them_along(self):
        fd = self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 1, fds=[fd])
        self.c.close()
        # The connection to the far server is made anew meanwhile.
        Client(self.server).close()
        # The connection, and the pidfd by which the client was known.
        self.assertEqual(self.server.settled_fds(self.before - 2), self.before - 2)


class ChainAll2048(Chain, test_irqs.All2048):
    pass


class ChainHostile(Chain, test_irqs.Hostile):
    pass


class ChainQemu(Trusted, test_habits.Qemu):
    pass


class ChainCloudHypervisor(Trusted, test_habits.CloudHypervisor):
    pass


class ChainSpdk(Trusted, test_habits.Spdk):
    pass


class GuardedShared(Guarded, test_dma.Shared):
    pass


class GuardedMsix(Guarded, ChainMsix):
    pass


class GuardedMatrix(Guarded, test_irqs.Matrix):
    pass


class Programs(Chain, Case):
    FUNC = "sim:endpoint-test,id=1234:5678,msix=8"

    def good(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout + self.server.log() + self.far.log())
        return done.stdout

    def example(self, name, *arguments):
        return self.good(os.path.join(EXAMPLES, "example-" + name), self.server.path, *arguments)

    def test_copy(self):
        self.assertIn("65536 bytes written, copied and compared", self.example("copy"))
        self.assertIn("65536 bytes written, copied and compared", self.example("copy", "--messages"))

    def test_irqs(self):
        self.assertEqual(self.example("irqs").splitlines(), ["INTx: 4 times", "MSI: 4 vectors", "MSI-X: 8 vectors"])

    def test_list(self):
        self.assertIn("function 1234:5678", self.example("list"))

    def test_conform(self):
        self.assertIn(" 0 fail", self.good(PCIGATE, "conform", "vfio-user:" + self.server.path).splitlines()[-1])

    def test_inspect(self):
        far = Server("sim:endpoint-test,id=1234:5678")
        self.addCleanup(far.stop)
        self.assertIn("1234:5678", self.good(PCIGATE, "inspect", "vfio-user:" + far.path))


class GuardedPrograms(Guarded, Programs):
    pass


class Recorded(unittest.TestCase):
    def test_conform(self):
        image = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "images",
                             "synth-01-nic-plain.txt")
        far = Server("dump:" + image, "--profile", "raw")
        self.addCleanup(far.stop)
        near = Server("vfio-user:" + far.path)
        self.addCleanup(near.stop)
        done = subprocess.run([PCIGATE, "conform", "vfio-user:" + near.path], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


# --- what only a chain has ---


class Masks(Guarded, Case):
    """Vectors that the guest masks pend here, whatever is behind."""

    FUNC = "sim:endpoint-test,msix=8"

    def test_masked_vector_pends(self):
        c = self.client()
        c.command(6)
        cap = next(at for at in range(0x40, 0x100, 4) if c.read(CONFIG, at, 1) == b"\x11" and at != 0x40)
        table, pba = (struct.unpack("<I", c.read(CONFIG, cap + at, 4))[0] for at in (4, 8))
        entry = (table & ~7) + 3 * 16 + 12
        fds = [self.eventfd() for _ in range(8)]
        c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 8, fds=fds)
        c.write32(table & 7, entry, 1)
        c.write(CONFIG, cap + 2, b"\x07\x80")

        def fire():
            c.write32(0, EP_IRQ_TYPE, 2)
            c.write32(0, EP_IRQ_NUMBER, 4)
            c.write32(0, EP_COMMAND, EP_RAISE_MSIX)

        fire()
        self.assertEqual(count(fds[3], 0.2), 0)
        self.assertEqual(c.read32(pba & 7, pba & ~7) & 0xff, 1 << 3)
        c.write32(table & 7, entry, 0)
        self.assertEqual(count(fds[3], 1), 1)
        self.assertEqual(c.read32(pba & 7, pba & ~7) & 0xff, 0)
        fire()
        self.assertEqual(count(fds[3], 1), 1)


class Trust(Chain, Case):
    def test_nothing_is_mapped_without_it(self):
        c = self.client()
        self.assertEqual([c.region_info(n, 4096)[1][1] & 4 for n in range(6)], [0] * 6)


class Holder(Trusted, Case):
    def test_who_mapped_keeps_others_out(self):
        """What a client has mapped cannot be taken back, whoever is behind."""
        c = self.client()
        message, info = c.region_info(4, 4096)
        self.assertTrue(info[1] & 4)
        os.close(message.fds[0])
        c.close()
        self.assertTrue(self.server.said("nobody else is served before it has ended"))
        # The same process may come back.
        self.client().close()


class Next(Guarded, Case):
    def test_nothing_is_left_for_the_next_client(self):
        """Sticky registers are the far server's as well: it is hung up on, and forgets."""
        c = self.client()
        c.command(6)
        c.write32(0, EP_SRC, 0x1234)
        c.map(0, 4096, fd=self.memfd(4096))
        c.close()
        c = self.client()
        self.assertEqual(c.read(CONFIG, 4, 2), b"\0\0")
        c.command(2)
        self.assertEqual(c.read32(0, EP_SRC), 0)
        # The far server has no map any more.
        c.map(0, 4096, fd=self.memfd(4096))
        self.assertNotIn("refuses", self.server.log())


class Keep(Chain, Case):
    def setUp(self):
        self.far = Server("sim:endpoint-test")
        self.addCleanup(self.far.stop)
        self.FUNC = "vfio-user:" + self.far.path + ",session=keep"
        Case.setUp(self)

    def sockets(self):
        """Those that the server has open. Other descriptors come and go while they are looked at."""
        fds = f"/proc/{self.server.process.pid}/fd"
        links = set()
        for fd in os.listdir(fds):
            try:
                links.add(os.readlink(os.path.join(fds, fd)))
            except FileNotFoundError:
                pass
        return {link for link in links if link.startswith("socket:")}

    def test_one_connection_for_all(self):
        before = self.sockets()
        self.assertGreater(len(before), 1)
        for _ in range(3):
            c = self.client()
            c.map(0, 4096, fd=self.memfd(4096))
            c.map(1 << 20, 8192)
            c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 1, fds=[self.eventfd()])
            c.close()
        self.client().map(0, 1 << 21)
        self.assertEqual(before - self.sockets(), set())


class Vf(unittest.TestCase):
    IMAGE = "00:00.0 Ethernet controller: Test\n" + "".join(
        f"{at:02x}: " + " ".join(["ff"] * 4 + ["00"] * 12 if at == 0 else ["00"] * 16) + "\n" for at in range(0, 256, 16))

    def test_named_by_the_user(self):
        directory = strange.tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(strange.shutil.rmtree, directory)
        path = os.path.join(directory, "vf.txt")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.IMAGE)
        far = Server(f"dump:{path},vf=on,id=8086:10ca", "--profile", "raw")
        self.addCleanup(far.stop)
        done = subprocess.run([PCIGATE, "inspect", "vfio-user:" + far.path], capture_output=True, text=True, timeout=20,
                              check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("vf=on,id=VVVV:DDDD", done.stderr)
        near = Server(f"vfio-user:{far.path},vf=on,id=8086:10ca")
        self.addCleanup(near.stop)
        c = Client(near)
        self.addCleanup(c.close)
        self.assertEqual(c.read(CONFIG, 0, 8), bytes.fromhex("8680ca1002000000"))


# --- servers that die ---


class Dies(Guarded, Case):
    FUNC = "sim:endpoint-test"

    def again(self, func="sim:endpoint-test"):
        far = subprocess.Popen([PCIGATE, "serve", func, "--socket-path", self.far.path], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        self.addCleanup(far.stderr.close)
        self.addCleanup(far.wait)
        self.addCleanup(far.kill)
        self.assertIn(b"listening", far.stderr.readline())
        return far

    def refused_client(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.server.path)
            Client(connection)

    def kill(self, used=True):
        self.far.process.kill()
        self.far.process.wait()
        # With nobody there it may be hung up just then anyway, to be made as new.
        if used:
            self.assertTrue(self.server.said("the server is lost", 30))

    def test_reads_ones_and_comes_back_for_the_next(self):
        c = self.client()
        c.command(6)
        c.map(0, 4096, fd=self.memfd(4096))
        self.kill()
        self.assertEqual(c.read32(0, EP_SRC), 0xffffffff)
        c.write32(0, EP_SRC, 1)
        c.unmap(0, 4096)
        c.close()
        # Nobody is let in while it is not there.
        self.refused(errno.ECONNREFUSED, self.refused_client)
        self.again()
        c = self.client()
        c.command(6)
        self.assertEqual(c.read32(0, EP_SRC), 0)
        c.map(0, 4096, fd=self.memfd(4096))

    def test_while_nobody_is_there(self):
        self.client().close()
        self.client().close()
        self.kill(used=False)
        self.again()
        c = self.client()
        c.command(2)
        c.write32(0, EP_SRC, 7)
        self.assertEqual(c.read32(0, EP_SRC), 7)

    def test_in_the_middle(self):
        """At random points of the work."""
        far = self.far.process
        for n in range(10):
            c = self.client()
            c.command(6)
            for _ in range(50):
                c.send(REGION_READ, struct.pack("=QII", 0, 0, 4))
            time.sleep(0.0005 * n)
            far.kill()
            far.wait()
            for _ in range(50):
                c.reply()
            c.close()
            far = self.again()
        c = self.client()
        c.command(2)
        c.write32(0, EP_SRC, 7)
        self.assertEqual(c.read32(0, EP_SRC), 7)

    def test_another_function_is_refused(self):
        c = self.client()
        self.kill()
        self.again("sim:endpoint-test,id=1:2")
        c.close()
        self.refused(errno.ENODEV, self.refused_client)
        self.assertTrue(self.server.said("another function than before"))


# --- servers that lie ---


class Far(strange.Server):
    """Right until the test says what to do, for one client after the other."""

    flags = 3
    act = None

    def answer(self, command, body):
        if command in (DMA_MAP, DMA_UNMAP, SET_IRQS):
            return b""
        return super().answer(command, body)

    def run(self):
        while True:
            try:
                self.connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                while True:
                    number, command, size, _, _ = strange.HEADER.unpack(self.take(16))
                    body = self.take(size - 16)
                    if self.act is not None and command != strange.VERSION:
                        self.act(number, command, body)
                        continue
                    try:
                        self.send(number, command, 1, 0, self.answer(command, body))
                    except strange.Refused as refusal:
                        self.send(number, command, 0x21, refusal.args[0], b"")
            except (strange.Gone, OSError):
                self.connection.close()


class Lies(unittest.TestCase):
    def setUp(self):
        self.far = Far()
        self.addCleanup(self.far.close)
        self.path = os.path.join(self.far.directory, "near")
        other = os.path.join(self.far.directory, "other")
        self.near = Server(f"vfio-user:{self.far.path}={self.path}", "sim:endpoint-test=" + other, "--timeout", "500",
                           listen=False)
        self.addCleanup(self.near.stop)
        self.assertTrue(self.near.said("listening on " + other, 5), self.near.log())
        self.bystander = Client(other)
        self.addCleanup(self.bystander.close)
        self.bystander.command(2)

    def client(self):
        c = Client(self.path)
        self.addCleanup(c.close)
        return c

    def unharmed(self, c):
        """Nobody else notices, and without the lie it works again."""
        before = time.monotonic()
        self.bystander.write32(0, EP_SRC, 5)
        self.assertEqual(self.bystander.read32(0, EP_SRC), 5)
        self.assertLess(time.monotonic() - before, 0.4)
        self.far.act = None
        c.close()
        c = self.client()
        c.command(2)
        self.assertEqual(c.read32(0, 0), 0x5a5a5a5a)
        self.assertIsNone(self.near.process.poll())

    def ones(self, note):
        """What is read is all ones, and why stands in the log."""
        c = self.client()
        c.command(2)
        self.far.act = self.lie
        self.assertEqual(c.read32(0, 0), 0xffffffff)
        self.assertTrue(self.near.said(note), self.near.log())
        self.unharmed(c)

    def lie(self, number, command, body):
        raise NotImplementedError

    def test_right(self):
        c = self.client()
        c.command(2)
        self.assertEqual(c.read32(0, 0), 0x5a5a5a5a)
        c.reset()
        self.assertEqual(c.read(CONFIG, 4, 2), b"\0\0")

    def test_short_answer(self):
        self.lie = lambda number, command, body: self.far.send(number, command, 1, 0, body[:16] + b"\0\0")
        self.ones("with another length")

    def test_long_answer(self):
        self.lie = lambda number, command, body: self.far.send(number, command, 1, 0, body[:16] + bytes(64))
        self.ones("with another length")

    def test_message_shorter_than_its_header(self):
        self.lie = lambda number, command, body: self.far.connection.sendall(
            strange.HEADER.pack(number, command, 15, 1, 0))
        self.ones("shorter than its header")

    def test_message_without_end(self):
        self.lie = lambda number, command, body: self.far.connection.sendall(
            strange.HEADER.pack(number, command, 0xffffffff, 1, 0))
        self.ones("longer than was agreed on")

    def test_answer_to_nothing(self):
        self.lie = lambda number, command, body: self.far.send(number + 1, command, 1, 0, body[:16] + bytes(4))
        self.ones("was not asked")

    def test_answer_to_another_command(self):
        self.lie = lambda number, command, body: self.far.send(number, 10, 1, 0, body[:16])
        self.ones("was not asked")

    def test_neither_command_nor_reply(self):
        self.lie = lambda number, command, body: self.far.send(number, command, 7, 0, body[:16] + bytes(4))
        self.ones("neither command nor reply")

    def test_hangs_up(self):
        def lie(number, command, body):
            raise strange.Gone
        self.lie = lie
        self.ones("hung up")

    def test_hangs_up_in_the_middle_of_a_message(self):
        def lie(number, command, body):
            self.far.connection.sendall(strange.HEADER.pack(number, command, 36, 1, 0) + body[:8])
            raise strange.Gone
        self.lie = lie
        self.ones("hung up")

    def test_refuses(self):
        self.lie = lambda number, command, body: self.far.send(number, command, 0x21, errno.EPERM, b"")
        self.ones("the server refuses: Operation not permitted")

    def test_refuses_without_saying_why(self):
        self.lie = lambda number, command, body: self.far.send(number, command, 0x21, 0, b"")
        self.ones("the server refuses: Input/output error")

    def test_never_answers(self):
        c = self.client()
        c.command(2)
        self.far.act = lambda number, command, body: None
        before = time.monotonic()
        self.assertEqual(c.read32(0, 0), 0xffffffff)
        self.assertLess(time.monotonic() - before, 2)
        self.assertTrue(self.near.said("a request took more than 500 ms"))
        self.assertEqual(c.read32(0, 0), 0xffffffff)
        self.unharmed(c)

    def test_late_answer_is_nobodys(self):
        c = self.client()
        c.command(2)
        late = []
        self.far.act = lambda number, command, body: late.append((number, command, body))
        self.assertEqual(c.read32(0, 0), 0xffffffff)
        number, command, body = late[0]
        self.far.send(number, command, 1, 0, body[:16] + b"late")
        self.assertEqual(c.read32(0, 0), 0xffffffff)
        self.assertNotIn("is lost", self.near.log())
        self.unharmed(c)

    def test_descriptors_that_nobody_asked_for(self):
        fds = [memfd(4096) for _ in range(20)]

        def lie(number, command, body):
            data = self.far.answer(command, body)
            socket.send_fds(self.far.connection, [strange.HEADER.pack(number, command, 16 + len(data), 1, 0) + data],
                            fds)

        c = self.client()
        c.command(2)
        before = self.near.fds()
        self.far.act = lie
        for _ in range(100):
            self.assertEqual(c.read32(0, 0), 0x5a5a5a5a)
        self.assertEqual(self.near.settled_fds(before), before)
        for fd in fds:
            os.close(fd)
        self.unharmed(c)

    def unharmed_with(self, c):
        self.unharmed(c)

    def test_asks_for_memory_that_is_not_there(self):
        """Its requests are answered with errors; the client is asked for what is in no map."""
        c = self.client()
        c.command(2)
        answers = []

        def lie(number, command, body):
            for what, payload in ((11, struct.pack("=QQ", 0, 0)), (11, struct.pack("=QQ", 0, 65537)),
                                  (11, b"\0" * 15), (12, struct.pack("=QQ", 0, 8) + b"1234"), (3, b"\0" * 24),
                                  (99, b"")):
                self.far.connection.sendall(strange.HEADER.pack(77, what, 16 + len(payload), 0, 0) + payload)
                answers.append(strange.HEADER.unpack(self.far.take(16)))
            self.far.act = None
            self.far.send(number, command, 1, 0, self.far.answer(command, body))

        self.far.act = lie
        self.assertEqual(c.read32(0, 0), 0x5a5a5a5a)
        self.assertEqual([(a[0], a[1], a[2], a[3], a[4]) for a in answers],
                         [(77, 11, 16, 0x21, errno.EINVAL), (77, 11, 16, 0x21, errno.EINVAL),
                          (77, 11, 16, 0x21, errno.EINVAL), (77, 12, 16, 0x21, errno.EINVAL),
                          (77, 3, 16, 0x21, errno.ENOTSUP), (77, 99, 16, 0x21, errno.ENOTSUP)])
        self.unharmed(c)

    def test_asks_for_memory_of_a_client_that_left(self):
        """While the function is made as new it may ask still: there is nothing."""
        c = self.client()
        c.command(2)
        c.map(0x10000, 1 << 20, fd=memfd(1 << 20))
        answers = []

        def lie(number, command, body):
            self.far.act = None
            payload = struct.pack("=QQ", 0x10000, 8)
            self.far.connection.sendall(strange.HEADER.pack(77, 11, 16 + len(payload), 0, 0) + payload)
            answers.append(strange.HEADER.unpack(self.far.take(16)))
            self.far.send(number, command, 1, 0, self.far.answer(command, body))

        self.far.act = lie
        c.close()
        end = time.monotonic() + 5
        while not answers and time.monotonic() < end:
            time.sleep(0.01)
        c = self.client()
        self.assertEqual([a[:4] for a in answers], [(77, 11, 16, 0x21)])
        self.unharmed(c)

    def test_asks_without_end_and_reads_nothing(self):
        """It is given up before what waits for it grows without bound."""
        c = self.client()
        c.command(2)
        c.map(0, 1 << 20, fd=memfd(1 << 20))

        def lie(number, command, body):
            message = strange.HEADER.pack(77, 11, 32, 0, 0) + struct.pack("=QQ", 0, 65536)
            self.far.connection.settimeout(5)
            for _ in range(100000):
                self.far.connection.sendall(message)

        self.far.act = lie
        c.send(REGION_READ, struct.pack("=QII", 0, 0, 4))
        self.assertTrue(self.near.said("does not read what it is sent", 10), self.near.log())
        self.assertLess(self.near.memory(), 100 << 10)
        c.reply()
        self.unharmed(c)


class Opening(unittest.TestCase):
    """What is said when there is nothing to open."""

    def inspect(self, text):
        done = subprocess.run([PCIGATE, "inspect", text], capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stderr

    def far(self, **members):
        server = type("Odd", (Far,), members)()
        self.addCleanup(server.close)
        return "vfio-user:" + server.path

    def says(self, text, note):
        status, error = self.inspect(text)
        self.assertEqual((status, error.count("\n")), (3, 1), error)
        self.assertIn(note, error)

    def test_nobody(self):
        self.says("vfio-user:/nonexistent/socket", "is a server listening there?")

    def test_names(self):
        self.says("vfio-user:", "name the server's socket")
        self.says("vfio-user:/x,colour=red", "colour")
        self.says("vfio-user:/x,id=1234:5678", "add vf=on")
        self.says("vfio-user:/x,vf=on,id=12345:1", "VVVV:DDDD")
        self.says("vfio-user:/" + "x" * 200, "longer than")

    def test_no_pci(self):
        self.says(self.far(flags=0), "no PCI function")

    def test_no_configuration_space(self):
        class Nothing(Far):
            def region_info(self, index):
                raise strange.Refused(errno.EINVAL)
        server = Nothing()
        self.addCleanup(server.close)
        self.says("vfio-user:" + server.path, "no configuration space")

    def test_little_data(self):
        self.says(self.far(version={"capabilities": {"max_data_xfer_size": 4}}), "less than a register")

    def test_no_json(self):
        self.says(self.far(version=7), "JSON")

    def test_few_bytes_at_a_time(self):
        status, error = self.inspect(self.far(version={"capabilities": {"max_data_xfer_size": 13}}))
        self.assertEqual((status, error), (0, ""))

    def test_no_descriptors_taken(self):
        status, error = self.inspect(self.far(version={"capabilities": {"max_msg_fds": 0}}))
        self.assertEqual((status, error), (0, ""))

    def test_a_bridge(self):
        class Bridge(Far):
            def __init__(self):
                super().__init__()
                self.config[0x0e] = 1
        server = Bridge()
        self.addCleanup(server.close)
        self.says("vfio-user:" + server.path, "type 0")

    def test_sizes_that_fit_no_register(self):
        class Big(Far):
            def region_info(self, index):
                if index == 0:
                    return struct.pack("=IIIIQQ", 32, 3, 0, 0, 1 << 40, 0)
                return super().region_info(index)
        server = Big()
        self.addCleanup(server.close)
        self.says("vfio-user:" + server.path, "do not fit its base address registers")

    def test_silent(self):
        class Silent(Far):
            def answer(self, command, body):
                time.sleep(8)
                raise strange.Gone
        server = Silent()
        self.addCleanup(server.close)
        self.says("vfio-user:" + server.path, "does not answer")


if __name__ == "__main__":
    unittest.main()
