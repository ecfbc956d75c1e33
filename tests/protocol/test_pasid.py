# SPDX-License-Identifier: BSD-3-Clause
"""Features by which a client drives PASIDs, and what the fabric lets through: each request that is allowed is carried
out, each that is not is blocked and recorded, function by function."""

import errno
import itertools
import os
import struct
import sys
import time
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from vfio_user import *
from vfio_user import Client as Wire
from client import GET, PROBE, SET, ByLibrary, Client, ClientError

PASID, SPACE, PAGE_REQUEST, FAULT, EVENT = range(0x8002, 0x8007)
SIZE = {PASID: 136, SPACE: 40, PAGE_REQUEST: 16, FAULT: 16, EVENT: 8}
BATCH = 64

EXECUTE, PRIVILEGED, ATS, PAGES = 1, 2, 4, 8  # of PASID
SPOKEN, FORCED = 1, 2
CREATE, DESTROY, MAP, UNMAP, ATTACH, DETACH = range(6)
R, W, X, U = 1, 2, 4, 8  # of a map
F_READ, F_WRITE, F_EXECUTE, F_PRIVILEGED, F_PASID, F_LAST = 1, 2, 4, 8, 16, 32
(NO_FAULT, BLOCKED, PASID_OFF, WIDE, UNKNOWN, NOT_MAPPED, NO_READ, NO_WRITE, NO_EXECUTE, EXECUTE_OFF, PRIVILEGED_OFF,
 SUPERVISOR, TRANSLATED) = range(13)
LOST_FUNCTION, LOST_PASID, LOST_PAGES = 1, 2, 4
SUCCESS, INVALID, FAILURE = 0, 1, 15

ID_ATS, ID_PRI, ID_PASID = 0x0f, 0x13, 0x1b
EP_PASID, EP_REQUEST, EP_RESULT, EP_GROUP = 0x40, 0x44, 0x48, 0x4c
Q_EXECUTE, Q_PRIVILEGED, Q_TRANSLATE, Q_PAGE = 1, 2, 4, 8  # REQUEST_FLAGS
PRESENT = 1 << 31
OK, BAD = 1, 2  # STATUS of READ

PAGE = 4096
MEMORY = 0x100000  # where the client's memory stands
FUNCTION = "sim:endpoint-test,vfs=2,pasid=20:exec:priv,ats=on,pri=64"
ON = ("--policy", "pasid=on", "--policy", "ats=on", "--policy", "pri=on")


class Driver:
    """A client of one function that speaks PASID. Its wire is the same connection, for what the library never sends."""

    def __init__(self, case, path):
        self.case = case
        connection = socket.socket(socket.AF_UNIX)
        case.addCleanup(connection.close)
        connection.connect(path)
        self.c = Client(connection)
        case.addCleanup(self.c.close)
        self.wire = Wire(connection, version=False)

    def close(self):
        self.c.close()
        self.wire.close()

    # features

    def feature(self, flags, payload=b"", room=0, fds=()):
        answer = self.wire.call(FEATURE, struct.pack("=II", 8 + max(len(payload), room), flags) + payload, fds).body
        argsz, echo = struct.unpack_from("=II", answer)
        self.case.assertEqual((argsz, echo), (len(answer), flags))
        return answer[8:]

    def offer(self):
        """(shown, shown width, can, can width, page requests, state, offsets, reason)"""
        o = self.c.pasid_offer()
        self.case.assertEqual(o.reserved, 0)
        return (o.shown, o.shown_width, o.can, o.can_width, o.page_requests, o.state, (o.pasid_at, o.ats_at, o.pri_at),
                o.reason.decode())

    def speak(self, flags=EXECUTE | PRIVILEGED | ATS | PAGES, width=20):
        self.c.pasid(width, flags)

    def space(self, verb, space=0, pasid=0, flags=0, iova=0, size=0, address=0):
        if verb == CREATE:
            return self.c.space_create()
        return {DESTROY: lambda: self.c.space_destroy(space),
                MAP: lambda: self.c.space_map(space, iova, size, address, flags),
                UNMAP: lambda: self.c.space_unmap(space, iova, size),
                ATTACH: lambda: self.c.pasid_attach(pasid, space),
                DETACH: lambda: self.c.pasid_detach(pasid)}[verb]()

    def faults(self, wanted=BATCH):
        """(reason, PASID or None, address, flags, lost) each"""
        entries = self.c.faults(wanted)
        self.case.assertTrue(all(f.reserved == 0 for f in entries))
        return [(f.reason, f.pasid if f.flags & F_PASID else None, f.address, f.flags & ~F_PASID, f.lost)
                for f in entries]

    def pages(self, wanted=BATCH):
        """(address, PASID, group, flags) each"""
        return [(p.address, p.pasid, p.group, p.flags) for p in self.c.page_requests(wanted)]

    def respond(self, *responses):
        """(PASID or None, group, code) each; how many were answered"""
        return self.c.page_respond([(pasid or 0, group, code, F_PASID if pasid is not None else 0)
                                    for pasid, group, code in responses])

    def listen(self):
        fd = self.case.eventfd()
        self.c.event_enable(fd)
        return fd

    def lost(self):
        return self.c.event_lost()

    # configuration space

    def capability(self, wanted):
        found = self.c.find(wanted, extended=True)
        return found.offset if found else None

    def word(self, at):
        return self.c.config_read16(at)

    def set_word(self, at, value):
        self.c.config_write16(at, value)

    def control(self, pasid=True, execute=False, privileged=False):
        at = self.capability(ID_PASID) + 6
        value = pasid | execute << 1 | privileged << 2
        self.set_word(at, value)
        self.case.assertEqual(self.word(at), value)

    def ask_pages(self, allocation=8, on=True):
        if on:
            self.set_word(self.capability(ID_ATS) + 6, 0x8000)
        pri = self.capability(ID_PRI)
        self.c.config_write32(pri + 12, allocation)
        self.set_word(pri + 4, int(on))

    def page_status(self):
        return self.word(self.capability(ID_PRI) + 6)

    # the endpoint

    def begin(self, address, pasid=None, flags=0, size=PAGE, command=EP_READ):
        for register, value in ((EP_STATUS, 0), (EP_SRC, address), (EP_SRC + 4, address >> 32), (EP_DST, address),
                                (EP_DST + 4, address >> 32), (EP_SIZE, size), (EP_REQUEST, flags),
                                (EP_PASID, 0 if pasid is None else PRESENT | pasid), (EP_COMMAND, command)):
            self.c.write32(0, register, value & 0xffffffff)

    def ended(self, command=EP_READ):
        """Whether it succeeded."""
        shift = {EP_READ: 0, EP_WRITE: 2}[command]
        end = time.monotonic() + 5
        while time.monotonic() < end:
            status = self.c.read32(0, EP_STATUS) >> shift & 3
            if status:
                return status == 1
        raise TimeoutError("the command does not end")

    def did(self, command, *arguments, **keywords):
        self.begin(*arguments, command=command, **keywords)
        return self.ended(command)

    def expect(self, data):
        """READ succeeds where this is read."""
        self.c.write32(0, EP_CHECKSUM, ~zlib.crc32(data) & 0xffffffff)

    # all of it

    def ready(self, flags=EXECUTE | PRIVILEGED | ATS | PAGES, width=20, memory=4):
        """It speaks, has memory whose pages are told apart, and is on."""
        self.speak(flags, width)
        fd = self.case.memfd(memory * PAGE)
        for i in range(memory):
            os.pwrite(fd, bytes([i + 1]) * PAGE, i * PAGE)
        self.c.dma_map(MEMORY, memory * PAGE, fd)
        self.c.config_write16(4, 6)
        self.fd = fd
        return self

    def mapped(self, pasid, flags, iova=0, page=0, pages=1):
        space = self.space(CREATE)
        self.space(MAP, space, flags=flags, iova=iova, size=pages * PAGE, address=MEMORY + page * PAGE)
        self.space(ATTACH, space, pasid)
        return space


class Fabric(ByLibrary, Case):
    """Two VFs of one PF, each with a socket, and perhaps the PF."""

    WITH = ("vf=0", "vf=1")
    OPTIONS = ON
    FUNCTION = FUNCTION

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.paths = [os.path.join(self.directory, str(i)) for i in range(len(self.WITH))]
        self.control = os.path.join(self.directory, "control")
        names = [self.FUNCTION + ("," + which if which else "") for which in self.WITH]
        self.server = Server(*(f"{name}={path}" for name, path in zip(names, self.paths)), *self.OPTIONS,
                             "--control", self.control, listen=False)
        self.addCleanup(self._stop)
        for path in self.paths:
            self.assertTrue(self.server.said("listening on " + path, 10), self.server.log())

    def driver(self, which=0):
        return Driver(self, self.paths[which])

    def refused_on_the_wire(self, *arguments):
        Case.refused(self, *arguments)

    def ctl(self, *words):
        done = subprocess.run([PCIGATE, "ctl", self.control, *words], capture_output=True, text=True, timeout=20,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class Shown(Fabric):
    """What a client sees before and after it has spoken."""

    def test_all_can_be_asked_for(self):
        c = self.driver().wire
        for index in SIZE:
            can = SET if index == SPACE else GET if index == FAULT else GET | SET
            for flags in (0, GET, SET, GET | SET):
                message = struct.pack("=II", 8, index | PROBE | flags)
                if flags & ~can:
                    self.refused_on_the_wire(errno.ENOTTY, c.call, FEATURE, message)
                else:
                    self.assertEqual(c.call(FEATURE, message).body, message)

    def test_who_says_nothing_sees_nothing(self):
        d = self.driver()
        for wanted in (ID_PASID, ID_ATS, ID_PRI):
            self.assertIsNone(d.capability(wanted))
        shown, width, can, can_width, requests, state, places, reason = d.offer()
        self.assertEqual((shown, width, can, can_width), (0, 0, 15, 20))
        self.assertEqual((requests, state, reason), (64, 0, ""))
        self.assertTrue(all(at >= 0x100 and at % 4 == 0 for at in places))

    def test_who_speaks_sees_it_there(self):
        d = self.driver()
        places = d.offer()[6]
        d.speak()
        self.assertEqual((d.capability(ID_PASID), d.capability(ID_ATS), d.capability(ID_PRI)), places)
        self.assertEqual(d.word(places[0] + 4), 20 << 8 | 6)
        self.assertEqual(d.offer()[:2], (15, 20))
        self.assertEqual(d.offer()[5], SPOKEN)

    def test_as_much_as_the_client_drives(self):
        d = self.driver()
        d.speak(PRIVILEGED, 8)
        self.assertEqual(d.word(d.capability(ID_PASID) + 4), 8 << 8 | 4)
        self.assertIsNone(d.capability(ID_ATS))
        self.assertEqual(d.offer()[:2], (PRIVILEGED, 8))
        d.speak(0, 0)
        self.assertIsNone(d.capability(ID_PASID))
        self.assertEqual(d.offer()[5], 0)

    def test_the_next_client_sees_nothing(self):
        d = self.driver()
        d.speak()
        d.close()
        d = self.driver()
        self.assertIsNone(d.capability(ID_PASID))
        self.assertEqual(d.offer()[5], 0)
        self.refused(errno.EOPNOTSUPP, d.space, CREATE)

    def test_each_function_by_itself(self):
        one, other = self.driver(0), self.driver(1)
        one.speak()
        self.assertIsNone(other.capability(ID_PASID))
        other.speak(0, 4)
        self.assertEqual(one.word(one.capability(ID_PASID) + 4) >> 8, 20)
        self.assertEqual(other.word(other.capability(ID_PASID) + 4) >> 8, 4)

    def test_too_late(self):
        d = self.driver()
        d.c.config_write16(4, 4)
        self.refused(errno.EBUSY, d.speak)
        self.assertRegex(d.offer()[7], "COMMAND")
        d.c.config_write16(4, 0)
        d.speak()
        d.c.config_write16(4, 4)
        d.speak()  # what is

    def test_what_makes_no_sense(self):
        d = self.driver()
        self.refused(errno.EINVAL, d.speak, 0, 21)
        self.refused(errno.EINVAL, d.speak, 0, 0xffffffff)
        self.refused(errno.EINVAL, d.speak, 16, 20)
        self.refused(errno.EINVAL, d.speak, 1 << 31, 20)
        self.assertIsNone(d.capability(ID_PASID))


class Placed(Fabric):
    OPTIONS = ("--policy", "pasid=on", "--policy", "pasid-at=0x400", "--policy", "pasid-width=9")

    def test_where_the_operator_says(self):
        d = self.driver()
        self.assertEqual(d.offer()[2:4], (EXECUTE | PRIVILEGED, 9))
        self.assertEqual(d.offer()[6], (0x400, 0, 0))
        d.speak()
        self.assertEqual(d.capability(ID_PASID), 0x400)
        self.assertEqual(d.word(0x404) >> 8, 9)


class Forced(Fabric):
    FUNCTION = "sim:endpoint-test,vfs=2"
    OPTIONS = ("--policy", "pasid=force")

    def test_it_is_there_and_says_what_it_is(self):
        d = self.driver()
        self.assertIsNotNone(d.capability(ID_PASID))
        shown, width, can, can_width, _, state, _, reason = d.offer()
        self.assertEqual((shown, width, can, can_width, state), (0, 20, 0, 0, FORCED))
        self.assertRegex(reason, "no PASID")
        self.assertTrue(self.server.said("configuration only"))
        self.refused(errno.EOPNOTSUPP, d.speak)
        self.refused(errno.EOPNOTSUPP, d.space, CREATE)
        self.refused(errno.EOPNOTSUPP, d.faults)


class NotOffered(Fabric):
    OPTIONS = ()

    def test_the_reason_is_said(self):
        d = self.driver()
        shown, width, can, can_width, requests, state, places, reason = d.offer()
        self.assertEqual((shown, width, can, can_width, requests, state), (0,) * 6)
        self.assertRegex(reason, "--policy pasid=on")
        self.refused(errno.EOPNOTSUPP, d.speak)
        for call in (d.faults, d.pages, lambda: d.respond((1, 0, 0)), lambda: d.space(CREATE)):
            self.refused(errno.EOPNOTSUPP, call)


class Requests(Fabric):
    """Two VFs at once."""

    def setUp(self):
        super().setUp()
        self.d = [self.driver(i).ready() for i in range(2)]

    def expected(self, enabled, asked, flags, write):
        """Why a request is blocked; 0: it is not. As PCIe 6.0, 6.20.2 and 7.8.9.3 have it."""
        pasid, execute, privileged = enabled
        if not pasid:
            return PASID_OFF
        if asked & Q_EXECUTE and not write and not execute:
            return EXECUTE_OFF
        if asked & Q_PRIVILEGED and not privileged:
            return PRIVILEGED_OFF
        if not flags & U and not asked & Q_PRIVILEGED:
            return SUPERVISOR
        if write and not flags & W:
            return NO_WRITE
        if not write and not flags & R:
            return NO_READ
        return NO_EXECUTE if asked & Q_EXECUTE and not write and not flags & X else 0

    def test_every_combination(self):
        """Enable, execute and privileged on and off in either; every kind of request and of page."""
        kinds = [R | U, W | U, R | W | U, R | X | U, R, R | W | X]
        for d in self.d:
            for i, flags in enumerate(kinds):
                d.mapped(5 + i, flags, iova=0x40000)
        allowed = blocked = 0
        each = tuple(itertools.product((False, True), repeat=3))
        for both in itertools.product(each, each):
            for d, on in zip(self.d, both):
                d.control(*on)
            for asked, (i, flags), command in itertools.product(range(4), enumerate(kinds), (EP_READ, EP_WRITE)):
                for d in self.d:
                    d.expect(bytes([1]) * PAGE)
                    d.begin(0x40000, 5 + i, asked, command=command)
                for d, on in zip(self.d, both):
                    write = command == EP_WRITE
                    why = self.expected(on, asked, flags, write)
                    with self.subTest(on=on, both=both, asked=asked, flags=flags, write=write):
                        ended = d.ended(command)
                        if write and ended:
                            os.pwrite(d.fd, bytes([1]) * PAGE, 0)
                        self.assertEqual(ended, not why)
                        records = {record[:4] for record in d.faults()}
                        sent = (F_WRITE if write else F_READ) | \
                            (F_EXECUTE if asked & Q_EXECUTE and not write else 0) | \
                            (F_PRIVILEGED if asked & Q_PRIVILEGED else 0)
                        self.assertEqual({(r, p, f) for r, p, _, f in records}, {(why, 5 + i, sent)} if why else set())
                        self.assertTrue(all(0x40000 <= a < 0x40000 + PAGE for _, _, a, _ in records))
                        allowed, blocked = allowed + (not why), blocked + bool(why)
        self.assertGreater(allowed, 400)
        self.assertGreater(blocked, 1600)

    def test_one_function_does_not_reach_the_others_spaces(self):
        one, other = self.d
        for d in self.d:
            d.control()
        space = one.mapped(7, R | U)
        one.expect(bytes([1]) * PAGE)
        self.assertTrue(one.did(EP_READ, 0, 7))
        self.refused(errno.ENOENT, other.space, ATTACH, space, 7)
        self.refused(errno.ENOENT, other.space, DESTROY, space)
        self.refused(errno.ENOENT, other.space, MAP, space, 0, R, 0, PAGE, MEMORY)
        self.assertFalse(other.did(EP_READ, 0, 7))
        self.assertEqual({f[:2] for f in other.faults()}, {(UNKNOWN, 7)})
        # The same number may be theirs as well: it is another space.
        mine = other.mapped(7, R | U, page=1)
        self.assertEqual(mine, space)
        other.expect(bytes([2]) * PAGE)
        self.assertTrue(other.did(EP_READ, 0, 7))
        other.space(DESTROY, mine)
        self.assertTrue(one.did(EP_READ, 0, 7))
        self.assertEqual(one.faults(), [])

    def test_spaces(self):
        d = self.d[0]
        d.control()
        one, other = d.mapped(1, R | U, page=0), d.mapped(2, R | U, page=1)
        for pasid, page in ((1, 0), (2, 1)):
            d.expect(bytes([page + 1]) * PAGE)
            self.assertTrue(d.did(EP_READ, 0, pasid))
        d.space(ATTACH, other, 1)  # instead
        self.assertTrue(d.did(EP_READ, 0, 1))
        d.space(DETACH, pasid=1)
        self.refused(errno.ENOENT, d.space, DETACH, pasid=1)
        self.assertFalse(d.did(EP_READ, 0, 1))
        d.space(UNMAP, other, iova=0, size=PAGE)
        self.assertFalse(d.did(EP_READ, 0, 2))
        d.space(DESTROY, other)
        self.assertFalse(d.did(EP_READ, 0, 2))
        self.assertEqual([f[0] for f in d.faults()], [UNKNOWN, NOT_MAPPED, UNKNOWN])
        self.refused(errno.EEXIST, d.space, MAP, one, 0, R, 0, 2 * PAGE, MEMORY)
        self.refused(errno.ENOENT, d.space, UNMAP, one, 0, 0, PAGE, PAGE)
        for flags, iova, size, address in ((0, PAGE, PAGE, 0), (16, PAGE, PAGE, 0), (R, 1, PAGE, 0), (R, PAGE, 0, 0),
                                           (R, PAGE, 1, 0), (R, PAGE, PAGE, 1), (R, -PAGE % 2**64, 2 * PAGE, 0)):
            self.refused(errno.EINVAL, d.space, MAP, one, 0, flags, iova, size, address)
        for verb in (6, 0xffffffff):
            self.refused_on_the_wire(errno.EINVAL, d.feature, SPACE | SET, struct.pack("=I", verb) + bytes(36))
        self.refused(errno.ERANGE, d.space, ATTACH, one, 1 << 20)

    def test_a_map_reaches_what_the_client_maps_and_no_more(self):
        d = self.d[0]
        d.control()
        d.mapped(1, R | W | U, page=4)  # past the client's memory
        self.assertFalse(d.did(EP_READ, 0, 1))
        self.assertEqual({f[:2] for f in d.faults()}, {(NOT_MAPPED, 1)})
        d.c.dma_map(MEMORY + 4 * PAGE, PAGE, d.fd)
        d.expect(bytes([1]) * PAGE)
        self.assertTrue(d.did(EP_READ, 0, 1))

    def test_a_width_that_is_shown_is_enforced(self):
        d = self.d[0]
        d.close()
        d = self.driver().ready(0, 4)
        d.control()
        space = d.mapped(15, R | U)
        self.refused(errno.ERANGE, d.space, ATTACH, space, 16)
        d.expect(bytes([1]) * PAGE)
        self.assertTrue(d.did(EP_READ, 0, 15))
        self.assertFalse(d.did(EP_READ, 0, 16))
        self.assertEqual([f[:2] for f in d.faults()], [(WIDE, 16)])
        self.refused(errno.EOPNOTSUPP, d.pages)

    def test_a_reset_takes_spaces_along(self):
        d = self.d[0]
        d.control()
        space = d.mapped(1, R | U)
        d.c.reset()
        self.refused(errno.ENOENT, d.space, ATTACH, space, 1)
        self.assertEqual(d.word(d.capability(ID_PASID) + 6), 0)
        d.c.config_write16(4, 6)
        d.control()
        self.assertFalse(d.did(EP_READ, 0, 1))
        d.mapped(1, R | U)
        d.expect(bytes([1]) * PAGE)
        self.assertTrue(d.did(EP_READ, 0, 1))


class Bounds(Fabric):
    """A client that never has enough."""

    WITH = ("vf=0",)

    def setUp(self):
        super().setUp()
        self.d = self.driver().ready()
        self.d.control()

    def until(self, error, call, most):
        for n in range(most):
            try:
                call(n)
            except ClientError as refused:
                self.assertEqual(refused.errno, error)
                return n
        self.fail("there is no end")

    def test_spaces_and_pasids(self):
        spaces = self.until(errno.ENOSPC, lambda _: self.d.space(CREATE), 1000)
        self.assertEqual(spaces, 64)
        self.d.close()
        d = self.d = self.driver().ready()
        space = d.space(CREATE)
        self.assertEqual(self.until(errno.ENOSPC, lambda n: d.space(ATTACH, space, n), 10000), 4096)
        d.space(DETACH, pasid=5)
        d.space(ATTACH, space, 77777)

    def test_memory(self):
        space = self.d.space(CREATE)
        before = self.server.memory()
        for first in range(0, 65536, 256):  # many at a time: it is quicker so
            self.d.wire.send_raw(b"".join(
                self.d.wire.message(FEATURE, struct.pack("=IIIIIIQQQ", 8 + SIZE[SPACE], SPACE | SET, MAP, space, 0, R,
                                                      n * PAGE, PAGE, MEMORY)) for n in range(first, first + 256)))
            for _ in range(256):
                self.d.wire.reply()
        self.refused(errno.ENOSPC, self.d.space, MAP, space, 0, R, 65536 * PAGE, PAGE, MEMORY)
        self.assertLess(self.server.memory() - before, 16384)
        self.d.space(UNMAP, space)
        self.d.space(MAP, space, 0, R, 0, PAGE, MEMORY)

    def test_records_that_nobody_takes(self):
        for n in range(300):
            self.assertFalse(self.d.did(EP_READ, n * PAGE, 9, size=4))
        records = []
        while taken := self.d.faults(50):
            records += taken
        self.assertEqual(len(records), 256)
        self.assertEqual([r[2] for r in records[:255]], [n * PAGE for n in range(255)])
        self.assertEqual(records[-1][2], 299 * PAGE)
        self.assertEqual([r[4] for r in records], [0] * 255 + [44])

    def test_records_go_with_the_client(self):
        self.assertFalse(self.d.did(EP_READ, 0, 9))
        self.d.close()
        d = self.driver()
        d.speak()
        self.assertEqual(d.faults(), [])

    def test_payloads_that_make_no_sense(self):
        feature, refused = self.d.feature, self.refused_on_the_wire
        for index, size in SIZE.items():
            for verb in (GET, SET):
                if (index, verb) in ((SPACE, GET), (FAULT, SET)):
                    refused(errno.ENOTTY, feature, index | verb, bytes(size))
                    continue
                refused(errno.EINVAL, feature, index | verb, bytes(size - 1))
                refused(errno.EINVAL, self.d.wire.call, FEATURE,
                        struct.pack("=II", 8 + size - 1, index | verb) + bytes(size))
        for index, entry in ((PAGE_REQUEST, 16), (FAULT, 24)):
            for count, room in ((0, 1000), (1, 16 + entry - 1), (BATCH + 1, 4096), (0xffffffff, 0xffff)):
                refused(errno.EINVAL, feature, index | GET, struct.pack("=IIII", count, 0, 0, 0), room)
            self.assertEqual(feature(index | GET, struct.pack("=IIII", BATCH, 0, 0, 0), 0xffffff00), bytes(16))
        for count, sent in ((0, 64), (1, 7), (2, 15), (BATCH + 1, 8 * BATCH), (0xffffffff, 8 * BATCH)):
            refused(errno.EINVAL, feature, PAGE_REQUEST | SET, struct.pack("=IIII", count, 0, 0, 0) + bytes(sent))
        refused(errno.EINVAL, feature, PAGE_REQUEST | SET,
                struct.pack("=IIII", 1, 0, 0, 0) + struct.pack("=IHBB", 1, 0, 0, 1))

    def test_only_an_eventfd_is_signalled(self):
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        before = self.server.fds()
        for fds in ([read], [write], [self.memfd(PAGE)], [self.eventfd(), self.eventfd()]):
            self.refused_on_the_wire(errno.EINVAL, self.d.feature, EVENT | SET, bytes(8), 0, fds)
        self.assertEqual(self.server.settled_fds(before), before)
        for _ in range(20):
            self.d.listen()
        self.assertEqual(self.server.settled_fds(before + 1), before + 1)
        full = self.eventfd()
        os.eventfd_write(full, 2**64 - 2)
        self.d.c.event_enable(full)
        self.assertFalse(self.d.did(EP_READ, 0, 9))
        self.d.c.event_disable()
        self.assertEqual(self.server.settled_fds(before), before)
        self.d.listen()
        self.d.close()
        self.d = self.driver().ready()
        self.assertEqual(self.server.settled_fds(before), before)

    def test_it_is_told(self):
        fd = self.d.listen()
        self.assertEqual(count(fd), 1)  # look what there was
        self.assertFalse(self.d.did(EP_READ, 0, 9))
        self.assertGreaterEqual(count(fd, 1), 1)
        self.d.c.event_disable()
        self.assertFalse(self.d.did(EP_READ, 0, 9))
        self.assertEqual(count(fd, 0.1), 0)


class Pages(Fabric):
    """Page requests."""

    def setUp(self):
        super().setUp()
        self.d = self.driver().ready()
        self.d.control(True, True, True)
        self.d.ask_pages()
        self.d.expect(bytes([1]) * PAGE)

    def asked(self, d=None):
        """The next page request."""
        d = d or self.d
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if pages := d.pages():
                return pages
        self.fail("no page was asked for")

    def test_given(self):
        d = self.d
        fd = d.listen()
        count(fd)
        space = d.mapped(3, R | U, iova=0x80000)
        d.begin(0, 3, Q_TRANSLATE | Q_PAGE)
        self.assertEqual(count(fd, 2), 1)
        (address, pasid, group, flags), = self.asked()
        self.assertEqual((address, pasid, flags), (0, 3, F_READ | F_PASID | F_LAST))
        self.assertEqual(d.c.read32(0, EP_STATUS) & 3, 0)
        d.space(MAP, space, flags=R | U, iova=0, size=PAGE, address=MEMORY)
        self.assertEqual(d.respond((3, group, SUCCESS)), 1)
        self.assertTrue(d.ended())
        self.assertEqual(d.pages(), [])
        self.refused(errno.ENOENT, d.respond, (3, group, SUCCESS))

    def test_refused(self):
        d = self.d
        d.mapped(3, R | U, iova=0x80000)
        for code, status in ((INVALID, 0), (FAILURE, 1)):
            d.begin(0, 3, Q_TRANSLATE | Q_PAGE)
            (_, _, group, _), = self.asked()
            self.assertEqual(d.respond((3, group, code)), 1)
            self.assertFalse(d.ended())
            self.assertEqual(d.c.read32(0, EP_RESULT) >> 8 & 15, code)
            self.assertEqual(d.page_status() & 1, status)  # Response Failure

    def test_answers_that_nobody_waits_for(self):
        d = self.d
        d.mapped(3, R | U, iova=0x80000)
        self.refused(errno.ENOENT, d.respond, (3, 0, SUCCESS))
        d.begin(0, 3, Q_TRANSLATE | Q_PAGE)
        (_, _, group, _), = self.asked()
        self.refused(errno.EINVAL, d.respond, (3, group, 2))
        self.refused(errno.ENOENT, d.respond, (4, group, SUCCESS))
        self.refused(errno.ENOENT, d.respond, (None, group, SUCCESS))
        self.refused(errno.ENOENT, self.driver(1).ready().respond, (3, group, SUCCESS))
        # Up to the first that cannot be.
        self.assertEqual(d.respond((3, group, INVALID), (3, group, SUCCESS), (3, 99, SUCCESS)), 1)
        self.assertFalse(d.ended())

    def test_without_an_allocation_nothing_is_asked(self):
        d = self.d
        d.ask_pages(on=False)
        d.ask_pages(allocation=0)
        d.mapped(3, R | U, iova=0x80000)
        self.assertFalse(d.did(EP_READ, 0, 3, Q_TRANSLATE | Q_PAGE))
        self.assertEqual(d.pages(), [])

    def test_off_and_stopped(self):
        d = self.d
        self.assertEqual(d.page_status() & 0x100, 0)
        d.ask_pages(on=False)
        self.assertEqual(d.page_status() & 0x100, 0x100)
        d.mapped(3, R | U, iova=0x80000)
        self.assertFalse(d.did(EP_READ, 0, 3, Q_TRANSLATE | Q_PAGE))
        self.assertEqual(d.pages(), [])

    def test_stopped_only_when_none_waits(self):
        d = self.d
        d.mapped(3, R | U, iova=0x80000)
        d.begin(0, 3, Q_TRANSLATE | Q_PAGE)
        (_, _, group, _), = self.asked()
        d.ask_pages(on=False)
        self.assertEqual(d.page_status() & 0x100, 0)
        d.respond((3, group, INVALID))
        self.assertFalse(d.ended())
        self.assertEqual(d.page_status() & 0x100, 0x100)

    def test_page_reset_forgets(self):
        d = self.d
        d.mapped(3, R | U, iova=0x80000)
        d.begin(0, 3, Q_TRANSLATE | Q_PAGE)
        (_, _, group, _), = self.asked()
        d.set_word(d.capability(ID_PRI) + 4, 2)
        self.assertFalse(d.ended())
        self.assertEqual(d.page_status() & 0x100, 0x100)
        self.refused(errno.ENOENT, d.respond, (3, group, SUCCESS))

    def test_one_that_never_answers_does_not_hold_the_other(self):
        one, other = self.d, self.driver(1).ready()
        other.control()
        other.ask_pages()
        other.expect(bytes([1]) * PAGE)
        one.mapped(3, R | U, iova=0x80000)
        one.begin(0, 3, Q_TRANSLATE | Q_PAGE)
        self.asked()
        space = other.mapped(3, R | U, iova=0x80000)
        other.begin(0, 3, Q_TRANSLATE | Q_PAGE)
        (_, _, group, _), = self.asked(other)
        other.space(MAP, space, flags=R | U, iova=0, size=PAGE, address=MEMORY)
        other.respond((3, group, SUCCESS))
        self.assertTrue(other.ended())
        one.close()
        self.driver(0).ready()


class Physical(Fabric):
    """A PF with a client of its own, next to its VFs."""

    WITH = ("token=00112233-4455-6677-8899-aabbccddeeff", *(
        f"vf={n},token=00112233-4455-6677-8899-aabbccddeeff" for n in range(2)))

    def setUp(self):
        super().setUp()
        self.pf = self.driver(0).ready()
        self.pf.control()
        self.vfs = [self.driver(i).ready() for i in (1, 2)]
        self.told = []
        for vf in self.vfs:
            vf.control()
            vf.mapped(1, R | U)
            vf.expect(bytes([1]) * PAGE)
            self.assertTrue(vf.did(EP_READ, 0, 1))
            self.told.append(vf.listen())
            count(self.told[-1])

    def test_pasid_turned_off(self):
        self.pf.control(False)
        for vf, fd in zip(self.vfs, self.told):
            self.assertGreaterEqual(count(fd, 1), 1)
            self.assertEqual(vf.lost(), LOST_PASID)
            self.assertFalse(vf.did(EP_READ, 0, 1))
            self.assertEqual({f[:2] for f in vf.faults()}, {(PASID_OFF, 1)})
            self.assertTrue(vf.did(EP_READ, MEMORY))  # without one
            count(fd)
        self.pf.control()
        for vf, fd in zip(self.vfs, self.told):
            self.assertGreaterEqual(count(fd, 1), 1)
            self.assertEqual(vf.lost(), 0)
            self.assertTrue(vf.did(EP_READ, 0, 1))

    def test_a_vf_by_itself(self):
        self.vfs[0].control(False)
        self.assertEqual([vf.lost() for vf in self.vfs], [0, 0])
        self.assertFalse(self.vfs[0].did(EP_READ, 0, 1))
        self.assertTrue(self.vfs[1].did(EP_READ, 0, 1))
        self.assertEqual(count(self.told[1]), 0)

    def test_page_requests_turned_off(self):
        self.pf.ask_pages()
        for vf in self.vfs:
            vf.ask_pages()
        self.pf.ask_pages(on=False)
        for vf, fd in zip(self.vfs, self.told):
            self.assertGreaterEqual(count(fd, 1), 1)
            self.assertEqual(vf.lost(), LOST_PAGES)
            self.assertFalse(vf.did(EP_READ, 0x40000, 1, Q_TRANSLATE | Q_PAGE))
            self.assertEqual(vf.pages(), [])
            self.assertTrue(vf.did(EP_READ, 0, 1))

    def test_the_next_client_of_a_vf_is_told(self):
        self.pf.control(False)
        self.vfs[0].close()
        vf = self.driver(1)
        self.assertEqual(vf.lost(), LOST_PASID)

    def test_what_its_client_had_off_ends_with_it(self):
        self.pf.control(False)
        self.assertEqual(self.vfs[0].lost(), LOST_PASID)
        self.pf.close()
        end = time.monotonic() + 5
        while self.vfs[0].lost() & LOST_PASID and time.monotonic() < end:
            pass
        self.assertEqual(self.vfs[0].lost() & LOST_PASID, 0)

    def test_reset(self):
        fds = [self.eventfd() for _ in self.vfs]
        for vf, fd in zip(self.vfs, fds):
            vf.c.irq_enable(REQ, 0, [fd])
        self.pf.c.reset()
        for vf, fd, told in zip(self.vfs, fds, self.told):
            self.assertEqual(count(fd, 1), 1)
            self.assertGreaterEqual(count(told, 1), 1)
            self.assertEqual(vf.lost() & LOST_FUNCTION, LOST_FUNCTION)
        # The host has made them again; they are blocked until they are reset.
        vf, other = self.vfs
        vf.c.reset()
        self.assertEqual(vf.lost(), 0)
        self.assertEqual(other.lost(), LOST_FUNCTION)
        vf.c.config_write16(4, 6)
        vf.control()
        vf.mapped(1, R | U)
        vf.expect(bytes([1]) * PAGE)
        self.assertTrue(vf.did(EP_READ, 0, 1))
        other.close()
        self.assertEqual(self.driver(2).lost(), 0)

    def taken_away(self, away, back):
        fds = [self.eventfd() for _ in self.vfs]
        for vf, fd in zip(self.vfs, fds):
            vf.c.irq_enable(REQ, 0, [fd])
        self.ctl(*away)
        for vf, fd, told in zip(self.vfs, fds, self.told):
            self.assertEqual(count(fd, 1), 1)
            self.assertGreaterEqual(count(told, 1), 1)
            self.assertEqual(vf.lost(), LOST_FUNCTION)
            # It does not come back by a reset, and there is nothing that could send.
            self.refused(errno.ENODEV, vf.c.reset)
            self.assertEqual(vf.c.read32(0, EP_STATUS), 0xffffffff)
            vf.begin(0, 1)
            self.assertEqual(vf.lost(), LOST_FUNCTION)
            self.assertEqual(vf.faults(), [])
        self.ctl(*back)
        for vf in self.vfs:
            # What is there now is another function, until its client has reset it.
            vf.c.config_write16(4, 6)
            vf.control()
            self.assertEqual(vf.lost(), LOST_FUNCTION)
            self.assertFalse(vf.did(EP_READ, 0, 1))
            self.assertFalse(vf.did(EP_WRITE, MEMORY))
            self.assertEqual({f[:2] + f[3:4] for f in vf.faults()}, {(BLOCKED, 1, F_READ), (BLOCKED, None, F_WRITE)})
            self.assertEqual(os.pread(vf.fd, PAGE, 0), bytes([1]) * PAGE)
        vf, other = self.vfs
        vf.c.reset()
        self.assertEqual((vf.lost(), other.lost()), (0, LOST_FUNCTION))
        vf.c.config_write16(4, 6)
        vf.control()
        vf.mapped(1, R | U)
        vf.expect(bytes([1]) * PAGE)
        self.assertTrue(vf.did(EP_READ, 0, 1))
        self.assertFalse(other.did(EP_READ, 0, 1))
        self.assertEqual({f[:2] for f in other.faults()}, {(BLOCKED, 1)})

    def test_vfs_disabled(self):
        self.taken_away(("vfs", "endpoint", "0"), ("vfs", "endpoint", "2"))

    def test_device_pulled(self):
        self.taken_away(("remove", "endpoint"), ("insert", "endpoint"))

    def test_taken_away_while_a_page_is_awaited(self):
        self.pf.ask_pages()
        for vf in self.vfs:
            vf.ask_pages()
            vf.begin(0x40000, 1, Q_TRANSLATE | Q_PAGE)
        end = time.monotonic() + 5
        asked = []
        for vf in self.vfs:
            while not (pages := vf.pages()) and time.monotonic() < end:
                pass
            asked += pages
        self.assertEqual([a[:2] for a in asked], [(0x40000, 1)] * 2)
        self.ctl("vfs", "endpoint", "0")
        for vf in self.vfs:
            self.assertEqual(vf.lost() & LOST_FUNCTION, LOST_FUNCTION)
            self.assertEqual(vf.pages(), [])
        # What was asked can be answered once, to nobody, as long as the function was not reset.
        one, other = ((1, page[2], SUCCESS) for page in asked)
        self.assertEqual(self.vfs[0].respond(one), 1)
        self.refused(errno.ENOENT, self.vfs[0].respond, one)
        self.ctl("vfs", "endpoint", "2")
        self.vfs[1].c.reset()
        self.refused(errno.ENOENT, self.vfs[1].respond, other)


if __name__ == "__main__":
    unittest.main()
