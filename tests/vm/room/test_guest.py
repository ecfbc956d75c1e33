# SPDX-License-Identifier: BSD-3-Clause
"""A guest in the guest: inner QEMU boots Linux on an igb VF that pcigate serves, and its igbvf talks to the PF."""

import os
import re
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import overlay
import rig
import traffic
from functions import Machine
from inner import Inner

PACKETS = 1000
# A map allocates and pins all of the guest's memory. Emulated twice on a busy machine that is more than the 5 s of QEMU.
SECONDS = 120
# What no log may have.
FAULT = re.compile(r"DMAR: .*(fault|Request device)|\bBUG\b|WARNING:|Call Trace|[Ee]rror\b|ERROR|refused|cannot|"
                   r"timed out")
# Said at every boot, and true.
EXPECTED = re.compile(r"maps memory without a file|is deprecated")


def complaints(text):
    return [line for line in text.splitlines() if FAULT.search(line) and not EXPECTED.search(line)]


class GuestInTheGuest(unittest.TestCase):
    """One room and one guest for all of them, in order: a boot is minutes."""

    @classmethod
    def setUpClass(cls):
        cls.room = Machine("igb").room()
        cls.room.start()
        cls.addClassCleanup(cls.room.close)
        cls.wire = traffic.Wire(cls.room, cls.room.address("igb"))
        cls.vf = cls.wire.vfs[0]
        cls.room.bind(cls.vf)
        cls.server = cls.room.job(f"exec {rig.pcigate()} serve vfio:{cls.vf} --socket-path /run/vf "
                                  f"--control /run/control --timeout {SECONDS * 1000}")
        cls.server.wait_text("listening", 60)
        function = rig.vfio_user("/run/vf", bus="rp1", id="vf", **{"x-msg-timeout": SECONDS * 1000})
        cls.guest = Inner(cls.room, devices=[rig.root_port("rp1"), function], files=traffic.files())
        cls.guest.start()
        cls.addClassCleanup(cls.guest.close)
        print(f"# room {cls.room.boot_seconds:.0f} s, guest inside {cls.guest.boot_seconds:.0f} s", flush=True)
        cls.interface = None

    def setUp(self):
        self.began = time.monotonic()

    def tearDown(self):
        print(f"# {self.id().rsplit('.', 1)[1]}: {time.monotonic() - self.began:.1f} s", flush=True)

    def up(self):
        """The interface, up since the first that asked."""
        if not self.interface:
            type(self).interface = self.wire.up_inside(self.guest)
        return self.interface

    def none_lost(self, count):
        sent, echoed, text = self.wire.exchange(self.guest, count)
        print("# " + text.replace("\n", "\n# "), flush=True)
        self.assertEqual(sent.get("sent"), count, text)
        for side in sent, echoed:
            self.assertEqual((side.get("good"), side.get("damaged"), side.get("twice")), (count, 0, 0), text)
            self.assertEqual(side.get("out_of_order"), 0, text)

    def test_1_igbvf_has_it(self):
        driver = self.guest.run(f"readlink /sys/bus/pci/devices/{traffic.PLACE}/driver").text
        self.assertTrue(driver.endswith("/igbvf\n"), driver)
        vectors = self.guest.run(f"ls /sys/bus/pci/devices/{traffic.PLACE}/msi_irqs | wc -l").text
        self.assertEqual(vectors.strip(), "3")

    def test_2_the_mac_of_the_pf(self):
        name = self.up()
        self.assertEqual(self.guest.run(f"cat /sys/class/net/{name}/address").text.strip(), self.wire.mac(0))

    def test_3_packets_there_and_back(self):
        name = self.up()
        before = self.wire.counters(self.guest, name)
        self.none_lost(PACKETS)
        after = self.wire.counters(self.guest, name)
        for side, was in zip(after, before):
            for counter in "rx_packets", "tx_packets":
                self.assertGreaterEqual(side[counter] - was[counter], PACKETS, (before, after))
            # rx_errors say nothing: the emulated PF counts what is shorter than 64 bytes, as a VF's ARP is, among them.
            for counter in "tx_errors", "rx_dropped", "tx_dropped":
                self.assertEqual(side[counter], was[counter], (counter, before, after))

    def test_4_interrupts_arrive(self):
        """By the VF's MSI-X vectors, each by its own eventfd: the guest's kernel counts them."""
        lines = self.guest.run(f"grep -E '{self.up()}|{traffic.PLACE}' /proc/interrupts").text.splitlines()
        counts = {line.split()[-1]: int(line.split()[1]) for line in lines}
        print(f"# {counts}", flush=True)
        self.assertEqual(len(counts), 3, lines)
        self.assertGreater(sum(counts.values()), 100, lines)

    def test_5_config_space_is_as_inspect_says(self):
        outside = rig.config_bytes(self.room.run(f"{rig.pcigate()} inspect live:/run/control --guest -xxxx").text)
        inside = self.guest.run(f"base64 -w 0 /sys/bus/pci/devices/{traffic.PLACE}/config").text
        inside = rig.base64.b64decode(inside)
        self.assertEqual(len(inside), 4096)
        wanted = overlay.expected(outside)[0]
        differences = [f"{at:03x}: {wanted[at:at + 4].hex()} outside, {inside[at:at + 4].hex()} inside"
                       for at in range(0, 4096, 4) if wanted[at:at + 4] != inside[at:at + 4]]
        self.assertEqual(differences, [])

    def test_6_the_driver_lets_go_and_comes_back(self):
        """Its reset on the way, and a function level reset by the kernel's own hand."""
        folder = f"/sys/bus/pci/devices/{traffic.PLACE}"
        self.guest.run(f"echo {traffic.PLACE} >{folder}/driver/unbind; grep -q flr {folder}/reset_method; "
                       f"echo flr >{folder}/reset_method; echo 1 >{folder}/reset; "
                       f"echo {traffic.PLACE} >/sys/bus/pci/drivers/igbvf/bind")
        type(self).interface = None
        self.up()
        self.none_lost(100)

    def test_7_nobody_complains(self):
        for name, text in (("room", self.room.log()), ("server", self.server.text), ("QEMU", self.guest.qemu_log()),
                           ("guest", self.guest.run("dmesg").text)):
            with self.subTest(name):
                self.assertEqual(complaints(text), [])

    def test_8_given_back(self):
        """The guest ends, the server ends, and the host's own driver has the VF again."""
        self.guest.close()
        self.server.kill("TERM")
        self.assertEqual(self.server.wait(60).status, 0, self.server.text)
        self.room.bind(self.vf, "igbvf")
        address = self.room.run(f"cat /sys/bus/pci/devices/{self.vf}/net/*/address").text.strip()
        self.assertEqual(address, self.wire.mac(0))
        self.assertEqual(complaints(self.room.log()), [])
