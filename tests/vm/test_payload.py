# SPDX-License-Identifier: BSD-3-Clause
"""Payload and read request sizes: what a guest programs, what it reads back, and what the function gets.

MPS belongs to the path, and a function behind a virtual port has two paths: the guest's value is virtual. MRRS acts,
but never below the physical MPS, as a completion may be that large whatever a guest believes (PCIe 6.0, 7.5.3.4).
"""

import os
import tempfile
import unittest

import selftest
from rig import Guest, Server, config_bytes, inspect, root_port, vfio_user

EXPRESS = 0x10
DEVCAP, DEVCTL = 4, 8
COMMAND, BAR0 = 0x04, 0x10
FLR = 0x8000


def capability(config, number):
    """Offset of a capability in the standard space."""
    at = config[0x34]
    for _ in range(48):
        if at < 0x40:
            break
        if config[at] == number:
            return at
        at = config[at + 1] & 0xfc
    raise AssertionError(f"no capability {number:#x}")


def word(config, at):
    return int.from_bytes(config[at:at + 2], "little")


def mps(devctl):
    return devctl >> 5 & 7


def mrrs(devctl):
    return devctl >> 12 & 7


def dump_with(payload):
    """The text of a function whose firmware programmed that payload size, and which could do all of them."""
    text = inspect("sim:endpoint-test", "--host", "-v", "-xxxx")
    config = bytearray(config_bytes(text))
    at = capability(config, EXPRESS)
    config[0:4] = bytes.fromhex("34120511")  # no driver's
    config[at + DEVCAP] = config[at + DEVCAP] & 0xf8 | 5
    config[at + DEVCTL] = config[at + DEVCTL] & 0x1f | payload << 5
    rows = (f"{row:02x}: " + config[row:row + 16].hex(" ") for row in range(0, len(config), 16))
    return text[:text.index("\n00: ") + 1] + "\n".join(rows) + "\n"


class Hardware(unittest.TestCase):
    """A guest and functions behind a root port each; what the hardware holds is asked of the server."""

    functions = ()  # (FUNC, options…) each
    cmdline = ""

    @classmethod
    def setUpClass(cls):
        cls.servers = []
        for function, *options in cls.functions:
            server = Server(function, *options).start()
            cls.addClassCleanup(server.stop)
            cls.servers.append(server)
        devices = []
        for n, server in enumerate(cls.servers, 1):
            devices += [root_port(f"rp{n}"), vfio_user(server.socket, bus=f"rp{n}")]
        cls.before = [word(config, capability(config, EXPRESS) + DEVCTL)
                      for config in (server.config("host") for server in cls.servers)]
        cls.guest = Guest(devices=devices, cmdline=cls.cmdline, timeout=240)
        cls.guest.start()
        cls.addClassCleanup(cls.guest.close)

    def hardware(self, n=0):
        config = self.servers[n].config("host")
        return word(config, capability(config, EXPRESS) + DEVCTL)

    def devctl(self, slot="01:00.0"):
        return int(self.guest.run(f"setpci -s {slot} CAP_EXP+8.w").text, 16)

    def tearDown(self):
        for server in self.servers:
            self.assertTrue(server.alive(), server.log())
            self.assertEqual([line for line in server.log().splitlines() if "error" in line], [])


# --- what Linux programs by itself -------------------------------------------

class Boot:
    """Mixed into Hardware: function 0 has a physical payload of 512 bytes behind a virtual port that can 128."""

    @classmethod
    def setUpClass(cls):
        handle, path = tempfile.mkstemp(prefix="pcigate-dump-")
        os.write(handle, dump_with(2).encode())
        os.close(handle)
        cls.addClassCleanup(os.unlink, path)
        cls.functions = ((f"dump:{path}",), ("sim:endpoint-test",))
        super().setUpClass()

    def port(self):
        return self.devctl("00:01.0") if self.guest.run("lspci -s 00:01.0").text else self.devctl("00:02.0")

    def test_guest_agrees_with_its_port(self):
        self.assertEqual(mps(self.devctl()), mps(self.port()))
        self.assertEqual(mps(self.devctl()), 0, "QEMU's root port takes 128 bytes, so that is what Linux settles on")

    def test_hardware_keeps_its_payload(self):
        self.assertEqual(mps(self.before[0]), 2)
        self.assertEqual(mps(self.hardware()), 2)

    def test_hardware_requests_not_below_payload(self):
        self.assertEqual(mrrs(self.hardware()), max(mrrs(self.devctl()), 2))

    def test_function_at_work(self):
        """The simulated function beside it still passes data."""
        self.guest.load_driver(device="0000:02:00.0")
        outcomes = selftest.run(self.guest, "-f pci_ep_data_transfer")
        self.assertTrue(outcomes.complete, outcomes.text)
        self.assertEqual(outcomes.failed(), [])


class BootPerformance(Boot, Hardware):
    cmdline = "pci=pcie_bus_perf"

    def test_linux_lowers_requests(self):
        """So did the report that began it all: Linux sets MRRS to the virtual MPS, below the physical one."""
        self.assertEqual(mrrs(self.devctl()), 0)
        self.assertEqual(mrrs(self.hardware()), 2)


class BootSafe(Boot, Hardware):
    cmdline = "pci=pcie_bus_safe"

    def test_linux_leaves_requests(self):
        self.assertEqual(mrrs(self.devctl()), 2, "512 bytes, as after a reset")
        self.assertEqual(mrrs(self.hardware()), 2)


class BootDefault(Boot, Hardware):
    pass


# --- every value by hand -----------------------------------------------------

class Values(Hardware):
    """One function for each physical payload size; setpci in the guest, the hardware looked at outside."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pcigate-dumps-")
        cls.addClassCleanup(folder.cleanup)
        functions = []
        for payload in range(6):
            path = os.path.join(folder.name, f"payload{payload}")
            with open(path, "w", encoding="ascii") as file:
                file.write(dump_with(payload))
            functions.append((f"dump:{path}",))
        cls.functions = functions
        super().setUpClass()

    def write(self, slot, register, value):
        """Write and read back the whole word, in one go inside."""
        text = self.guest.run(f"setpci -s {slot} {register}={value:x} && setpci -s {slot} CAP_EXP+8.w").text
        return int(text, 16)

    def rest(self, slot):
        """Bits of the word that are neither size, as they stand."""
        return self.devctl(slot) & ~0xf0e0

    def payload_by_word(self, payload, slot):
        rest = self.rest(slot)
        for value in range(8):
            wanted = rest | 2 << 12 | value << 5
            self.assertEqual(self.write(slot, "CAP_EXP+8.w", wanted), wanted, "as written")
            self.assertEqual(mps(self.hardware(payload)), payload, f"MPS {value} reached hardware")
            self.assertEqual(mrrs(self.hardware(payload)), max(2, payload))

    def payload_by_byte(self, payload, slot):
        low = self.rest(slot) & 0x1f
        before = self.hardware(payload)
        for value in range(8):
            read = self.write(slot, "CAP_EXP+8.b", low | value << 5)
            self.assertEqual(read & 0xff, low | value << 5)
            self.assertEqual(self.hardware(payload), before, "a payload alone changes nothing in hardware")

    def requests_by_word(self, payload, slot):
        rest = self.rest(slot)
        for value in range(6):
            wanted = rest | value << 12
            self.assertEqual(self.write(slot, "CAP_EXP+8.w", wanted), wanted, "as written")
            self.assertEqual(mrrs(self.hardware(payload)), max(value, payload))
            self.assertEqual(mps(self.hardware(payload)), payload)

    def requests_by_byte(self, payload, slot):
        high = self.rest(slot) >> 8
        for value in (5, 4, 3, 2, 1, 0):
            read = self.write(slot, "CAP_EXP+9.b", high | value << 4)
            self.assertEqual(read >> 8, high | value << 4)
            self.assertEqual(mrrs(self.hardware(payload)), max(value, payload))
            self.assertEqual(mps(self.hardware(payload)), payload)

    def reserved_requests(self, payload, slot):
        rest = self.rest(slot)
        self.write(slot, "CAP_EXP+8.w", rest | 3 << 12)
        before = mrrs(self.hardware(payload))
        self.assertEqual(before, max(3, payload))
        for value in (6, 7):
            wanted = rest | value << 12
            self.assertEqual(self.write(slot, "CAP_EXP+8.w", wanted), wanted, "as written")
            self.assertEqual(mrrs(self.hardware(payload)), before)

    def test_both_at_once(self):
        """All 64 pairs on the function in the middle."""
        payload, slot, last = 2, "03:00.0", 2
        rest = self.rest(slot)
        self.write(slot, "CAP_EXP+8.w", rest | last << 12)
        for request in range(8):
            for size in range(8):
                wanted = rest | request << 12 | size << 5
                self.assertEqual(self.write(slot, "CAP_EXP+8.w", wanted), wanted)
                last = max(request, payload) if request < 6 else last
                self.assertEqual((mps(self.hardware(payload)), mrrs(self.hardware(payload))), (payload, last))


def _with(check, payload):
    return lambda self: check(self, payload, f"{payload + 1:02x}:00.0")


for _check in (Values.payload_by_word, Values.payload_by_byte, Values.requests_by_word, Values.requests_by_byte,
               Values.reserved_requests):
    for _payload in range(6):
        setattr(Values, f"test_{_check.__name__}_{128 << _payload}", _with(_check, _payload))


# --- reset -------------------------------------------------------------------

class Reset(Hardware):
    """FLR by its bit and by Linux: the guest's view is as new, the hardware keeps what is the host's."""

    @classmethod
    def setUpClass(cls):
        handle, path = tempfile.mkstemp(prefix="pcigate-dump-")
        os.write(handle, dump_with(3).encode())
        os.close(handle)
        cls.addClassCleanup(os.unlink, path)
        cls.functions = (("sim:endpoint-test,payload=256",), (f"dump:{path}",))
        super().setUpClass()

    def by_bit(self, slot, n, width):
        run = self.guest.run
        run(f"setpci -s {slot} CAP_EXP+8.w=50a0 COMMAND=0006 INTERRUPT_LINE=55")
        high = f"{(FLR | 0x5000) >> 8:02x}"
        run(f"setpci -s {slot} " + ("CAP_EXP+8.w=d0a0" if width == 2 else f"CAP_EXP+9.b={high}"))
        self.assertEqual(mps(self.hardware(n)), mps(self.before[n]), "the physical payload survives")
        self.assertEqual(self.hardware(n) & FLR, 0)
        self.assertGreaterEqual(mrrs(self.hardware(n)), mps(self.before[n]))
        devctl = self.devctl(slot)
        self.assertEqual((mps(devctl), mrrs(devctl), devctl & FLR), (5, 2, 0),
                         "power-on values for the guest, but for the payload size, which an FLR leaves alone (6.6.2)")
        self.assertEqual(word(self.servers[n].config("guest"), COMMAND) & 7, 0, "decoding and mastering are off")
        self.assertEqual(word(self.servers[n].config("host"), COMMAND) & 4, 0, "mastering is off in hardware")
        self.assertEqual(self.servers[n].config("guest")[BAR0:BAR0 + 24].strip(b"\0\4\x08\x0c"), b"")

    def test_bit_by_word(self):
        self.by_bit("01:00.0", 0, 2)
        self.by_bit("02:00.0", 1, 2)

    def test_bit_by_byte(self):
        self.by_bit("01:00.0", 0, 1)
        self.by_bit("02:00.0", 1, 1)

    def test_z_linux(self):
        """After the bits, as Linux puts back what it knows; the function then works for its driver."""
        run = self.guest.run
        run("echo 1 > /sys/bus/pci/devices/0000:01:00.0/remove; echo 1 > /sys/bus/pci/devices/0000:02:00.0/remove")
        run("echo 1 > /sys/bus/pci/rescan")
        for n, slot in enumerate(("01:00.0", "02:00.0")):
            with self.subTest(slot=slot):
                path = f"/sys/bus/pci/devices/0000:{slot}"
                self.assertIn("flr", run(f"cat {path}/reset_method").text)
                run(f"setpci -s {slot} CAP_EXP+8.w=4020:f0e0")
                before = run(f"lspci -xxx -s {slot}").text
                run(f"echo 1 > {path}/reset")
                self.assertEqual(run(f"lspci -xxx -s {slot}").text, before)
                self.assertEqual(mps(self.hardware(n)), mps(self.before[n]))
                self.assertEqual(mrrs(self.hardware(n)), max(4, mps(self.before[n])))
        self.guest.load_driver()
        outcomes = selftest.run(self.guest)
        self.assertTrue(outcomes.complete, outcomes.text)
        self.assertEqual(outcomes.failed(), [])


# --- what the guest may believe in -------------------------------------------

class Supported(Hardware):
    """DEVCAP's Max_Payload_Size Supported, as the function has it and capped by policy."""

    functions = (("sim:endpoint-test,mps=512",),
                 ("sim:endpoint-test,mps=512", "--policy", "mps-supported=128"),
                 ("sim:endpoint-test,mps=512", "--policy", "mps-supported=256"),
                 ("sim:endpoint-test,mps=512", "--policy", "mps-supported=4096"))

    def supported(self, slot):
        text = self.guest.run(f"lspci -vv -s {slot}").text
        line = next(line for line in text.splitlines() if "DevCap:" in line)
        return int(line.split("MaxPayload ")[1].split()[0])

    def test_as_it_is(self):
        self.assertEqual(self.supported("01:00.0"), 512)

    def test_capped(self):
        self.assertEqual(self.supported("02:00.0"), 128)
        self.assertEqual(self.supported("03:00.0"), 256)

    def test_never_raised(self):
        self.assertEqual(self.supported("04:00.0"), 512)

    def test_hardware_has_its_own(self):
        for server in self.servers:
            config = server.config("host")
            self.assertEqual(config[capability(config, EXPRESS) + DEVCAP] & 7, 2)


if __name__ == "__main__":
    unittest.main()
