# SPDX-License-Identifier: BSD-3-Clause
"""PASIDs on real VFIO: what the kernel says of a function, and what it does when a client attaches, replaces, detaches.

A simulated function of ours, served without mediation to the room's machine, plays hardware with PASID, ATS and page
requests, and the machine has an IOMMU that knows them. vfio-user messages carry no PASID: what a request would then
reach is shown on the fabric (test_iommu, test_endpoint_atc), here what Linux was asked and what it said."""

import errno
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
from room import Room
from served import Poke, Refused, Served

IOMMU = "intel-iommu,intremap=on,caching-mode=on,scalable-mode=on,device-iotlb=on,pasid-bits=20"
WIDTH = 20
RWU, EXECUTE = 1 | 2 | 8, 4
MIB = 1 << 20

# strace is not in the room by itself: it is the outside's, where that has it. vfio: 77 attaches, 78 detaches, 6f resets;
# iommufd: 80 destroys.
TRACE = "exec strace -D -f --seccomp-bpf -e trace=ioctl -e raw=ioctl -o {} "


class Pasid(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        functions, cls.outside = [], []
        for number, options in enumerate((f"pasid={WIDTH}:exec:priv,ats=on,pri=32", "ats=on"), 1):
            server = rig.Server(f"sim:endpoint-test,{options}", "--profile", "raw").__enter__()
            cls.addClassCleanup(server.__exit__, None, None, None)
            functions += [rig.root_port(f"rp{number}"), rig.vfio_user(server.socket, bus=f"rp{number}", id=f"f{number}")]
        cls.room = Room(functions=functions, iommu=IOMMU, memory="shared", ram_mib=1024)
        cls.room.start()
        cls.addClassCleanup(cls.room.close)
        cls.able, cls.unable = cls.room.address("f1"), cls.room.address("f2")
        for function in (cls.able, cls.unable):
            cls.room.bind(function)

    def served(self, options="--policy pasid=on", **more):
        return Served(self.room, self.able, options=options, **more)

    def refused(self, poke, command, error):
        with self.assertRaises(Refused) as caught:
            poke(command)
        self.assertEqual(errno.errorcode[caught.exception.error], errno.errorcode[error], command)

    def driven(self, poke, pasids=True):
        """A client with memory, that drives PASIDs and has enabled them."""
        poke(f"drive {WIDTH} 15")
        at = int(poke("offer")[4], 0)
        file = poke(f"memory {4 * MIB}")[0]
        poke(f"map 0x100000 {2 * MIB} rw {file} 0")
        poke(f"map 0x300000 {MIB} rw {file} {2 * MIB}")
        if pasids:
            poke(f"config {at + 6} 2 1")
            self.assertEqual(int(poke(f"config {at + 6} 2")[0], 0), 1)
        return at, file

    def space(self, poke, iova=0, size=MIB, address=0x100000):
        space = poke("space")[0]
        poke(f"lead {space} {iova} {size} {address} {RWU}")
        return space

    # what the kernel says

    def test_1_the_kernel_enables_pasids_in_it(self):
        config = self.room.run(f"setpci -s {self.able} ECAP_PASID+6.w").text
        self.assertEqual(int(config, 16) & 1, 1)

    def test_2_width_is_the_kernels_and_no_more_is_shown(self):
        with self.served() as served, Poke(served, self.able) as poke:
            can_width, can, shown_width = (int(w, 0) for w in poke("offer")[:3])
            self.assertEqual((can_width, can, shown_width), (WIDTH, 0, 0))
            at, _ = self.driven(poke)
            self.assertEqual(int(poke(f"config {at + 4} 2")[0], 0), WIDTH << 8)
            # Execute and Privileged Mode Enable cannot be set.
            poke(f"config {at + 6} 2 7")
            self.assertEqual(int(poke(f"config {at + 6} 2")[0], 0), 1)

    def test_2_without_there_is_a_reason(self):
        for function, way, reason in ((self.unable, "iommufd", "has not enabled PASIDs in it"),
                                      (self.able, "type1", "type 1")):
            result = self.room.run(f"{rig.pcigate()} serve vfio:{function},iommu={way} --policy pasid=on "
                                   "--socket-path /run/never", check=False)
            self.assertNotEqual(result.status, 0)
            self.assertIn(reason, result.text)

    # what a client can do

    def test_3_attach_replace_detach(self):
        with self.served() as served, Poke(served, self.able) as poke:
            self.driven(poke)
            first, second = self.space(poke), self.space(poke, address=0x280000)
            for pasid in (1, 77, (1 << WIDTH) - 1):
                poke(f"attach {pasid} {first}")
                poke(f"attach {pasid} {second}")
                poke(f"attach {pasid} {first}")
                poke(f"detach {pasid}")
                self.refused(poke, f"detach {pasid}", errno.ENOENT)
            poke(f"attach 5 {first}")
            poke(f"attach 6 {first}")
            poke(f"end-space {first}")
            self.refused(poke, "detach 5", errno.ENOENT)
            poke(f"end-space {second}")
            self.assertNotIn("kernel does not", served.notes)

    def test_3_without_pasid_enable_nothing_is_attached(self):
        """Seen by the kernel's own rule: what stands somewhere cannot be destroyed."""
        with self.served() as served, Poke(served, self.able) as poke:
            at, _ = self.driven(poke, pasids=False)
            space = self.space(poke)
            poke(f"attach 5 {space}")
            poke(f"config {at + 6} 2 1")
            poke(f"config {at + 6} 2 0")
            poke(f"config {at + 6} 2 1")
            poke("detach 5")
            poke(f"end-space {space}")

    def test_3_errors_are_named(self):
        with self.served() as served, Poke(served, self.able) as poke:
            self.refused(poke, "space", errno.EOPNOTSUPP)
            self.driven(poke)
            space = self.space(poke)
            self.refused(poke, f"attach {1 << WIDTH} {space}", errno.ERANGE)
            self.refused(poke, "attach 5 4711", errno.ENOENT)
            self.refused(poke, f"attach 0 {space}", errno.EOPNOTSUPP)
            self.refused(poke, f"lead {space} 0x1000 0x1000 0x100000 {RWU}", errno.EEXIST)
            self.refused(poke, f"lead {space} 0x800001 0x1000 0x100000 {RWU}", errno.EINVAL)
            self.refused(poke, f"lead {space} 0x800000 0x1000 0x100000 {1 | 8 | EXECUTE}", errno.EOPNOTSUPP)
            self.refused(poke, f"unlead {space} 0 0x1000", errno.ENOENT)
            self.refused(poke, "faults", errno.EOPNOTSUPP)
            # The kernel's own: an address that the IOMMU cannot translate.
            self.refused(poke, f"lead {space} 0xffff000000000000 0x1000 0x100000 {RWU}", errno.EINVAL)
            self.assertRegex(served.notes, "the kernel does not map memory into an address space: Invalid argument; "
                             "the address is none that this IOMMU translates")
            for _ in range(63):
                poke("space")
            self.refused(poke, "space", errno.ENOSPC)

    def test_4_memory_is_pinned_once_and_follows_the_client(self):
        with self.served() as served:
            idle = served.pinned()
            with Poke(served, self.able) as poke:
                _, file = self.driven(poke)
                pinned = served.pinned()
                self.assertEqual(pinned - idle, 3 * 1024)
                # Over both of the client's maps, and a piece that it has not mapped yet.
                spaces = [self.space(poke, size=4 * MIB) for _ in range(4)]
                for pasid, space in enumerate(spaces, 1):
                    poke(f"attach {pasid} {space}")
                self.assertEqual(served.pinned(), pinned)
                poke(f"map 0x400000 {MIB} rw {file} {3 * MIB}")
                poke(f"unmap 0x100000 {2 * MIB}")
                poke(f"unmap 0x300000 {MIB}")
                poke(f"unmap 0x400000 {MIB}")
                # Nothing is kept for a PASID's sake: a second later it is all unpinned.
                self.room.run("sleep 3")
                self.assertEqual(served.pinned(), idle)
                poke(f"map 0x100000 {2 * MIB} rw {file} 0")
                self.assertEqual(served.pinned() - idle, 2 * 1024)

    def test_5_a_reset_takes_spaces_along(self):
        with self.served() as served, Poke(served, self.able) as poke:
            at, _ = self.driven(poke)
            space = self.space(poke)
            poke(f"attach 5 {space}")
            poke("reset")
            self.assertEqual(int(poke(f"config {at + 6} 2")[0], 0), 0)
            self.refused(poke, f"attach 5 {space}", errno.ENOENT)
            poke(f"config {at + 6} 2 1")
            poke(f"attach 5 {self.space(poke)}")

    def test_6_who_is_killed_leaves_nothing(self):
        with self.served() as served:
            idle = served.pinned()
            for _ in range(3):
                poke = Poke(served, self.able)
                with poke:
                    self.driven(poke)
                    spaces = [self.space(poke) for _ in range(64)]
                    for pasid, space in enumerate(spaces, 1):
                        poke(f"attach {pasid} {space}")
                    poke.kill()
            with Poke(served, self.able) as poke:
                self.assertEqual(int(poke("offer")[2], 0), 0)
                poke("offer")
            self.room.run("sleep 2")
            self.assertEqual(served.pinned(), idle)
            self.assertNotIn("kernel does not", served.notes)
        self.assertEqual(re.findall(r".*(?:WARNING|BUG:|DMAR: \[DMA).*", self.room.log()), [])

    def test_6_so_does_a_server_that_is_killed(self):
        served = self.served().__enter__()
        poke = Poke(served, self.able)
        with poke:
            self.driven(poke)
            poke(f"attach 5 {self.space(poke)}")
            served.job.kill("KILL")
            served.job.wait(30)
            poke.kill()
        with self.served() as again, Poke(again, self.able) as other:
            self.driven(other)
            other(f"attach 5 {self.space(other)}")

    def test_7_calls_come_in_order(self):
        """By strace, where the machine outside has it: PASIDs are detached before the function is, and that is reset."""
        if not self.room.run("command -v strace", check=False):
            self.skipTest("no strace outside")
        trace = os.path.join(self.room.scratch, "trace")
        # A minute for each: traced, everything takes its time.
        with self.served("--policy pasid=on --timeout 60000", wrap=TRACE.format(trace) + "{}") as served, \
                Poke(served, self.able) as poke:
            self.driven(poke)
            poke(f"attach 5 {self.space(poke)}")
            poke("reset")
        calls = re.findall(r"ioctl\(0x\w+, 0x3b(6f|77|78|80),", self.room.get(trace).decode(errors="replace"))
        # The function, its PASID; both again, the space's page table and itself; reset; the function.
        self.assertIn("77 77 78 78 80 80 6f 77", " ".join(calls))


if __name__ == "__main__":
    unittest.main()
