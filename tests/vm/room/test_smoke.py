# SPDX-License-Identifier: BSD-3-Clause
"""Does the machine room itself work: functions held by the kernel's VFIO, pcigate and QEMU inside, a guest in it."""

import os
import shutil
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
from functions import Machine
from inner import Inner
import room as rooms


# Opens a function as a user of VFIO does, then maps a BAR of it through sysfs.
MAP_RESOURCE = """
import fcntl, mmap, os, struct, sys
device, iommu = os.open(sys.argv[1], os.O_RDWR), os.open("/dev/iommu", os.O_RDWR)
fcntl.ioctl(device, 0x3b76, bytearray(struct.pack("=IIiI", 16, 0, iommu, 0)))  # VFIO_DEVICE_BIND_IOMMUFD
resource = os.open(sys.argv[2], os.O_RDWR)
try:
    mmap.mmap(resource, 4096)
    print("mapped")
except OSError as error:
    print(error.strerror)
"""


def map_resource(room, name, resource):
    """What comes of mapping a BAR by sysfs while VFIO holds the function."""
    address = room.address(name)
    room.bind(address)
    script = room.put("map_resource.py", MAP_RESOURCE)
    command = f"python3 {script} {room.device_file(address)} /sys/bus/pci/devices/{address}/{resource}"
    return room.run(command, 120).text.strip()


# Starts a room, says which process it is, and is killed then.
ABANDON = """
import sys
sys.path[:0] = sys.argv[1:]
from room import Room
room = Room().start()
print(room.process.pid, room.folder, flush=True)
sys.stdin.read()
"""


class Smoke(unittest.TestCase):
    """One room for all of them: booting it is part of what they check."""

    @classmethod
    def setUpClass(cls):
        cls.room = Machine("igb", "nvme", "e1000e", "edu", "rtl8139", "ivshmem").room()
        cls.room.start()
        print(f"# room: {cls.room.boot_seconds:.1f} s", flush=True)
        cls.vfs = cls.room.vfs(cls.room.address("igb"), 2)

    @classmethod
    def tearDownClass(cls):
        cls.room.close()

    def setUp(self):
        self.began = time.monotonic()

    def tearDown(self):
        print(f"# {self.id().rsplit('.', 1)[1]}: {time.monotonic() - self.began:.1f} s", flush=True)

    def test_every_function_is_held_by_vfio(self):
        self.assertIn("/dev/iommu", self.room.run("ls /dev/iommu").text)
        names = ("nvme", "e1000e", "edu", "rtl8139", "ivshmem")
        for address in self.vfs + [self.room.address(name) for name in names]:
            with self.subTest(address):
                self.room.bind(address)
                file = self.room.device_file(address)
                self.assertRegex(file, r"^/dev/vfio/devices/vfio\d+$")
                self.room.run(f"test -c {file} && test -c /dev/vfio/{self.room.group(address)}")

    def test_remapping_is_on(self):
        self.assertIn("DMAR-IR: Enabled IRQ remapping", self.room.log())

    def test_bars_that_vfio_holds_are_not_to_be_mapped(self):
        """IO_STRICT_DEVMEM, as in stock Debian kernels."""
        self.assertEqual(map_resource(self.room, "ivshmem", "resource2"), "Invalid argument")

    def test_bars_that_vfio_holds_are_mapped_where_the_kernel_is_told(self):
        with Machine("ivshmem").room(append="iomem=relaxed") as room:
            self.assertEqual(map_resource(room, "ivshmem", "resource2"), "mapped")

    def test_a_room_ends_with_the_program_that_started_it(self):
        with subprocess.Popen([sys.executable, "-B", "-c", ABANDON, HERE, os.path.dirname(HERE)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
            words = owner.stdout.readline().split()
            self.addCleanup(shutil.rmtree, words[1])
            owner.kill()
        end = time.monotonic() + 60
        while os.path.exists(f"/proc/{words[0]}/exe") and time.monotonic() < end:
            time.sleep(0.1)
        self.assertFalse(os.path.exists(f"/proc/{words[0]}/exe"))

    def test_a_function_of_ours_is_the_rooms_hardware(self):
        with rig.Server("sim:endpoint-test") as server:
            functions = [rig.root_port("rp1"), rig.vfio_user(server.socket, bus="rp1", id="ours")]
            with rooms.Room(functions=functions, memory="shared") as room:
                address = room.address("ours")
                room.bind(address)
                self.assertRegex(room.device_file(address), r"^/dev/vfio/devices/vfio\d+$")

    def test_inspect_of_a_capture(self):
        self.room.bind(self.vfs[0])
        capture = self.room.scratch + "/vf.txt"
        self.room.run(f"lspci -nn -xxxx -s {self.vfs[0]} >{capture}")
        text = self.room.run(f"{rig.pcigate()} inspect dump:{capture}").text
        self.assertIn("82576 Virtual Function", text)

    def test_commands_run_side_by_side(self):
        slow = self.room.job("echo began; sleep 1000")
        slow.wait_text("began")
        self.assertEqual(self.room.run("exit 7", check=False).status, 7)
        self.assertIsNone(slow.poll())
        self.assertEqual(slow.wait(0).status, 137)

    def test_files_go_both_ways(self):
        data = bytes(range(256)) * 4096
        path = self.room.put("folder/in", data)
        self.room.run(f"cat {path} {path} >{self.room.scratch}/out")
        with open(self.room.scratch + "/out", "rb") as file:
            self.assertEqual(file.read(), data * 2)

    def test_what_is_written_inside_stays_inside(self):
        path = os.path.join(HERE, "written")
        self.room.run(f"echo x >{path}")
        self.assertFalse(os.path.exists(path))

    def serve(self, function):
        socket = f"/run/{self.id().rsplit('.', 1)[1]}"
        server = self.room.job(f"exec {rig.pcigate()} serve {function} --socket-path {socket}")
        self.addCleanup(server.kill)
        self.room.wait_for(f"test -S {socket}", 60)
        return socket

    def test_the_rooms_qemu_reads_a_served_function(self):
        """QEMU's own client without a guest: qtest reads the ids by ports CF8 and CFC."""
        socket = self.serve("sim:endpoint-test")
        script = self.room.put("qtest", "outl 0xcf8 0x80000800\ninl 0xcfc\n")
        device = '{"driver":"vfio-user-pci","socket":{"path":"%s","type":"unix"},"addr":"1.0"}' % socket
        job = self.room.job(
            f"mkfifo /run/qtest; exec 3<>/run/qtest; cat {script} >&3; "
            f"exec {rooms.qemu()} -nodefaults -display none -M q35,memory-backend=m -m 128M "
            f"-object memory-backend-memfd,id=m,size=128M,share=on -accel qtest -qtest stdio -device '{device}' <&3")
        self.addCleanup(job.kill)
        job.wait_text("OK 0x2d1912", 120)

    def test_a_guest_in_the_guest(self):
        socket = self.serve("sim:endpoint-test")
        devices = [rig.root_port("rp1"), rig.vfio_user(socket, bus="rp1")]
        with Inner(self.room, devices=devices) as guest:
            print(f"# guest inside: {guest.boot_seconds:.1f} s", flush=True)
            driver = guest.run("readlink /sys/bus/pci/devices/0000:01:00.0/driver").text
            self.assertTrue(driver.endswith("/pci-endpoint-test\n"), driver)
