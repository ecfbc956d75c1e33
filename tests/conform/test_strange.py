# SPDX-License-Identifier: BSD-3-Clause
"""`pcigate conform vfio-user:` against servers that are not ours: right in ways of their own, and wrong."""

import json
import os
import re
import struct
import subprocess
import threading
import unittest

import strange
from strange import CONFIG, DMA_READ, EINVAL, EIO, GET_INFO, GET_REGION_INFO, HEADER, REGION_READ, VERSION, Refused

PCIGATE = os.environ.get(
    "PCIGATE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "pcigate"))


def start(server, *arguments):
    return subprocess.Popen([PCIGATE, "conform", "vfio-user:" + server.path, *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


class Case(unittest.TestCase):
    def serve(self, kind):
        server = kind()
        self.addCleanup(server.close)
        return server

    def conform(self, kind, *arguments):
        server = self.serve(kind)
        before = bytes(server.config)
        run = start(server, *arguments, "--json")
        out, errors = run.communicate(timeout=120)
        self.assertIn(run.returncode, (0, 1), errors)
        self.assertEqual(bytes(server.config), before, "left other than it was found")
        return {check["id"]: check for check in json.loads(out)["checks"]}

    def failed(self, checks):
        return sorted(name for name, check in checks.items() if check["verdict"] == "fail")


class Legal(Case):
    """What the protocol allows is no fault of the function."""

    def clean(self, kind):
        checks = self.conform(kind)
        self.assertEqual(self.failed(checks), [])
        return checks

    def test_plain(self):
        checks = self.clean(strange.Server)
        self.assertEqual(checks["express.devcap.read-only"]["verdict"], "not applicable")
        self.assertEqual(checks["reset.device"]["verdict"], "not applicable")
        self.assertEqual(checks["chain.ext.terminates"]["verdict"], "not applicable")
        self.assertEqual(checks["gate.memory-off"]["verdict"], "pass")
        self.assertEqual(checks["rw1c.status.neighbour"]["verdict"], "cannot tell")

    def test_4096_bytes_and_nothing_in_them(self):
        class Kind(strange.Server):
            size = 4096
        self.clean(Kind)

    def test_no_bar(self):
        class Kind(strange.Server):
            bar_size = 0
        self.assertEqual(self.clean(Kind)["gate.memory-on"]["verdict"], "not applicable")

    def test_no_json(self):
        class Kind(strange.Server):
            version = None
        self.clean(Kind)

    def test_capabilities_that_nobody_knows(self):
        class Kind(strange.Server):
            version = {"capabilities": {"twin_socket": {"supported": True}, "migration": {"pgsize": 4096}}, "more": []}
        self.clean(Kind)

    def test_no_descriptors_taken(self):
        class Kind(strange.Server):
            version = {"capabilities": {"max_msg_fds": 0}}
        self.clean(Kind)

    def test_four_bytes_at_once(self):
        class Kind(strange.Server):
            version = {"capabilities": {"max_data_xfer_size": 4}}
        self.assertEqual(self.clean(Kind)["widths.whole"]["verdict"], "not applicable")

    def test_a_reset(self):
        class Kind(strange.Server):
            flags = 3
        self.assertEqual(self.clean(Kind)["reset.device"]["verdict"], "pass")

    def test_more_regions_than_pci_has(self):
        class Kind(strange.Server):
            nregions = 12
        self.clean(Kind)

    def test_regions_that_are_refused(self):
        class Kind(strange.Server):
            def region_info(self, index):
                if index not in (0, CONFIG):
                    raise Refused(EINVAL)
                return super().region_info(index)
        self.clean(Kind)

    def test_information_that_does_not_fit_at_first(self):
        class Kind(strange.Server):
            def answer(self, command, body):
                if command != GET_REGION_INFO:
                    return super().answer(command, body)
                argsz, _, index = struct.unpack_from("=III", body)
                info = super().answer(command, body)
                capability = struct.pack("=HHI", 3, 1, 0)
                if index != 0:
                    return info
                # VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, which is nothing to us.
                size = struct.unpack_from("=Q", info, 16)[0]
                if argsz < 40:
                    return struct.pack("=IIIIQQ", 40, 11, index, 0, size, 0)
                return struct.pack("=IIIIQQ", 40, 11, index, 32, size, 0) + capability
        self.clean(Kind)

    def test_questions_before_answers(self):
        class Kind(strange.Server):
            def send(self, number, command, flags, error, body):
                if command == REGION_READ and self.reads % 64 == 1:
                    self.connection.sendall(HEADER.pack(7, DMA_READ, 32, 0, 0) + struct.pack("=QQ", 0x1000, 8))
                    size = HEADER.unpack(self.take(16))[2]
                    self.take(size - 16)
                super().send(number, command, flags, error, body)
        self.clean(Kind)

    def test_odd_accesses_refused(self):
        class Kind(strange.Server):
            def read(self, offset, region, count):
                if count not in (1, 2, 4) or offset % count != 0:
                    raise Refused(EINVAL)
                return super().read(offset, region, count)
        self.assertEqual(self.clean(Kind)["widths.three"]["verdict"], "not applicable")

    def test_memory_that_is_off_is_an_error(self):
        class Kind(strange.Server):
            def read(self, offset, region, count):
                if region == 0 and not self.config[4] & 2:
                    raise Refused(EIO)
                return super().read(offset, region, count)
        self.assertEqual(self.clean(Kind)["gate.memory-off"]["verdict"], "pass")

    def test_memory_answers_where_it_is_placed(self):
        class Kind(strange.Server):
            def read(self, offset, region, count):
                if region == 0 and not any(self.config[0x10:0x14]):
                    raise Refused(EINVAL)
                return super().read(offset, region, count)
        self.assertEqual(self.clean(Kind)["gate.memory-on"]["verdict"], "pass")

    def test_a_region_that_cannot_be_read(self):
        class Kind(strange.Server):
            def region_info(self, index):
                info = bytearray(super().region_info(index))
                info[4] &= ~1 if index == 0 else 0xff
                return bytes(info)
        self.assertEqual(self.clean(Kind)["gate.memory-on"]["verdict"], "not applicable")


class Wrong(Case):
    """What a function gets wrong is told apart, and by name."""

    def test_refused_writes_are_one_fault(self):
        class Kind(strange.Server):
            def write(self, offset, region, data):
                if region == CONFIG and not any(self.mask[offset:offset + len(data)]):
                    raise Refused(EINVAL)
                super().write(offset, region, data)
        checks = self.conform(Kind)
        self.assertEqual(self.failed(checks), ["access.header.write"])
        self.assertIn("is refused: Invalid argument", checks["access.header.write"]["message"])

    def test_put_back_by_dwords_where_bytes_are_refused(self):
        class Kind(strange.Server):
            def write(self, offset, region, data):
                if region == CONFIG and len(data) != 4:
                    raise Refused(EINVAL)
                super().write(offset, region, data)
        # What it takes to check Command at all is missing; what was written is put back all the same.
        self.assertNotIn("suite.restores", self.failed(self.conform(Kind)))

    def test_registers_that_cannot_be_read(self):
        class Kind(strange.Server):
            def read(self, offset, region, count):
                if region == CONFIG and offset + count > 0x40:
                    raise Refused(EIO)
                return super().read(offset, region, count)
        checks = self.conform(Kind)
        self.assertIn("access.config.read", self.failed(checks))
        self.assertEqual(checks["header.vendor.read-only"]["verdict"], "pass")
        self.assertEqual(checks["suite.restores"]["verdict"], "pass")

    def test_short_answers_are_failed_reads(self):
        class Kind(strange.Server):
            def answer(self, command, body):
                data = super().answer(command, body)
                offset, region, count = struct.unpack_from("=QII", body) if command == REGION_READ else (0, 0, 0)
                return data[:-1] if (offset, region, count) == (0x2c, CONFIG, 4) else data
        self.assertEqual(self.conform(Kind)["access.config.read"]["verdict"], "fail")

    def test_errors_that_sound_like_the_end(self):
        class Kind(strange.Server):
            def read(self, offset, region, count):
                if region == 0:
                    raise Refused(107)  # ENOTCONN: the function's own words, not the connection's
                return super().read(offset, region, count)
        self.assertEqual(self.conform(Kind)["gate.memory-on"]["verdict"], "fail")

    def test_a_reset_that_is_said_to_be_there(self):
        class Kind(strange.Server):
            flags = 3

            def reset(self):
                raise Refused(EIO)
        self.assertEqual(self.failed(self.conform(Kind)), ["reset.device"])

    def test_noise(self):
        class Kind(strange.Server):
            def read(self, offset, region, count):
                self.room(offset, region, count)
                return os.urandom(count)
        server = self.serve(Kind)
        run = start(server, "--json")
        out, errors = run.communicate(timeout=120)
        self.assertEqual(run.returncode, 1, errors)
        self.assertIn("widths.stable", self.failed({c["id"]: c for c in json.loads(out)["checks"]}))


class Short(strange.Server):
    """The header says less than a header."""

    def send(self, number, command, flags, error, body):
        if self.reads > 10:
            self.connection.sendall(HEADER.pack(number, command, 15, flags, error))
        else:
            super().send(number, command, flags, error, body)


class Huge(strange.Server):
    def send(self, number, command, flags, error, body):
        if self.reads > 10:
            self.connection.sendall(HEADER.pack(number, command, 0xffffffff, flags, error) + body)
        else:
            super().send(number, command, flags, error, body)


class Other(strange.Server):
    """Another question's answer."""

    def send(self, number, command, flags, error, body):
        super().send(number + (self.reads > 10) & 0xffff, command, flags, error, body)


class Half(strange.Server):
    """The end in the middle of a message."""

    def send(self, number, command, flags, error, body):
        if self.reads > 300:
            self.connection.sendall(HEADER.pack(number, command, 16 + len(body), flags, error)[:9])
            raise strange.Gone
        super().send(number, command, flags, error, body)


class Silent(strange.Server):
    def send(self, number, command, flags, error, body):
        if self.reads < 300:
            super().send(number, command, flags, error, body)


class Slow(strange.Server):
    """A byte now and then, so that each wait is short and all of them have no end."""

    def send(self, number, command, flags, error, body):
        data = HEADER.pack(number, command, 16 + len(body), flags, error) + body
        if self.reads < 20:
            self.connection.sendall(data)
            return
        for i in range(len(data)):
            self.connection.sendall(data[i:i + 1])
            pause(2)


class Curious(strange.Server):
    """Questions without end in place of an answer."""

    def send(self, number, command, flags, error, body):
        while self.reads > 20:
            self.connection.sendall(HEADER.pack(1, DMA_READ, 32, 0, 0) + struct.pack("=QQ", 0, 1 << 20))
            self.take(HEADER.unpack(self.take(16))[2] - 16)
        super().send(number, command, flags, error, body)


class Deaf(strange.Server):
    """Nothing is read either: the client's own messages back up."""

    def run(self):
        self.connection, _ = self.listener.accept()
        pause(60)


def pause(seconds):
    threading.Event().wait(seconds)


class Hostile(Case):
    def test_each_one_ends(self):
        kinds = (Short, Huge, Other, Half, Silent, Slow, Curious, Deaf)
        runs = [(kind.__name__, start(self.serve(kind))) for kind in kinds]
        try:
            for name, run in runs:
                with self.subTest(name):
                    out, errors = run.communicate(timeout=60)
                    self.assertEqual(run.returncode, 3, out)
                    self.assertTrue(errors.strip())
                    if out:
                        self.assertRegex(out, r"(?m)^Bail out! ")
        finally:
            for _, run in runs:
                run.kill()
                run.wait()

    def test_what_is_no_pci_function_is_refused(self):
        def info(flags, nregions):
            return lambda self, command, body: (
                struct.pack("=IIII", 16, flags, nregions, 5) if command == GET_INFO
                else strange.Server.answer(self, command, body))

        def hello(text, major=0):
            return lambda self, command, body: (
                struct.pack("=HH", major, 0) + text if command == VERSION
                else strange.Server.answer(self, command, body))

        for name, answer, word in (("no PCI", info(0, 8), "no PCI function"),
                                   ("no configuration space", info(2, 3), "region 7"),
                                   ("another protocol", hello(b"", 1), "0\\.x|version"),
                                   ("no JSON", hello(b"{\0"), "VERSION|JSON"),
                                   ("nothing at once", hello(b'{"capabilities":{"max_data_xfer_size":0}}\0'),
                                    "max_data_xfer_size")):
            with self.subTest(name):
                run = start(self.serve(type("Kind", (strange.Server,), {"answer": answer})))
                out, errors = run.communicate(timeout=60)
                self.assertEqual((run.returncode, out), (3, ""))
                self.assertTrue(re.search(word, errors), errors)


if __name__ == "__main__":
    unittest.main()
