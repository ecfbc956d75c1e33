# SPDX-License-Identifier: BSD-3-Clause
"""DMA and interrupts of real functions through pcigate, with drivers that do work: by iommufd and by type 1."""

import errno
import os
import re
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
from functions import Machine
from served import COMMAND_MASTER, Poke, Refused, Served

MIB = 1 << 20
COMMAND = 0x04
NVME_CC, NVME_CSTS = 0x14, 0x1c
EDU_BUFFER, EDU_SRC, EDU_DST, EDU_COUNT, EDU_COMMAND = 0x40000, 0x80, 0x88, 0x90, 0x98
EDU_START, EDU_TO_MEMORY = 1, 2
FAULT = "DMAR: [DMA"


# The time of one hardly depends on how many there are; this many show it without taking minutes.
MAPS = int(os.environ.get("PCIGATE_ROOM_MAPS", "2000"))


def setUpModule():
    """One boot for all of them."""
    room = Machine("nvme", "edu").room()
    room.start()
    print(f"# room: {room.boot_seconds:.1f} s", flush=True)
    Rooms.room, Rooms.nvme, Rooms.edu = room, room.address("nvme"), room.address("edu")
    for function in (Rooms.nvme, Rooms.edu):
        room.bind(function)


def tearDownModule():
    Rooms.room.close()


class Rooms(unittest.TestCase):
    """What they have in common."""

    room = nvme = edu = None

    def setUp(self):
        self.began = time.monotonic()
        self.room.run("dmesg -C")

    def tearDown(self):
        print(f"# {self.id().rsplit('.', 1)[1]}: {time.monotonic() - self.began:.1f} s", flush=True)

    # what tests ask again and again

    def command(self, function):
        """COMMAND as the host itself holds it."""
        return int(self.room.run(f"setpci -s {function} COMMAND").text, 16)

    def assert_refused(self, error, poke, command):
        with self.assertRaises(Refused) as caught:
            poke(command)
        self.assertEqual(errno.errorcode[caught.exception.error], errno.errorcode[error], str(caught.exception))

    def wait_pinned(self, served, kib):
        """What is not needed any more goes; the server needs a moment."""
        end = time.monotonic() + 20
        while served.pinned() != kib and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(served.pinned(), kib)

    def assert_given_back(self, served, function):
        """Nothing of a client is left once it is gone."""
        self.wait_pinned(served, 0)
        end = time.monotonic() + 20
        while self.command(function) & COMMAND_MASTER and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(self.command(function) & COMMAND_MASTER, 0)

    def edu_dma(self, poke, iova):
        """The device writes 16 bytes of its buffer to memory."""
        self.edu_run(poke, EDU_BUFFER, iova, EDU_START | EDU_TO_MEMORY)

    def edu_load(self, poke, iova):
        """It reads them. It has no reset: what is in it is whoever's was there last."""
        self.edu_run(poke, iova, EDU_BUFFER, EDU_START)

    def edu_run(self, poke, source, destination, command):
        for offset, value in ((EDU_SRC, source), (EDU_DST, destination), (EDU_COUNT, 16)):
            poke(f"region 0 {offset:#x} 8 {value:#x}")
        poke(f"region 0 {EDU_COMMAND:#x} 8 {command}")
        end = time.monotonic() + 20
        while int(poke(f"region 0 {EDU_COMMAND:#x} 8")[0], 16) & EDU_START:
            self.assertLess(time.monotonic(), end, "DMA does not end")


class Both:
    """Whatever the kernel's door is. Subclasses say which."""

    way = None

    def test_nvme_works_and_is_given_back(self):
        with Served(self.room, self.nvme, way=self.way) as served:
            text = served.driver("nvme", self.nvme, "polling msix intx").text
            self.assertIn("model QEMU NVMe Ctrl\n", text)
            self.assertIn("serial room\n", text)
            for way in ("polling", "msix", "intx"):
                self.assertRegex(text, way + ": 24 pages written, read and compared by 3 queues")
            self.assert_given_back(served, self.nvme)
            with Poke(served, self.nvme) as poke:
                poke(f"config {COMMAND} 2 2")
                self.assertEqual(poke(f"region 0 {NVME_CC} 4"), ["0x0"], "it was not reset")
            self.assertIn("msix: ", served.driver("nvme", self.nvme, "msix --rounds 1").text)
        self.assertNotIn(FAULT, self.room.log())

    def test_a_bound_on_vectors_is_what_the_kernel_is_asked(self):
        """Of the 65 vectors of this controller two; what a driver does with fewer than it wants is shown elsewhere."""
        with Served(self.room, self.nvme, way=self.way, options="--policy msix-vectors=2") as served:
            with Poke(served, self.nvme) as poke:
                at = self.capability(poke, 0x11)
                self.assertEqual(int(poke(f"config {at + 2} 2")[0], 16) & 0x7ff, 1)
                self.assert_refused(errno.EINVAL, poke, "msix 3")
                poke("msix 2")
                self.assert_refused(errno.EINVAL, poke, "vectors 2 2 1")
                self.assertEqual(self.host_vectors(), 2)
                poke("noirq 2")
                self.assertEqual(self.host_vectors(), 0)

    def capability(self, poke, number):
        at = int(poke("config 0x34 1")[0], 16)
        while at and int(poke(f"config {at} 1")[0], 16) != number:
            at = int(poke(f"config {at + 1} 1")[0], 16)
        self.assertNotEqual(at, 0)
        return at

    def host_vectors(self):
        """Vectors that the host's kernel has set up for it."""
        return int(self.room.run(f"grep -c 'vfio-msix.*{self.nvme}' /proc/interrupts; true").text)

    def test_a_client_killed_at_work_leaves_nothing(self):
        with Served(self.room, self.nvme, way=self.way) as served:
            job = served.start("nvme", self.nvme, "msix --seconds 1000")
            job.wait_text("works")
            self.assertGreater(served.pinned(), 0)
            self.assertTrue(self.command(self.nvme) & COMMAND_MASTER)
            job.kill("KILL")
            job.wait()
            self.assert_given_back(served, self.nvme)
            served.driver("nvme", self.nvme, "polling --rounds 1")
        self.assertNotIn(FAULT, self.room.log())

    def test_edu_works_and_is_given_back(self):
        with Served(self.room, self.edu, way=self.way) as served:
            text = served.driver("edu", self.edu, "dma msi intx resample --rounds 3").text
            for kind in ("dma", "msi", "intx", "resample"):
                self.assertIn(f"{kind}: 3 rounds\n", text)
            self.assert_given_back(served, self.edu)
            served.driver("edu", self.edu, "dma --rounds 1")
        self.assertNotIn(FAULT, self.room.log())

    def test_an_unmapped_address_is_not_reached_any_more(self):
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke("memory 0x2000")
            poke("put 0 0 0x2000 0x55")
            poke("map 0x10000 0x1000 rw 0 0")
            poke("map 0x11000 0x1000 rw 0 0x1000")
            poke(f"config {COMMAND} 2 6")
            poke("put 0 0x1800 16 0xaa")
            self.edu_load(poke, 0x11800)
            self.edu_dma(poke, 0x10000)
            self.assertEqual(poke("get 0 0 17"), ["aa" * 16 + "55"])
            self.assertNotIn(FAULT, self.room.log())
            poke("put 0 0 16 0x55")
            poke("unmap 0x10000 0x1000")
            self.edu_dma(poke, 0x10000)
            self.assertEqual(poke("get 0 0 17"), ["55" * 17])
            self.assertIn(FAULT, self.room.log())
            self.edu_dma(poke, 0x11000)
            self.assertEqual(poke("get 0 0x1000 17"), ["aa" * 16 + "55"])

    def test_a_map_to_read_is_not_written(self):
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke("memory 0x2000")
            poke("map 0x10000 0x1000 r 0 0")
            poke("map 0x11000 0x1000 r 0 0x1000")
            poke(f"config {COMMAND} 2 6")
            self.edu_load(poke, 0x11000)
            poke("put 0 0 0x1000 0x55")
            # Not the page that was read: QEMU's IOMMU reports no fault where it has the translation at hand.
            self.edu_dma(poke, 0x10000)
            self.assertEqual(poke("get 0 0 17"), ["55" * 17])
            self.assertIn(FAULT, self.room.log())

    def test_maps_without_a_file_are_on_record(self):
        with Served(self.room, self.edu, way=self.way) as served:
            with Poke(served, self.edu) as poke:
                poke("map 0 0x100000 rw -")
                self.assert_refused(errno.EEXIST, poke, "map 0x1000 0x1000 rw -")
                self.assertNotIn("bus mastering", served.notes)
                poke(f"config {COMMAND} 2 6")
                self.assertIn("the guest turns bus mastering on, but its memory came without files", served.notes)
                self.assertIn("memory-backend-memfd,share=on", served.notes)
                poke("unmap 0 0x100000")
            with Poke(served, self.edu) as poke:
                poke("memory 0x100000")
                poke("map 0 0x100000 rw 0 0")
                poke("map 0xf0000000 0x1000 rw -")
                self.assertRegex(served.notes, r"without a file at 0xf0000000 .*does not reach it")
                poke(f"config {COMMAND} 2 6")
                self.assertEqual(served.notes.count("the guest turns bus mastering on"), 1)

    def test_addresses_that_the_iommu_does_not_have(self):
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke("memory 0x10000")
            self.assert_refused(errno.EINVAL, poke, "map 0xfee00000 0x1000 rw 0 0")
            self.assertRegex(served.notes, r"DMA_MAP of 0xfee00000 .*the IOMMU translates 0-0xfedfffff, 0xfef00000-")
            self.assert_refused(errno.EINVAL, poke, "map 0x8000000000000000 0x1000 rw 0 0")
            self.assertIn("DMA_MAP of 0x8000000000000000 ", served.notes)
            poke("map 0xfef00000 0x10000 rw 0 0")

    def test_files_that_are_no_memory_are_refused_by_name(self):
        self.room.run("echo x >/var/guest.img; truncate -s 64K /var/guest.img")
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke("open /var/guest.img rw")
            self.assert_refused(errno.EOPNOTSUPP, poke, "map 0 0x10000 rw 0 0")
            self.assertRegex(served.notes, "refused /var/guest.img: neither shmem nor hugetlbfs.*memory-backend-memfd")
            self.assertNotIn("reached by messages", served.notes)
            self.room.run("truncate -s 64K /dev/shm/file")
            poke("open /dev/shm/file rw")
            poke("map 0 0x10000 rw 1 0")

    def test_a_file_open_for_reading_is_not_written(self):
        self.room.run("truncate -s 64K /dev/shm/readable")
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke("open /dev/shm/readable r")
            self.assert_refused(errno.EINVAL, poke, "map 0 0x10000 rw 0 0")
            self.assertIn("open it O_RDWR", served.notes)
            poke("map 0 0x10000 r 0 0")

    def test_many_small_maps(self):
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke(f"memory {MAPS * 8192}")
            done, slowest, total = poke(f"maps {MAPS} 0 0x1000 0x2000 0", seconds=600)
            print(f"# {self.way}: {MAPS} maps in {float(total) / 1e3:.1f} s, the slowest {slowest} ms", flush=True)
            self.assertEqual(int(done), MAPS)
            self.assertEqual(served.pinned(), MAPS * 4)
            poke(f"config {COMMAND} 2 2")
            self.assertEqual(poke("region 0 0 4"), ["0x10000ed"])
            done, slowest, total = poke(f"unmaps {MAPS // 2} 0 0x1000 0x2000", seconds=600)
            print(f"# {self.way}: {done} unmapped in {float(total) / 1e3:.1f} s, the slowest {slowest} ms", flush=True)
            poke.close()
            self.assert_given_back(served, self.edu)
            self.assertNotIn("quarantine", served.notes)

    def unprivileged(self, kib):
        """pcigate as an ordinary user, to whom the function's files were given."""
        files = {"iommufd": f"/dev/iommu {self.room.device_file(self.edu)}",
                 "type1": f"/dev/vfio/vfio /dev/vfio/{self.room.group(self.edu)}"}[self.way]
        self.room.run(f"chown 1000 {files}; mkdir -p /run/user; chown 1000 /run/user")
        return Served(self.room, self.edu, way=self.way, folder="/run/user",
                      wrap=f"ulimit -l {kib}; exec setpriv --reuid=1000 --clear-groups --bounding-set=-all {{}}")

    def test_memory_beyond_the_users_limit(self):
        with self.unprivileged(1024) as served, Poke(served, self.edu) as poke:
            poke(f"memory {16 * MIB}")
            self.assert_refused(errno.ENOMEM, poke, f"map 0 {16 * MIB} rw 0 0")
            self.assertRegex(served.notes, "DMA_MAP of 16384 KiB: .*RLIMIT_MEMLOCK is 1024 KiB.*LimitMEMLOCK")
            self.assertEqual(served.pinned(), 0)
            poke("map 0 0x10000 rw 0 0")


class ByIommufd(Both, Rooms):
    way = "iommufd"

    def test_the_same_memory_is_pinned_once(self):
        """As QEMU does while it boots: everything, then without a hole, then everything again."""
        size = 64 * MIB
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke(f"memory {size}")
            first = float(poke(f"map 0 {size} rw 0 0")[0])
            self.assertEqual(served.pinned(), size >> 10)
            later = []
            for _ in range(4):
                poke(f"unmap 0 {size}")
                poke("map 0 0xa0000 rw 0 0")
                poke("map 0xc0000 0x10000 r 0 0xc0000")
                later.append(float(poke(f"map 0x100000 {size - MIB} rw 0 0x100000")[0]))
                # What lies between them stays for a moment.
                self.assertIn(served.pinned(), ((size - 0x50000) >> 10, size >> 10))
                for piece in ("0 0xa0000", "0xc0000 0x10000", f"0x100000 {size - MIB}"):
                    poke("unmap " + piece)
                poke(f"map 0 {size} rw 0 0")
                self.assertEqual(served.pinned(), size >> 10)
            print(f"# 64 MiB: {first:.1f} ms the first time, {max(later):.1f} ms later", flush=True)
            poke(f"config {COMMAND} 2 6")
            poke("put 0 0x5000 16 0xaa")
            self.edu_load(poke, 0x5000)
            self.edu_dma(poke, 0)
            self.assertEqual(poke("get 0 0 16"), ["aa" * 16])

    def test_unmapped_memory_is_given_back_while_its_client_stays(self):
        """A moment later, that is: QEMU maps most of it again at once."""
        size = 256 * MIB
        with Served(self.room, self.edu, way=self.way, options="--timeout 60000") as served, \
                Poke(served, self.edu) as poke:
            poke(f"memory {size}")
            for _ in range(3):
                poke(f"map 0 {size} rw 0 0")
                self.assertEqual(served.pinned(), size >> 10)
                poke(f"unmap 0 {size}")
                self.wait_pinned(served, 0)
            # The file is let go as well, or its memory would stay.
            self.room.wait_for(f"! ls -l /proc/{served.pid}/fd | grep memfd:poke", 10)
            poke(f"config {COMMAND} 2 2")
            self.assertEqual(poke("region 0 0 4"), ["0x10000ed"])

    def test_of_memory_mapped_in_part_the_rest_is_given_back(self):
        with Served(self.room, self.edu, self.nvme, way=self.way) as served:
            with Poke(served, self.edu) as one, Poke(served, self.nvme) as two:
                one("memory 0x4000000")
                two(f"take {one.pid} {self.memory_of(one)}")
                one("map 0 0x4000000 rw 0 0")
                one("unmap 0 0x4000000")
                one("map 0x10000 0x1000 rw 0 0x10000")
                self.wait_pinned(served, 4)
                two("map 0x10000 0x1000 rw 0 0x10000")
                self.assertEqual(served.pinned(), 4)
                one(f"config {COMMAND} 2 6")
                self.assert_reached(one, 0x10000)

    def test_memory_with_a_hole_is_not_reached_by_its_old_pages(self):
        """Whether the hole was made before it was unmapped, as QEMU's virtio-mem does, after, or beside a map."""
        everything, part, hole = "0 0x100000", "0 0x4000", "0x8000 0x8000"
        cases = {"before": ((f"punch 0 {hole}", f"unmap {everything}"), everything, ()),
                 "after": ((f"unmap {everything}", f"punch 0 {hole}"), everything, ()),
                 "beside": ((f"unmap {everything}", f"map {part} rw 0 0", f"punch 0 {hole}"), hole, (part,))}
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke("memory 0x100000")
            poke(f"config {COMMAND} 2 6")
            for name, (commands, again, others) in cases.items():
                with self.subTest(name):
                    poke(f"map {everything} rw 0 0")
                    for command in commands:
                        poke(command)
                    poke(f"map {again} rw 0 {again.split()[0]}")
                    self.assert_reached(poke, 0x8000)
                    for piece in (again, *others):
                        poke(f"unmap {piece}")
        self.assertNotIn(FAULT, self.room.log())

    def assert_reached(self, poke, where):
        """The function reads what the client wrote, and the client reads what the function wrote."""
        poke(f"put 0 {where:#x} 16 0xaa")
        self.edu_load(poke, where)
        poke(f"put 0 {where:#x} 16 0x55")
        self.edu_dma(poke, where)
        self.assertEqual(poke(f"get 0 {where:#x} 16"), ["aa" * 16])

    def test_two_functions_of_one_vm_pin_once(self):
        size = 32 * MIB
        with Served(self.room, self.edu, self.nvme, way=self.way) as served:
            with Poke(served, self.edu) as one, Poke(served, self.nvme) as two:
                one(f"memory {size}")
                one(f"map 0 {size} rw 0 0")
                # The same file, as QEMU gives it to each of its functions.
                two(f"take {one.pid} {self.memory_of(one)}")
                two(f"map 0 {size} rw 0 0")
                self.assertEqual(served.pinned(), size >> 10)
                one.close()
                self.assert_given_back_one(served, size >> 10)
                two.close()
                self.wait_pinned(served, 0)

    def memory_of(self, poke):
        """The descriptor of its memory."""
        link = self.room.run(f"ls -l /proc/{poke.pid}/fd | grep memfd:poke").text
        return re.search(r'([0-9]+) -> ', link)[1]

    def assert_given_back_one(self, served, kib):
        """The one that is left keeps the memory."""
        time.sleep(1)
        self.assertEqual(served.pinned(), kib)

    def test_two_vms_are_not_mixed_up(self):
        with Served(self.room, self.edu, self.nvme, way=self.way) as served:
            with Poke(served, self.edu) as one, Poke(served, self.nvme) as two:
                for poke in (one, two):
                    poke("memory 0x100000")
                    poke("map 0 0x100000 rw 0 0")
                self.assertEqual(served.pinned(), 2048)


class ByType1(Both, Rooms):
    way = "type1"

    def test_more_maps_than_a_container_takes(self):
        limit = "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"
        before = self.room.run(f"cat {limit}").text.strip()
        self.room.run(f"echo 100 >{limit}")
        self.addCleanup(self.room.run, f"echo {before} >{limit}")
        with Served(self.room, self.edu, way=self.way) as served, Poke(served, self.edu) as poke:
            poke(f"memory {200 * 8192}")
            self.assert_refused(errno.ENOSPC, poke, "maps 200 0 0x1000 0x2000 0")
            self.assertIn("dma_entry_limit", served.notes)
            poke("unmaps 100 0 0x1000 0x2000")
            poke("map 0 0x1000 rw 0 0")
