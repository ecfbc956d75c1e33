# SPDX-License-Identifier: BSD-3-Clause
"""Faults on demand, row by row of docs/faults.md: what a client sees, what the server says, and that the function beside
the one concerned goes on."""

import os
import re
import struct
import subprocess
import time
import unittest
import zlib

import test_pasid as pasid
from vfio_user import *

FABRIC = """\
root-port     rp1
switch        sw   below=rp1 ports=2
endpoint-test nic  below=sw.0 vfs=4 enabled=4 vf-msix=4 vf-msix-pool=32
endpoint-test disk below=sw.1
"""
IOVA, SIZE = 0x100000, 0x10000
DMA_OK, DMA_FAILED = 0x4, 0x8  # STATUS of WRITE
READ_OK, READ_FAILED = 0x1, 0x2
ONES = 0xffffffff


class Driver:
    """A client with memory and a vector, that can tell whether its function works."""

    def __init__(self, case, path, timeout=5):
        self.case = case
        self.c = Client(path, timeout=timeout)
        case.addCleanup(self.c.close)
        self.fd = case.memfd(SIZE)
        self.c.map(IOVA, SIZE, fd=self.fd)
        self.irq, self.err, self.req = case.eventfd(), case.eventfd(), case.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 1, fds=[self.irq])
        self.c.set_irqs(EVENTFD | TRIGGER, ERR, 0, 1, fds=[self.err])
        self.c.set_irqs(EVENTFD | TRIGGER, REQ, 0, 1, fds=[self.req])
        self.enable()

    def enable(self):
        self.c.command(6)
        self.c.write32(0, 0x1000 + 12, 0)
        at = self.c.capability(0x11)
        self.c.write(CONFIG, at + 2, struct.pack("<H", 0x8000))

    def start(self, command, address=IOVA, size=4096):
        self.c.write(0, EP_SRC, struct.pack("<Q", address))
        self.c.write(0, EP_DST, struct.pack("<Q", address))
        self.c.write32(0, EP_SIZE, size)
        self.c.write32(0, EP_IRQ_TYPE, 2)
        self.c.write32(0, EP_IRQ_NUMBER, 1)
        self.c.write32(0, EP_STATUS, 0)
        self.c.write32(0, EP_COMMAND, command)

    def status(self, seconds=2):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.c.read32(0, EP_STATUS)
            if status & (DMA_OK | DMA_FAILED | READ_OK | READ_FAILED):
                return status
        return self.c.read32(0, EP_STATUS)

    def writes(self):
        """The function writes memory; whether what arrived is what it sent."""
        os.pwrite(self.fd, bytes(4096), 0)
        self.start(EP_WRITE)
        status = self.status()
        data = os.pread(self.fd, 4096, 0)
        return status & DMA_OK != 0 and (zlib.crc32(data) ^ ONES) == self.c.read32(0, EP_CHECKSUM)

    def works(self):
        """DMA, its interrupt, and how long an access takes."""
        count(self.irq)
        began = time.monotonic()
        ok = self.writes() and count(self.irq, 1) >= 1
        took = time.monotonic() - began
        self.case.assertLess(took, 1)
        return ok

    def power(self, state):
        self.c.write(CONFIG, self.c.capability(1) + 4, struct.pack("<H", state))


class Faults(Case):
    """Two functions of one fabric: something happens to the first, the second never minds."""

    FIRST, SECOND = "nic.vf0", "disk"

    def setUp(self):
        directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        file = os.path.join(directory, "f.fabric")
        with open(file, "w", encoding="ascii") as out:
            out.write(FABRIC)
        self.paths = [os.path.join(directory, name) for name in ("a", "b")]
        self.control = os.path.join(directory, "control")
        arguments = ["serve", "--control", self.control, "--timeout", "300"]
        arguments += [f"sim:fabric,file={file},at={name}={path}"
                      for name, path in zip((self.FIRST, self.SECOND), self.paths)]
        self.log_path = os.path.join(directory, "log")
        self.log = open(self.log_path, "w+", encoding="utf-8", errors="replace")
        self.addCleanup(self.log.close)
        self.process = subprocess.Popen([PCIGATE, *arguments], stderr=self.log)
        self.addCleanup(self.stop)
        self.assertTrue(self.said("listening on " + self.paths[1]))
        self.first, self.second = Driver(self, self.paths[0]), Driver(self, self.paths[1])
        self.assertTrue(self.first.works() and self.second.works())

    def stop(self):
        alive = self.process.poll() is None
        self.process.terminate()
        self.assertEqual(self.process.wait(10), 0, self.text())
        self.assertTrue(alive, self.text())

    def text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def said(self, pattern, seconds=3):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text()) and time.monotonic() < end:
            time.sleep(0.02)
        return re.search(pattern, self.text()) is not None

    def ctl(self, *words, status=0):
        done = subprocess.run([PCIGATE, "ctl", self.control, *words], capture_output=True, text=True, timeout=20,
                              check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def others_go_on(self):
        self.assertTrue(self.second.works(), self.text())
        self.assertEqual((count(self.second.err), count(self.second.req)), (0, 0))

    def quarantined(self):
        """As its client sees it, and alone."""
        self.assertEqual(self.first.c.read(CONFIG, 0, 4), b"\xff" * 4)
        self.assertEqual(self.first.c.read32(0, EP_MAGIC), ONES)
        self.others_go_on()

    def next_client(self):
        self.first.c.close()
        self.first = Driver(self, self.paths[0])
        self.assertTrue(self.first.works(), self.text())


class Rows(Faults):
    def test_malformed(self):
        self.ctl("fault", self.FIRST, "malformed")
        self.assertFalse(self.first.writes())
        self.assertTrue(self.said(r"sw\.0 .*reports a fatal error: Malformed TLP, of a packet of 03:00"))
        self.assertEqual(count(self.first.err, 1), 1)
        self.others_go_on()
        self.assertTrue(self.first.works())
        self.assertIn("sw.0 correctable 0, nonfatal 0, fatal 1", self.ctl("errors"))

    def test_poisoned(self):
        self.ctl("fault", self.FIRST, "poisoned")
        self.first.writes()
        self.assertTrue(self.said("Poisoned TLP"))
        self.others_go_on()
        self.assertTrue(self.first.works())

    def test_completion_timeout(self):
        self.ctl("fault", self.FIRST, "timeout", "2")
        self.assertEqual(self.first.c.read32(0, EP_MAGIC), ONES)
        self.assertTrue(self.said(r"rp1 .*Completion Timeout, of a packet to 03:00"))
        self.assertEqual(count(self.first.err, 1), 1)
        self.others_go_on()
        self.first.c.read32(0, EP_MAGIC)
        self.assertTrue(self.first.works())

    def test_silence(self):
        self.ctl("fault", self.FIRST, "timeout", "forever")
        for _ in range(50):
            self.assertEqual(self.first.c.read32(0, EP_MAGIC), ONES)
        self.others_go_on()
        self.ctl("fault", self.FIRST, "clear")
        self.assertTrue(self.first.works())

    def test_configuration_space_of_ones(self):
        self.ctl("fault", self.FIRST, "config-ones", "on")
        for command in (2, 6, 2):
            self.first.c.command(command)
            self.assertEqual(self.first.c.read(CONFIG, 4, 2), struct.pack("<H", command))
        with self.assertRaises(Refused):
            self.first.c.reset()
        self.assertTrue(self.said("does not answer"))
        self.others_go_on()
        self.ctl("fault", self.FIRST, "clear")
        self.first.c.reset()
        self.first.enable()
        self.assertTrue(self.first.works())

    def test_no_client_gets_a_function_of_ones(self):
        self.ctl("fault", self.FIRST, "config-ones", "on")
        self.first.c.close()
        self.assertTrue(self.said("cannot be made as new"))
        self.others_go_on()
        self.ctl("fault", self.FIRST, "clear")
        self.next_client()

    def test_power_that_sticks(self):
        self.first.power(3)
        self.ctl("fault", self.FIRST, "stuck-power", "on")
        self.first.power(0)
        self.assertTrue(self.said("does not come back to D0"))
        self.quarantined()
        self.ctl("fault", self.FIRST, "clear")
        self.next_client()

    def test_power_that_does_not_go(self):
        self.ctl("fault", self.FIRST, "stuck-power", "on")
        self.first.power(3)
        self.assertTrue(self.said("power state stays as it is"))
        self.assertEqual(self.first.c.read32(0, EP_MAGIC), ONES)
        self.others_go_on()
        self.first.power(0)
        self.assertTrue(self.first.works())

    def test_a_reset_that_takes_its_time(self):
        self.ctl("fault", self.FIRST, "flr", "150")
        began = time.monotonic()
        id = self.first.c.send(RESET)
        self.others_go_on()
        self.first.c.reply(id)
        self.assertGreater(time.monotonic() - began, 0.14)
        self.first.enable()
        self.assertTrue(self.first.works())

    def test_a_reset_that_never_ends(self):
        self.ctl("fault", self.FIRST, "flr", "never")
        with self.assertRaises(Refused):
            self.first.c.reset()
        self.assertTrue(self.said("quarantine"))
        self.quarantined()
        self.ctl("fault", self.FIRST, "flr", "now")
        self.next_client()

    def test_a_reset_that_nobody_is_told_of(self):
        self.ctl("reset", self.FIRST)
        self.assertEqual((count(self.first.err), count(self.first.req)), (0, 0))
        self.others_go_on()
        self.first.enable()
        self.assertTrue(self.first.works())

    def test_removal(self):
        self.ctl("remove", self.FIRST)
        self.assertEqual(count(self.first.req, 1), 1)
        self.assertTrue(self.said("is gone: it was pulled"))
        self.assertTrue(self.said("Surprise Down"))
        self.assertEqual(self.first.c.read32(0, EP_MAGIC), ONES)
        self.others_go_on()
        with self.assertRaises(Refused):
            self.first.c.reset()
        self.assertIn("gone", self.ctl("show", "nic"))
        self.ctl("insert", "nic")
        self.first.c.reset()
        self.first.enable()
        self.assertTrue(self.first.works(), self.text() + self.ctl("show"))
        self.others_go_on()

    def test_what_is_removed_goes_from_client_to_client(self):
        self.ctl("remove", self.FIRST)
        self.first.c.close()
        self.assertTrue(self.said("cannot be made as new"))
        self.others_go_on()
        self.ctl("insert", "nic")
        self.next_client()

    def test_a_write_where_it_must_not(self):
        # What is not mapped is for the client to say, and it says no.
        self.assertIn("sent;", self.ctl("dma", self.FIRST, "write", "0xdead0000", "64"))
        self.first.c.info()
        self.assertTrue(self.said("wrote to 0xdead0000: Unsupported Request, 0 of 64"))
        self.assertIn("success: 4 of 4", self.ctl("dma", self.FIRST, "write", hex(IOVA), "4"))
        self.assertEqual(os.pread(self.first.fd, 4, 0), b"\xa5" * 4)
        told = "write of 0xdead0000: nothing is mapped there"
        self.assertIn("blocked by the IOMMU 1, newest " + told, self.ctl("errors", self.FIRST))
        self.assertTrue(self.said(rf"the IOMMU blocked a request of {re.escape(self.FIRST)} \(0.:00\.\d\), {told}"))
        # No client's addresses are another's.
        self.second.c.map(0x40000000, SIZE, fd=self.second.fd)
        self.ctl("dma", self.FIRST, "write", "0x40000000", "64")
        self.first.c.info()
        self.assertTrue(self.said("wrote to 0x40000000: Unsupported Request"))
        self.others_go_on()
        self.assertTrue(self.first.works())

    def test_a_pasid_that_nobody_gave_it(self):
        self.assertIn("Unsupported", self.ctl("dma", self.FIRST, "read", hex(IOVA), "8", "pasid=5", "exec", "priv"))
        told = f"read of {IOVA:#x} with PASID 5, to execute, privileged: its PASID Enable is clear"
        self.assertIn("blocked by the IOMMU 1, newest " + told, self.ctl("errors", self.FIRST))
        self.assertTrue(self.said(re.escape(told)))
        self.others_go_on()

    def test_blocked_whatever_is_mapped(self):
        self.ctl("fault", self.FIRST, "iommu", "2")
        for left in (1, 0):
            self.assertFalse(self.first.writes())
            self.assertEqual(os.pread(self.first.fd, 4096, 0), bytes(4096))
            self.assertEqual("fault iommu" in self.ctl("show", self.FIRST), left > 0)
            self.others_go_on()
        self.assertIn("blocked by the IOMMU 2, newest write of 0x100000: all of it is blocked",
                      self.ctl("errors", self.FIRST))
        self.assertNotIn("IOMMU", self.ctl("errors", self.SECOND))
        self.assertTrue(self.first.works())
        # Of what goes on like that one note is enough.
        self.assertEqual(self.text().count("the IOMMU blocked a request of " + self.FIRST), 1)

    def test_blocked_until_it_is_cleared(self):
        self.ctl("fault", self.FIRST, "iommu", "1000")
        self.first.start(EP_READ)
        self.assertEqual(self.first.status() & (READ_OK | READ_FAILED), READ_FAILED)
        self.others_go_on()
        self.ctl("fault", self.FIRST, "clear")
        self.assertNotIn("fault", self.ctl("show", self.FIRST))
        self.assertTrue(self.first.works())

    def test_completer_abort(self):
        self.first.c.write32(0, EP_DST, 0x1234)
        self.ctl("fault", self.FIRST, "abort", "2")
        self.assertEqual(self.first.c.read32(0, EP_DST), ONES)
        self.assertIn("fault abort 1", self.ctl("show", self.FIRST))
        self.others_go_on()
        self.first.c.write32(0, EP_DST, 0x5678)
        self.assertTrue(self.said(rf"{re.escape(self.FIRST)} .*reports an error that is not fatal: Completer Abort"))
        self.assertEqual(count(self.first.err, 1), 1)
        self.assertIn("newest Completer Abort", self.ctl("errors", self.FIRST))
        self.assertEqual(self.first.c.read32(0, EP_DST), 0x1234)
        self.others_go_on()
        self.assertTrue(self.first.works())

    def test_vfs_that_go_below_their_client(self):
        self.ctl("vfs", "nic", "0")
        self.assertEqual(count(self.first.req, 1), 1)
        self.assertEqual(self.first.c.read32(0, EP_MAGIC), ONES)
        self.others_go_on()
        self.ctl("vfs", "nic", "4")
        self.first.c.reset()
        self.first.enable()
        self.assertTrue(self.first.works())


    def test_removal_in_the_middle_of_a_reset(self):
        self.ctl("fault", self.FIRST, "flr", "never")
        id = self.first.c.send(RESET)
        self.ctl("remove", self.FIRST)
        with self.assertRaises(Refused):
            self.first.c.reply(id)
        self.others_go_on()
        self.ctl("insert", "nic")
        self.ctl("fault", self.FIRST, "clear")
        self.next_client()


class RowsOfAnEndpoint(Rows):
    """The same, happening to a function without a PF, beside a VF."""

    FIRST, SECOND = "disk", "nic.vf0"

    test_vfs_that_go_below_their_client = None
    test_removal_in_the_middle_of_a_reset = None

    def test_malformed(self):
        self.ctl("fault", "disk", "malformed")
        self.assertFalse(self.first.writes())
        self.assertTrue(self.said(r"sw\.1 .*reports a fatal error: Malformed TLP, of a packet of 04:00"))
        self.assertEqual(count(self.first.err, 1), 1)
        self.others_go_on()

    def test_completion_timeout(self):
        self.ctl("fault", "disk", "timeout", "2")
        self.assertEqual(self.first.c.read32(0, EP_MAGIC), ONES)
        self.assertTrue(self.said(r"rp1 .*Completion Timeout, of a packet to 04:00"))
        self.others_go_on()

    def test_configuration_space_of_ones_is_found_by_a_write_of_command(self):
        self.ctl("fault", "disk", "config-ones", "on")
        self.first.c.command(0x106)
        self.assertEqual(count(self.first.req, 1), 1)
        self.assertEqual(self.first.c.read(CONFIG, 4, 2), struct.pack("<H", 0x106))
        self.assertTrue(self.said("asked to give it back"))
        self.others_go_on()
        self.ctl("fault", "disk", "clear")
        self.first.enable()
        self.assertTrue(self.first.works())

    def test_a_reset_that_nobody_is_told_of(self):
        self.first.c.write32(0, EP_DST, 0x1234)
        self.ctl("reset", "disk")
        self.first.enable()
        self.assertTrue(self.said("was reset from elsewhere"))
        self.assertEqual(self.first.c.read32(0, EP_DST), 0)
        self.assertTrue(self.first.works())
        self.others_go_on()

    def test_removal(self):
        self.ctl("remove", "disk")
        self.assertEqual(count(self.first.req, 1), 1)
        self.assertEqual(self.first.c.read32(0, EP_MAGIC), ONES)
        self.others_go_on()
        self.ctl("insert", "disk")
        self.first.c.reset()
        self.first.enable()
        self.assertTrue(self.first.works(), self.text() + self.ctl("show"))

    def test_what_is_removed_goes_from_client_to_client(self):
        self.ctl("remove", "disk")
        self.first.c.close()
        self.assertTrue(self.said("cannot be made as new"))
        self.others_go_on()
        self.ctl("insert", "disk")
        self.next_client()


class RowsOfNeighbours(Rows):
    """Two VFs of one PF; what pulls the device pulls both."""

    FIRST, SECOND = "nic.vf0", "nic.vf1"

    test_removal = None
    test_removal_in_the_middle_of_a_reset = None
    test_what_is_removed_goes_from_client_to_client = None
    test_vfs_that_go_below_their_client = None


class Records(pasid.Fabric):
    """A client that speaks of PASIDs is told what was blocked, and the one beside it is not."""

    def setUp(self):
        super().setUp()
        self.first, self.second = self.driver(0).ready(), self.driver(1).ready()

    def neighbour_goes_on(self):
        self.assertTrue(self.second.did(EP_WRITE, pasid.MEMORY))
        self.assertEqual(self.second.faults(), [])

    def test_of_a_transfer_where_it_must_not(self):
        told = self.first.listen()
        count(told)
        self.assertIn("Unsupported", self.ctl("dma", "endpoint.vf0", "write", hex(pasid.MEMORY), "8", "pasid=7", "priv"))
        self.assertEqual(count(told, 1), 1)
        self.assertEqual(self.first.faults(),
                         [(pasid.PASID_OFF, 7, pasid.MEMORY, pasid.F_WRITE | pasid.F_PRIVILEGED, 0)])
        self.assertTrue(self.server.said("the IOMMU blocked a request of endpoint.vf0 (", 3))
        self.assertIn(f"write of {pasid.MEMORY:#x} with PASID 7, privileged: its PASID Enable is clear",
                      self.server.log())
        self.neighbour_goes_on()

    def test_of_what_is_blocked_on_demand(self):
        self.first.control()
        self.first.mapped(7, pasid.R | pasid.W | pasid.U)
        self.first.expect(b"\x01" * pasid.PAGE)
        self.assertTrue(self.first.did(EP_READ, 0, 7))
        self.ctl("fault", "endpoint.vf0", "iommu", "2")
        self.assertFalse(self.first.did(EP_READ, 0, 7))
        self.assertFalse(self.first.did(EP_WRITE, pasid.MEMORY))
        self.assertEqual(self.first.faults(), [(pasid.BLOCKED, 7, 0, pasid.F_READ, 0),
                                               (pasid.BLOCKED, None, pasid.MEMORY, pasid.F_WRITE, 0)])
        self.first.expect(b"\x01" * pasid.PAGE)
        self.assertTrue(self.first.did(EP_READ, 0, 7))
        self.neighbour_goes_on()


class Vectors(Faults):
    """A VF's number changes between clients, and holds as long as one stays."""

    def sizes(self):
        at = self.first.c.capability(0x11)
        return ((struct.unpack("<H", self.first.c.read(CONFIG, at + 2, 2))[0] & 0x7ff) + 1,
                self.first.c.irq_info(MSIX)[3])

    def vf(self, *words, status=0):
        done = subprocess.run([PCIGATE, "vf", *words], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def test_the_next_client_has_them(self):
        self.assertEqual(self.sizes(), (4, 4))
        self.assertIn("a client has it", self.vf("--control", self.control, "nic.vf0", "--msix", "9", status=3))
        for wanted, got in ((9, 9), (9, 9), (1, 1), (0, 4)):
            self.first.c.close()
            self.assertTrue(self.released())
            self.vf(f"{self.control}:nic.vf0", "--msix", str(wanted))
            self.first = Driver(self, self.paths[0])
            self.assertEqual(self.sizes(), (got, got))
            self.assertTrue(self.first.works())
        self.others_go_on()

    def released(self, seconds=2):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done = subprocess.run([PCIGATE, "ctl", self.control, "vectors", "nic.vf0"], capture_output=True, text=True,
                                  timeout=20, check=False)
            if done.returncode == 0:
                return True
        return False

    def test_what_cannot_be(self):
        for words, text in (((":nic.vf2", "--msix", "99"), "share 32"), ((":nic", "--msix", "2"), "is no VF"),
                            ((":nic", "--create", "0"), "has VF 0000:03:00.1 of 0000:03:00.0 open"),
                            ((":nic", "--create", "5"), "at most 4 VFs"), ((":disk",), "has no VFs to give"),
                            ((":none",), "there is no none in this fabric")):
            self.assertIn(text, self.vf(self.control + words[0], *words[1:], status=3))

    def test_listed(self):
        self.assertRegex(self.vf(f"{self.control}:nic"), r"4 of 4 VFs(.|\n)*32 vectors for all VFs(.|\n)*"
                                                         r"\n0 +0000:03:00\.1 +4 +- +pcigate\n1 +0000:03:00\.2 +4 +- +-\n")


class Hostile(Faults):
    """What arrives at the control socket."""

    def exchange(self, data):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.control)
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                answer = b""
                while chunk := s.recv(65536):
                    answer += chunk
            except (BrokenPipeError, ConnectionResetError):
                return b""
        return answer

    def test_lines(self):
        many = b" ".join([b"a"] * 100)
        for line in (b"control\n", b"control 0\n", b"control 0 \n", b"control ffffffff show\n", b"control 0 \x01\xff\n",
                     b"control 0 fault\n", b"control 0 fault " + many + b"\n", b"control 0 " + b"x" * 500 + b"\n",
                     b"control 0 " + b"x" * 5000 + b"\n", b"control 0 dma write -1 4\n", b"control 0 fault %s%n malformed\n",
                     b"control 0 dma write 0xffffffffffffffff 65536\n", b"control 0 dma read 0 0\n",
                     b"control 0 fault nic.vf99999999999999999999 clear\n", b"control 0 show 00:1f.9\n",
                     b"control 0 fault flr 99999999999999999999\n", b"control 0 vfs nic 70000\n", b"control 0 show\x00\n"):
            answer = self.exchange(line)
            self.assertLess(len(answer), 70000)
            if answer:
                self.assertRegex(answer.splitlines()[-1], b"^(error [0-9a-f]+ |ok$)")
        self.assertTrue(self.first.works())
        self.others_go_on()

    def test_a_backend_without_commands(self):
        server = Server("sim:broken", "--control", self.control + "2")
        self.addCleanup(server.stop)
        done = subprocess.run([PCIGATE, "ctl", self.control + "2", "show"], capture_output=True, text=True, timeout=20,
                              check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("has no commands", done.stderr)


if __name__ == "__main__":
    unittest.main()
