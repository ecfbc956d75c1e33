# SPDX-License-Identifier: BSD-3-Clause
"""Errors of our fabric, told by Linux: its AER driver reads our registers and names function, severity and packet.

Most errors are made by what software can do: payload sizes that do not fit, memory that is off. The rest are faults that
`pcigate ctl` asks for. Recovery is Linux's own. A driver that takes part in it is vfio-pci, since the endpoint driver
does not; after a reset of the link it puts nothing back, so what follows a fatal error is the next enumeration's. What a
packet on a real link holds beyond its header is not shown.
"""

import re
import time
import unittest

import fabric

POISONED, TIMEOUT, MALFORMED, UNSUPPORTED, SURPRISE, ADVISORY = 12, 14, 18, 20, 5, 13
SEVERITY = {"fatal": "Uncorrectable (Fatal)", "nonfatal": "Uncorrectable (Non-Fatal)", "correctable": "Correctable"}


class Errors:
    """Mixed into a Fabric: what Linux said of errors. vfio-pci wants an IOMMU; with iommu=pt addresses stay memory's."""

    iommu, cmdline = "second-stage", "iommu=pt"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.a, *cls.others = sorted(bdf for bdf, ids in cls.functions.items() if ids == fabric.ENDPOINT)
        # Enabled before there is a driver: bus mastering of the ports above comes with it.
        for bdf in (cls.a, *cls.others):
            cls.guest.run(f"echo 1 > /sys/bus/pci/devices/{bdf}/enable")
        cls.guest.run("modprobe vfio-pci disable_idle_d3=1 ids=1912:002d")

    def port_of(self, bdf):
        """The root port above."""
        path = self.guest.run(f"readlink -f /sys/bus/pci/devices/{bdf}").text
        return re.findall(r"10000:00:\S\S\.\S", path)[0]

    def switch_on(self, bdf):
        """Memory and bus mastering on, and no errors so far."""
        self.guest.run(f"setpci -s {bdf} 4.w=6; dmesg -c >/dev/null")

    def endpoint(self, bdf, *words):
        return self.guest.run(f"endpoint {bdf} " + " ".join(str(word) for word in words), check=False)

    def told(self, until="device recovery|Correctable error message"):
        """What the kernel wrote since, once it is done with an error."""
        text, end = "", time.monotonic() + 10
        while not re.search(until, text) and time.monotonic() < end:
            text += self.guest.run("dmesg -c").text
            time.sleep(0.1)
        return text + self.guest.run("sleep 0.3; dmesg -c").text

    def check(self, text, port, reporter, severity, bit, name, layer="Transaction Layer"):
        """Linux's own words for an error: who received it, who found it, how grave, what."""
        self.assertRegex(text, rf"pcieport {port}: AER: .*{re.escape(SEVERITY[severity])} error message received "
                               rf"from {reporter}")
        self.assertRegex(text, rf"{reporter}: PCIe Bus Error: severity={re.escape(SEVERITY[severity])}, "
                               f"type={layer}")
        self.assertRegex(text, rf"{reporter}:    \[ *{bit}\] {name}")

    def header(self, text):
        found = re.search(r"TLP Header: (\S+) (\S+) (\S+) (\S+)", text)
        return [int(word, 16) for word in found.groups()]


class Path(Errors, fabric.Fabric):
    """One endpoint below a root port, one below a switch."""

    description = """
root-port     rp1 mps=512
endpoint-test a   below=rp1 mps=512 class=010802
root-port     rp2 mps=512
switch        sw1 below=rp2 ports=2 mps=512
endpoint-test b   below=sw1.0 mps=512 class=010802
"""

    def payload(self, bdf, size):
        self.guest.run(f"setpci -s {bdf} CAP_EXP+8.w={size << 5:x}:e0")

    def test_0_good(self):
        for bdf in (self.a, *self.others):
            self.switch_on(bdf)
            for how in ("write", "read"):
                self.assertTrue(self.endpoint(bdf, how, 4000), bdf)
        self.assertNotIn("AER", self.guest.run("sleep 1; dmesg -c").text)

    def test_1_memory_off(self):
        """A processor's write to a BAR that is off: nobody waits for an answer, so the function reports it. A driver
        that can live with it does, and the function works on."""
        port = self.port_of(self.a)
        self.switch_on(self.a)
        self.guest.run(f"setpci -s {self.a} 4.w=4")
        self.endpoint(self.a, "poke", 0x2c, 1)
        text = self.told()
        self.check(text, port, self.a, "nonfatal", UNSUPPORTED, "UnsupReq")
        first, second, address, _ = self.header(text)
        self.assertEqual((first, second & 0xff, address & 0xfff), (0x40000001, 0x0f, 0x02c), "MWr of one dword, 2Ch")
        self.assertIn("device recovery successful", text)
        self.guest.run(f"setpci -s {self.a} 4.w=6")
        self.assertTrue(self.endpoint(self.a, "write", 4000))

    def test_2_memory_off_read(self):
        """A read has an answer that says so: the error is advisory. Masked, as after reset, nobody hears of it."""
        port = self.port_of(self.a)
        self.switch_on(self.a)
        self.guest.run(f"setpci -s {self.a} 4.w=4")
        self.assertEqual(self.endpoint(self.a, "peek", 0).text.strip(), "ffffffff")
        self.assertNotIn("AER", self.guest.run("sleep 1; dmesg -c").text)
        self.guest.run(f"setpci -s {self.a} ECAP_AER+10.l=2000; setpci -s {self.a} ECAP_AER+14.l=0:2000")
        self.endpoint(self.a, "peek", 0)
        text = self.told()
        self.guest.run(f"setpci -s {self.a} ECAP_AER+14.l=2000:2000; setpci -s {self.a} ECAP_AER+4.l=100000; "
                       f"setpci -s {self.a} 4.w=6")
        self.check(text, port, self.a, "correctable", ADVISORY, "NonFatalErr")
        self.assertTrue(self.endpoint(self.a, "read", 4000))

    def malformed(self, bdf, reporter, how):
        port = self.port_of(bdf)
        self.endpoint(bdf, how, 4000)
        text = self.told()
        self.check(text, port, reporter, "fatal", MALFORMED, "MalfTLP")
        self.assertRegex(text, "Port link has been reset|subordinate device reset")
        return text

    def test_3_payload_too_large(self):
        """What thread 000 reports, told by Linux: the root port takes 128, the function sends 256."""
        port = self.port_of(self.a)
        self.switch_on(self.a)
        self.payload(self.a, 1)
        text = self.malformed(self.a, port, "write")
        first, second, *_ = self.header(text)
        self.assertEqual((first & 0xff0003ff, second >> 16), (0x40000000 | 256 // 4, 0x0100), "256 bytes of 01:00.0")

    def test_4_payload_too_large_below_a_switch(self):
        """The first port on the way finds it: the switch's, and the root port above names that."""
        b = self.others[0]
        self.switch_on(b)
        self.payload(b, 1)
        path = self.guest.run(f"readlink -f /sys/bus/pci/devices/{b}").text.strip().split("/")
        self.malformed(b, path[-2], "write")


class Completions(Errors, fabric.Fabric):
    """The other way round: what comes back is more than the function takes."""

    description = """
root-port     rp1 mps=512
endpoint-test a   below=rp1 mps=512 class=010802
"""

    def test_completion_too_large(self):
        """The port's payload is 256, the function's 128: the function finds the completion malformed, and says so
        itself. Linux resets the link above it."""
        port = self.port_of(self.a)
        self.switch_on(self.a)
        self.guest.run(f"setpci -s {port} CAP_EXP+8.w=20:e0")
        self.assertTrue(self.endpoint(self.a, "read", 100), "fits")
        self.assertFalse(self.endpoint(self.a, "read", 4000))
        text = self.told()
        self.assertRegex(text, rf"pcieport {port}: AER: .*Uncorrectable \(Fatal\) error message received "
                               rf"from {self.a}")
        self.assertRegex(text, r"device recovery|link has been reset")


class Faults(Errors, fabric.Fabric):
    """What goes wrong on demand, and what works afterwards."""

    description = """
root-port     rp1 mps=512
endpoint-test a   below=rp1 mps=512 class=010802
root-port     rp2 mps=512
endpoint-test b   below=rp2 mps=512 class=010802
root-port     rp3 mps=512
endpoint-test c   below=rp3 mps=512 class=010802
"""

    def works_on(self):
        self.guest.run(f"setpci -s {self.a} 4.w=6")
        for how in ("write", "read"):
            self.assertTrue(self.endpoint(self.a, how, 4000))

    def not_fatal(self, fault, bit, name, *command):
        """An error that the root port reports, and a recovery that leaves everything as it was. Returns the answer."""
        port = self.port_of(self.a)
        self.switch_on(self.a)
        fabric.ctl(self.server, "fault", "a", fault)
        result = self.endpoint(self.a, *command)
        text = self.told()
        self.check(text, port, port, "nonfatal", bit, name)
        self.assertIn("device recovery successful", text)
        self.works_on()
        return result, text

    def test_poisoned_write(self):
        result, text = self.not_fatal("poisoned", POISONED, "TLP", "write", 4000)
        self.assertFalse(result)
        first, second, *_ = self.header(text)
        self.assertEqual((first & 0xff004000, second >> 16), (0x40004000, 0x0100), "EP is set; from 01:00.0")

    def test_poisoned_answer(self):
        result, text = self.not_fatal("poisoned", POISONED, "TLP", "peek", 0)
        self.assertEqual(result.text.strip(), "ffffffff")
        self.assertEqual(self.header(text)[0] & 0xff004000, 0x4a004000, "CplD")

    def test_no_answer(self):
        """The port asked in the processor's stead, and it is the port that waits in vain."""
        result, _ = self.not_fatal("timeout", TIMEOUT, "CmpltTO", "peek", 0)
        self.assertEqual(result.text.strip(), "ffffffff")

    def test_malformed(self):
        """Fatal: the link is reset, and b's driver is asked alone; the others' fabric is as before."""
        b = self.others[0]
        port = self.port_of(b)
        self.switch_on(b)
        fabric.ctl(self.server, "fault", "b", "malformed")
        self.endpoint(b, "write", 4000)
        text = self.told()
        self.check(text, port, port, "fatal", MALFORMED, "MalfTLP")
        self.assertIn(f"{port}: AER: Root Port link has been reset (0)", text)
        self.works_on()

    def test_pulled_out(self):
        """No slot there, so a link that goes down is an error; Linux finds nobody to recover. Put back and enumerated
        again the function works."""
        c = self.others[1]
        port = self.port_of(c)
        self.switch_on(c)
        fabric.ctl(self.server, "remove", "c")
        text = self.told()
        self.check(text, port, port, "fatal", SURPRISE, "SDES", "Data Link Layer")
        self.assertIn(f"pcieport {port}: AER: device recovery failed", text)
        fabric.ctl(self.server, "insert", "c")
        self.guest.run(f"echo 1 > /sys/bus/pci/devices/{c}/remove; echo 1 > /sys/bus/pci/rescan")
        self.guest.run(f"setpci -s {c} 4.w=6")
        self.assertTrue(self.endpoint(c, "write", 4000))
        self.works_on()


if __name__ == "__main__":
    unittest.main()
