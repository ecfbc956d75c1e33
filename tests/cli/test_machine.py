# SPDX-License-Identifier: BSD-3-Clause
"""list, capture, doctor and vf, on machines made of files."""

import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

from program import *

MEMORY, MEMORY64, IO, PREFETCH = 0x40200, 0x140204, 0x40101, 0x2008
PF, VF, PORT = "0000:01:00.0", "0000:01:10.0", "0000:00:1c.0"
HEALTHY_LIMITS = "Limit                     Soft Limit           Hard Limit           Units     \n" \
                 "Max locked memory         8589934592           8589934592           bytes     \n"


def put(config, at, text):
    data = bytes.fromhex(text)
    config[at:at + len(data)] = data


def nic_config(vf=False):
    """An Express function with PM, MSI, MSI-X, AER, DSN and, of a PF, SR-IOV."""
    config = bytearray(4096)
    put(config, 0x00, "ffffffff" if vf else "8680c910")
    put(config, 0x04, "0605 1000 01 000002")
    put(config, 0x34, "40")
    if not vf:
        put(config, 0x10, "0000c0fe 0cf0ffff 01000000 01d00000 00000000 00000000")
        put(config, 0x2C, "86803ca0 0100e0fe")
    put(config, 0x40, "01500300 08000000")
    put(config, 0x50, "05708001 0c30e0fe 00000000 4a40")
    put(config, 0x70, "11a00280 03000000 03200000")
    put(config, 0xA0, "10000200 00800010")
    put(config, 0x100, "01000214")
    put(config, 0x11C, "0100004a 0c00010f deadbeef cafef00d")
    put(config, 0x140, "03000116 78563412 ff00aabb")
    if vf:
        put(config, 0x140, "03000100 78563412 ff00aabb")
    else:
        put(config, 0x160, "10000100 00000000 00000000 08000800 0200 0000 8001 0200 0000 ca10")
        put(config, 0x160 + 0x24, "0400d0fe 01000000 00000000 0c00d1fe 01000000 00000000")
    return config


def bridge_config(acs=True, control=0x1D):
    config = bytearray(4096)
    put(config, 0x00, "8680203a 07041000 00000406 10000100")
    put(config, 0x18, "000101 00 d1d10000 00ec10ff 01e101f1 0a000000 0a000000")
    put(config, 0x34, "40")
    put(config, 0x40, "10000201")
    config[0x42] = 0x42  # a root port
    if acs:
        put(config, 0x100, "0d000100")
        config[0x104:0x108] = struct.pack("<HH", 0x1D, control)
    return config


class Machine:
    """/sys, /proc and /dev below a folder."""

    def __init__(self, root):
        self.root = root
        self.folder = {}
        for name in ("sys/bus/pci/devices", "sys/bus/pci/drivers/vfio-pci", "sys/class/iommu/dmar0", "dev/vfio/devices"):
            os.makedirs(os.path.join(root, name))
        self.write("proc/self/limits", HEALTHY_LIMITS)
        self.write("proc/self/status", "Name:\tpcigate\nCapEff:\t0000000000000000\n")
        self.write("proc/interrupts", " 24:  1  0  IR-PCI-MSIX-0000:01:00.0   0-edge  eth0\n")
        self.write("proc/cmdline", "root=/dev/sda1 quiet\n")
        self.write("proc/sys/kernel/osrelease", "6.1.0-test\n")
        self.write("boot/config-6.1.0-test", "CONFIG_A=y\n# CONFIG_IO_STRICT_DEVMEM is not set\nCONFIG_B=m\n")
        self.write("sys/kernel/security/lockdown", "[none] integrity confidentiality\n")
        self.write("dev/iommu")
        self.write("dev/vfio/vfio")

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, data=""):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, (bytes, bytearray)) else data.encode())

    def remove(self, name):
        path = self.path(name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def link(self, name, target):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.islink(path):
            os.unlink(path)
        os.symlink(target, path)

    def of(self, bdf, name):
        return os.path.join("sys/bus/pci/devices", bdf, name)

    def add(self, bdf, config, ids=None, class_code=0x020000, bars=(), parent=None, group=None, driver=None, pf=None,
            total=0, number=0):
        inside = os.path.join(self.folder[parent], bdf) if parent else os.path.join("sys/devices/pci0000:00", bdf)
        self.folder[bdf] = inside
        os.makedirs(self.path(inside))
        self.link("sys/bus/pci/devices/" + bdf, "../../../" + inside.removeprefix("sys/"))
        ids = ids or struct.unpack("<HH", config[:4])
        for name, value in zip(("vendor", "device"), ids):
            self.write(self.of(bdf, name), f"0x{value:04x}\n")
        self.write(self.of(bdf, "class"), f"0x{class_code:06x}\n")
        self.write(self.of(bdf, "revision"), f"0x{config[8]:02x}\n")
        self.write(self.of(bdf, "config"), config)
        lines = [(0, 0, 0)] * 7
        for index, start, size, flags in bars:
            lines[index] = (start, start + size - 1, flags)
        self.write(self.of(bdf, "resource"), "".join("0x%016x 0x%016x 0x%016x\n" % line for line in lines))
        self.write(self.of(bdf, "reset_method"), "flr bus\n")
        self.write(self.of(bdf, "power_state"), "D0\n")
        self.write(self.of(bdf, "driver_override"), "(null)\n")
        if total:
            self.write(self.of(bdf, "sriov_totalvfs"), f"{total}\n")
            self.write(self.of(bdf, "sriov_numvfs"), f"{number}\n")
            self.write(self.of(bdf, "sriov_drivers_autoprobe"), "0\n")
            self.write(self.of(bdf, "sriov_vf_total_msix"), "0\n")
        if pf:
            self.link(self.of(bdf, "physfn"), "../" + pf)
        if group is not None:
            self.join(bdf, group)
        if driver:
            self.bind(bdf, driver)

    def join(self, bdf, group):
        self.link(self.of(bdf, "iommu_group"), f"/sys/kernel/iommu_groups/{group}")
        self.link(f"sys/kernel/iommu_groups/{group}/devices/{bdf}", os.path.relpath(self.folder[bdf], f"sys/kernel/iommu_groups/{group}/devices"))
        self.write(f"sys/kernel/iommu_groups/{group}/type", "DMA-FQ\n")

    def bind(self, bdf, driver, cdev=None):
        self.link(self.of(bdf, "driver"), f"../../../../bus/pci/drivers/{driver}")
        if cdev is not None:
            os.makedirs(self.path(self.of(bdf, f"vfio-dev/vfio{cdev}")))
            self.write(f"dev/vfio/devices/vfio{cdev}")

    def nic(self):
        """A PF of igb's behind a root port, and its first VF, which is free."""
        self.add(PORT, bridge_config(), class_code=0x060400, group=1, driver="pcieport")
        self.add(PF, nic_config(), parent=PORT, group=12, driver="igb", total=8, number=2, bars=[
            (0, 0xFEC00000, 0x20000, MEMORY), (1, 0x1FFFFF000, 0x1000, MEMORY64 | PREFETCH), (3, 0xD000, 32, IO),
            (6, 0xFEE00000, 0x10000, 0x46200)])
        for number, bdf in enumerate((VF, "0000:01:10.2")):
            self.add(bdf, nic_config(vf=True), ids=(0x8086, 0x10CA), parent=PORT, group=20 + number, pf=PF, bars=[
                (0, 0x1FED00000 + number * 0x4000, 0x4000, 0x140204), (3, 0x1FED10000 + number * 0x4000, 0x4000, 0x14220C)])
            self.link(self.of(PF, f"virtfn{number}"), "../" + bdf)
            self.bind(bdf, "vfio-pci", cdev=number)
            self.write(self.of(bdf, "sriov_vf_msix_count"))


class MachineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.machine = Machine(os.path.join(folder.name, "root"))
        self.machine.nic()

    def call(self, *arguments, status=0):
        done = run(*arguments, "--root", self.machine.root)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def json(self, *arguments, status=0):
        return json.loads(self.call(*arguments, "--json", status=status).stdout)


class List(MachineTest):
    def verdict(self, bdf):
        return next(entry["verdict"] for entry in self.json("list") if entry["bdf"] == bdf)

    def test_what_each_function_is(self):
        lines = self.call("list").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["FUNCTION", PORT, PF, VF, "0000:01:10.2"])
        self.assertRegex(lines[2], r"8086:10c9 +12 +igb +driver +Ethernet controller: .*\[PF with 2 of 8 VFs\]$")
        self.assertRegex(lines[3], rf"8086:10ca +20 +vfio-pci +ready +.*\[VF 0 of {PF}\]$")

    def test_json_says_the_same(self):
        entry = self.json("list", "-s", "01:10.0")[0]
        self.assertEqual((entry["vendor"], entry["device"], entry["iommu_group"], entry["driver"]),
                         (0x8086, 0x10CA, 20, "vfio-pci"))
        self.assertEqual((entry["pf"], entry["vf_number"], entry["func"]), (PF, 0, "vfio:" + VF))
        self.assertEqual(self.json("list", "-s", "01:00.0")[0]["func"], None)

    def test_what_is_in_the_way(self):
        self.assertEqual([self.verdict(bdf) for bdf in (PORT, PF, VF)], ["bridge", "driver", "ready"])
        self.machine.remove("dev/vfio/devices/vfio0")
        self.assertEqual(self.verdict(VF), "access")
        self.machine.join(PF, 20)
        self.assertEqual(self.verdict(VF), "group")
        self.machine.remove(self.machine.of(VF, "iommu_group"))
        self.assertEqual(self.verdict(VF), "iommu")
        self.machine.remove(self.machine.of(VF, "driver"))
        self.machine.remove(self.machine.of(VF, "vfio-dev"))
        self.assertEqual(self.verdict(VF), "driver")

    def test_a_port_in_the_group_is_in_nobodys_way(self):
        self.machine.join(PORT, 20)
        self.assertEqual(self.verdict(VF), "ready")

    def test_a_kernel_without_device_files_has_groups(self):
        self.machine.remove("dev/iommu")
        self.assertEqual(self.verdict(VF), "access")
        self.machine.write("dev/vfio/20")
        self.assertEqual(self.verdict(VF), "ready")

    def test_filters_are_lspcis(self):
        def found(*arguments):
            return [entry["bdf"] for entry in self.json("list", *arguments)]

        self.assertEqual(found("-s", "1c"), [PORT])
        self.assertEqual(found("-s", "01:"), [PF, VF, "0000:01:10.2"])
        self.assertEqual(found("-s", ".2"), ["0000:01:10.2"])
        self.assertEqual(found("-d", "8086:10ca"), [VF, "0000:01:10.2"])
        self.assertEqual(found("-d", "::0604"), [PORT])
        self.assertEqual(found("-d", "1af4:"), [])
        self.call("list", "-s", "zz", status=2)
        self.call("list", "-d", "8086", status=2)

    def test_usage(self):
        self.call("list", "more", status=2)
        self.assertEqual(run("list", "--help").returncode, 0)
        shutil.rmtree(self.machine.path("sys"))
        self.assertIn("/sys", self.call("list", status=3).stderr)


class Capture(MachineTest):
    def capture(self, *arguments, name="dump.txt", status=0):
        path = os.path.join(self.folder, name)
        done = self.call("capture", *arguments, "-o", path, status=status)
        with open(path) as file:
            return path, file.read(), done.stderr

    def shown(self, path, *arguments):
        done = run("inspect", "dump:" + path, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def config(self, text):
        rows = re.findall(r"^([0-9a-f]{2,3}): ((?:[0-9a-f]{2} ?){16})$", text, re.M)
        return b"".join(bytes.fromhex(row) for _, row in rows)

    def regions(self, text):
        return re.findall(r"(Region \d|Expansion ROM).*?(\(\S+, \S+\))?(?: \[disabled\])? \[size=(\w+)\]", text)

    def test_a_pf_comes_back_whole(self):
        path, text, notes = self.capture(PF)
        self.assertEqual(notes, "")
        self.assertRegex(text, r"(?m)^0000:01:00.0 Ethernet controller: ")
        self.assertEqual(self.config(text), bytes(nic_config()))
        back = self.shown(path, "--host", "-xxxx")
        self.assertEqual(self.config(back), bytes(nic_config()))
        self.assertEqual(self.regions(back), [
            ("Region 0", "(32-bit, non-prefetchable)", "128K"), ("Region 1", "(64-bit, prefetchable)", "4K"),
            ("Region 3", "", "32"), ("Expansion ROM", "", "64K")])

    def test_a_vf_comes_back_as_one(self):
        path, text, _ = self.capture(VF)
        self.assertEqual(self.config(text)[:4], b"\xff\xff\xff\xff")
        guest = self.shown(path, "--guest", "-x")
        self.assertEqual(self.config(guest)[:4], bytes.fromhex("8680ca10"))
        self.assertEqual(self.regions(guest), [("Region 0", "(64-bit, non-prefetchable)", "16K"),
                                               ("Region 3", "(64-bit, prefetchable)", "16K")])

    def test_a_vf_that_shows_ids_is_told_of(self):
        config = nic_config(vf=True)
        put(config, 0, "8680ca10")
        self.machine.write(self.machine.of(VF, "config"), config)
        self.assertIn("vf=on", self.capture(VF)[2])

    def test_what_only_root_sees_is_missed(self):
        self.machine.write(self.machine.of(PF, "config"), nic_config()[:64])
        path, text, notes = self.capture(PF)
        self.assertIn("root", notes)
        self.assertEqual(len(self.config(text)), 64)
        self.assertEqual(len(self.regions(self.shown(path, "--host"))), 4)

    def test_redacted(self):
        path, text, _ = self.capture(PF, "--redact")
        self.assertRegex(text, r"(?m)^# redacted.*BARs.*expansion ROM.*CAP_MSI.*ECAP_AER.*ECAP_DSN.*VF BARs")
        config = self.config(text)
        expected = nic_config()
        put(expected, 0x10, "00000000 0c000000 00000000 01000000")
        put(expected, 0x30, "01000000")
        put(expected, 0x54, "00" * 10)
        put(expected, 0x11C, "00" * 16)
        put(expected, 0x144, "00" * 8)
        put(expected, 0x160 + 0x24, "04000000 00000000 00000000 0c000000 00000000")
        self.assertEqual(config, bytes(expected))
        for secret in ("fec00000", "1fffff000", "fee0300c", "12-34-56-78", "fed0"):
            self.assertNotIn(secret, text.lower())
        self.assertEqual(self.regions(self.shown(path, "--host")), self.regions(self.capture(PF)[1]))

    def test_a_bridge(self):
        _, text, _ = self.capture(PORT)
        self.assertEqual(self.config(text), bytes(bridge_config()))
        _, text, _ = self.capture(PORT, "--redact")
        expected = bridge_config()
        put(expected, 0x1C, "f101 0000 f0ff0000 f1ff0100 00000000 00000000 00000000")
        self.assertEqual(self.config(text), bytes(expected))

    def test_several_in_one_text(self):
        path, _, _ = self.capture(PF, VF, "0000:01:10.2")
        done = run("inspect", f"dump:{path}@01:10.2", "--host")
        self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(shutil.which("lspci"), "no lspci here")
    def test_lspci_reads_it(self):
        path, _, _ = self.capture(PF, VF, "--redact")
        done = subprocess.run(["lspci", "-F", path, "-n"], capture_output=True, text=True, check=True)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["01:00.0", "01:10.0"])

    def test_nobody_answers(self):
        self.machine.write(self.machine.of(PF, "config"), b"\xff" * 4096)
        self.assertIn("does not answer", self.call("capture", PF, status=3).stderr)

    def test_usage(self):
        self.call("capture", status=2)
        self.call("capture", "nonsense", status=2)
        self.call("capture", "02:00.0", status=3)
        self.call("capture", PF, "-o", "/nowhere/file", status=3)


class Doctor(MachineTest):
    def rows(self, bdf=VF, status=0, arguments=()):
        return {row["check"]: row for row in self.json("doctor", bdf, *arguments, status=status)["checks"]}

    def check(self, name, verdict, found, mend=None, bdf=VF, arguments=()):
        row = self.rows(bdf, 1 if verdict == "bad" else 0, arguments)[name]
        self.assertEqual(row["verdict"], verdict, row)
        self.assertRegex(row["found"], found)
        if mend:
            self.assertRegex("\n".join(row["mend"]), mend)

    def test_a_function_that_is_ready(self):
        rows = self.rows()
        self.assertEqual({row["verdict"] for row in rows.values()}, {"ok"}, rows)
        self.assertEqual(set(rows), {"function", "header", "iommu", "interrupts", "driver", "group", "isolation", "files",
                                     "holder", "token", "reset", "power", "memlock", "lockdown", "devmem"})
        self.assertIn(f"serve vfio:{VF}", self.call("doctor", VF).stdout)

    def test_one_that_is_not_there(self):
        rows = self.rows("02:00.0", status=1)
        self.assertEqual(list(rows), ["function"])
        self.assertIn("lspci -D", " ".join(rows["function"]["mend"]))

    def test_a_vf_that_is_not_made_yet(self):
        """What is to be done is another thing than looking for it."""
        self.machine.write(self.machine.of(PF, "sriov_offset"), "128\n")
        self.machine.write(self.machine.of(PF, "sriov_stride"), "2\n")
        row = self.rows("01:10.4", status=1)["function"]
        self.assertRegex(row["found"], f"no 0000:01:10.4 .*VF 2 of {PF}, which has 2 of 8")
        self.assertRegex(row["mend"][0], f"^pcigate vf {PF} --create 3 --no-probe  # .*removed first")
        # Between two VFs, behind the last one, in another domain.
        for bdf in ("0000:01:10.5", "0000:01:12.0", "0001:01:10.4"):
            self.assertNotIn("VF", self.rows(bdf, status=1)["function"]["found"])

    def test_a_bridge(self):
        self.assertEqual(self.rows(PORT, status=1)["header"]["verdict"], "bad")

    def test_an_interface_of_the_pf_that_is_down(self):
        """Most VFs have no carrier then, and nothing else says why."""
        self.machine.write(self.machine.of(PF, "net/eth7/flags"), "0x1002\n")
        self.check("link", "warn", f"eth7 of {PF} is down", "^ip link set dev eth7 up$")
        self.machine.write(self.machine.of(PF, "net/eth7/flags"), "0x1003\n")
        self.check("link", "ok", "eth7")
        self.assertNotIn("link", self.rows(PF, status=1))

    def test_a_bridge_of_the_machines_own(self):
        """Of type 0, as the function of a host bridge or of an ISA bridge is."""
        self.machine.add("0000:00:1f.0", nic_config(), class_code=0x060100, group=30)
        self.check("header", "bad", "class of bridges", bdf="0000:00:1f.0")
        self.assertNotIn("driver", self.rows("0000:00:1f.0", 1))
        self.machine.bind("0000:00:1f.0", "vfio-pci", cdev=9)
        self.check("header", "warn", "class of bridges", bdf="0000:00:1f.0")

    def test_one_that_does_not_answer(self):
        self.machine.write(self.machine.of(VF, "config"), b"\xff" * 4096)
        self.check("header", "bad", "does not answer", "power/control")

    def test_a_driver_of_the_hosts(self):
        self.machine.remove(self.machine.of(VF, "vfio-dev"))
        self.machine.bind(VF, "igbvf")
        os.makedirs(self.machine.path(self.machine.of(VF, "net/eth7")))
        self.check("driver", "bad", "igbvf, in use as eth7",
                   f"^driverctl set-override {VF} vfio-pci\n.*driver_override.*/unbind.*drivers_probe")
        self.machine.remove("sys/bus/pci/drivers/vfio-pci")
        self.check("driver", "bad", "igbvf", "^modprobe vfio-pci; ")
        self.machine.remove(self.machine.of(VF, "driver"))
        row = self.rows(status=1)["driver"]
        self.assertRegex(row["found"], "^no driver;")
        self.assertNotIn("unbind", row["mend"][1])
        self.machine.write(self.machine.of(VF, "driver_override"), "vfio-pci\n")
        self.check("driver", "bad", "^no driver, kept for vfio-pci;")

    def test_a_variant_driver_will_do(self):
        self.machine.bind(VF, "mlx5_vfio_pci")
        self.check("driver", "ok", "mlx5_vfio_pci")

    def test_no_iommu(self):
        self.machine.remove(self.machine.of(VF, "iommu_group"))
        self.machine.remove("sys/class/iommu/dmar0")
        self.machine.write("sys/firmware/acpi/tables/DMAR")
        self.check("iommu", "bad", "none", "intel_iommu=on")

    def test_no_iommu_mode(self):
        self.machine.write("sys/kernel/iommu_groups/20/name", "vfio-noiommu\n")
        self.check("iommu", "bad", "no-IOMMU")

    def test_interrupts(self):
        self.machine.write("proc/interrupts", " 24:  1  ITS-PCI-MSIX-0000:01:00.0   0-edge  eth0\n")
        self.check("interrupts", "ok", "remapped")
        self.machine.write("proc/interrupts", " 24:  1  XX-PCI-MSIX-0000:01:00.0   0-edge  eth0\n")
        self.assertNotIn("interrupts", self.rows())
        self.machine.write("proc/interrupts", " 24:  1  PCI-MSIX-0000:01:00.0   0-edge  eth0\n")
        self.check("interrupts", "bad", "not remapped", "intremap")
        # That BARs could be mapped does not matter then.
        self.assertNotIn("devmem", self.rows(status=1))
        self.machine.write("sys/module/iommufd/parameters/allow_unsafe_interrupts", "Y\n")
        self.check("interrupts", "warn", r"allow_unsafe_interrupts of iommufd.*barN=", "echo N > ")
        self.assertNotIn("devmem", self.rows())

    def test_a_group_with_a_driver_in_it(self):
        self.machine.join(PF, 20)
        self.check("group", "bad", rf"20, with {PF} \(igb\)", f"driverctl set-override {PF} vfio-pci")
        self.machine.bind(PF, "vfio-pci")
        self.check("group", "ok", rf"20, with {PF} \(vfio-pci\)")

    def test_why_a_group_is_shared(self):
        self.machine.add("0000:01:11.0", nic_config(vf=True), parent=PORT, group=20)
        self.check("isolation", "warn", "though the ports")
        for acs, control, found in ((False, 0, "0000:00:1c.0 has no ACS"), (True, 1, "does not redirect")):
            self.machine.write(self.machine.of(PORT, "config"), bridge_config(acs, control))
            self.check("isolation", "warn", found)
        config = bridge_config()
        config[0x34] = 0
        self.machine.write(self.machine.of(PORT, "config"), config)
        self.check("isolation", "warn", "conventional")
        self.machine.write(self.machine.of(PORT, "config"), config[:64])
        self.check("isolation", "warn", "root")

    def test_functions_of_one_card(self):
        self.machine.add("0000:01:10.1", nic_config(vf=True), parent=PORT, group=20)
        self.check("isolation", "warn", "of its card")

    def test_device_files(self):
        self.check("files", "ok", "/dev/vfio/devices/vfio0 and /dev/iommu")
        self.machine.remove("dev/iommu")
        self.check("files", "bad", "/dev/vfio/20")
        self.machine.write("dev/vfio/20")
        self.check("files", "ok", "type1")
        self.machine.remove("dev/vfio/vfio")
        self.check("files", "bad", "/dev/vfio/vfio", "modprobe vfio_iommu_type1")

    def test_one_that_is_open(self):
        self.machine.link("proc/4711/fd/9", "/dev/vfio/devices/vfio0")
        self.machine.write("proc/4711/comm", "qemu\n")
        self.check("holder", "warn", r"4711 \(qemu\)")

        self.assertNotIn("; ready:", self.call("doctor", VF).stdout)

    # A line that begins as a command does is one, to its end or to a remark.
    COMMANDS = r"(driverctl|echo|modprobe|pcigate|setfacl|chown|ulimit|lspci|ip) "
    COMMAND = (r"((modprobe vfio-pci; )?driverctl set-override \S+ vfio-pci"
               r"|(modprobe vfio-pci; )?echo ('[^']*'|\S+) >>? \S+(; echo \S+ > \S+)*|modprobe \w+"
               r"|pcigate vf \S+( --create (\d+|N)( --no-probe)?)?|setfacl -m u:\d+:rw (\S+) \|\| chown \d+ \S+"
               r"|ulimit -l \d+|lspci -D|ip link set dev \S+ up)(  # .*)?")

    def test_what_mends_it_can_be_pasted(self):
        def spoil(name, text):
            return lambda: self.machine.write(name, text)
        of = self.machine.of
        spoilt = (
            lambda: None, spoil(of(VF, "config"), b"\xff" * 4096), spoil(of(VF, "power_state"), "D3cold\n"),
            spoil(of(VF, "power_state"), "error\n"), spoil(of(VF, "reset_method"), "\n"),
            spoil("proc/interrupts", " 24:  1  PCI-MSIX-0000:01:00.0   0-edge  eth0\n"),
            spoil("sys/module/iommufd/parameters/allow_unsafe_interrupts", "Y\n"),
            spoil(of(PF, "net/eth7/flags"), "0x1002\n"), lambda: self.machine.join(PF, 20),
            lambda: self.machine.remove("dev/vfio/devices/vfio0"), lambda: self.machine.remove("dev/vfio/vfio"),
            lambda: self.machine.bind(VF, "igbvf"), lambda: self.machine.remove("sys/bus/pci/drivers/vfio-pci"),
        )
        seen = 0
        for spoils in spoilt:
            spoils()
            for bdf in (VF, PF, "0000:05:00.0"):
                report = json.loads(run("doctor", bdf, "--memory", "64G", "--json", "--root", self.machine.root).stdout)
                for mend in (line for row in report["checks"] for line in row["mend"]):
                    if re.match(self.COMMANDS, mend):
                        seen += 1
                        self.assertRegex(mend, f"^{self.COMMAND}$")
        self.assertGreater(seen, 20)

    def test_files_that_this_user_may_not_open(self):
        if os.geteuid() == 0:
            self.skipTest("root may open all files")
        os.chmod(self.machine.path("dev/iommu"), 0)
        user = os.geteuid()
        self.check("files", "bad", "/dev/iommu: Permission denied",
                   f"^setfacl -m u:{user}:rw /dev/iommu \\|\\| chown {user} /dev/iommu  # ")

    def test_tokens(self):
        self.machine.bind(PF, "vfio-pci")
        self.check("token", "warn", PF, f"vfio:{VF},token=")
        self.machine.remove(self.machine.of(PF, "driver"))
        self.check("token", "warn", "no driver", "pci-pf-stub")

    def test_reset_methods(self):
        self.check("reset", "ok", "flr bus")
        for methods, found, mend in (("bus", "bus only", "idle"), ("", "no method", "echo default")):
            self.machine.write(self.machine.of(VF, "reset_method"), methods + "\n")
            self.check("reset", "warn", found, mend)

    def test_power(self):
        self.machine.write(self.machine.of(VF, "power_state"), "D3cold\n")
        self.check("power", "warn", "D3cold", "disable_idle_d3")

    def test_memory_that_may_be_pinned(self):
        self.check("memlock", "ok", "8192 MiB")
        self.check("memlock", "ok", "8192", arguments=["--memory", "8G"])
        self.check("memlock", "bad", "16384 MiB", "LimitMEMLOCK=16385M", arguments=["--memory", "16G"])
        self.machine.write("proc/self/status", "CapEff:\t0000000000004000\n")
        self.check("memlock", "ok", "unlimited", arguments=["--memory", "16G"])
        self.machine.write("proc/self/status", "CapEff:\t0000000000000000\n")
        self.machine.write("proc/self/limits", HEALTHY_LIMITS.replace("8589934592", "8388608   "))
        self.check("memlock", "warn", "8192 KiB", "LimitMEMLOCK")
        self.machine.write("proc/self/limits", HEALTHY_LIMITS.replace("8589934592", "unlimited "))
        self.check("memlock", "ok", "unlimited", arguments=["--memory", "16G"])
        self.call("doctor", VF, "--memory", "much", status=2)

    def test_lockdown(self):
        self.machine.write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
        self.check("lockdown", "warn", "^integrity:", "trapped")
        self.assertNotIn("devmem", self.rows())

    def test_strict_devmem(self):
        self.machine.write("boot/config-6.1.0-test", "CONFIG_A=y\nCONFIG_B=y\nCONFIG_IO_STRICT_DEVMEM=y\n")
        self.check("devmem", "warn", "IO_STRICT_DEVMEM", "iomem=relaxed")
        self.machine.write("proc/cmdline", "quiet iomem=relaxed\n")
        self.check("devmem", "ok", "iomem=relaxed")

    def test_strict_devmem_of_a_packed_configuration(self):
        import gzip
        self.machine.write("proc/config.gz", gzip.compress(b"CONFIG_A=y\nCONFIG_B=y\nCONFIG_IO_STRICT_DEVMEM=y\n"))
        self.check("devmem", "warn", "IO_STRICT_DEVMEM")

    def test_a_kernel_of_unknown_configuration(self):
        self.machine.remove("boot/config-6.1.0-test")
        self.check("devmem", "warn", "unknown")

    def test_a_pf(self):
        self.check("vfs", "bad", "2 of 8", f"pcigate vf {PF} --create 0", bdf=PF)
        self.machine.bind(PF, "vfio-pci", cdev=7)
        self.check("vfs", "ok", "2 of 8, made by vfio-pci", bdf=PF)
        self.check("token", "warn", "token", bdf=PF)
        self.machine.write(self.machine.of(PF, "sriov_numvfs"), "0\n")
        self.machine.write(self.machine.of(PF, "sriov_drivers_autoprobe"), "1\n")
        self.check("vfs", "ok", "none of 8", bdf=PF)
        self.check("autoprobe", "warn", "host's drivers", "--no-probe", bdf=PF)

    def test_usage(self):
        self.call("doctor", status=2)
        self.call("doctor", "1:2:3", status=2)
        shutil.rmtree(self.machine.path("sys"))
        self.call("doctor", VF, status=3)


class Vf(MachineTest):
    def of(self, bdf, name):
        with open(self.machine.path(self.machine.of(bdf, name))) as file:
            return file.read()

    def test_what_a_pf_has(self):
        text = self.call("vf", PF).stdout
        self.assertIn("driver igb, 2 of 8 VFs", text)
        self.assertIn("MSI-X pool: none", text)
        self.assertRegex(text, rf"0 +{VF} +3 +20 +vfio-pci\n1 +0000:01:10.2 +3 +21 +vfio-pci\n$")
        self.machine.write(self.machine.of(PF, "sriov_vf_total_msix"), "1000\n")
        state = self.json("vf", PF)
        self.assertEqual((state["total_vfs"], state["vfs"], state["msix_pool"]), (8, 2, 1000))
        self.assertEqual([(vf["bdf"], vf["msix"]) for vf in state["list"]], [(VF, 3), ("0000:01:10.2", 3)])

    def test_one_vf(self):
        self.assertEqual(self.json("vf", VF)["pf"], PF)

    def test_vectors_that_this_user_cannot_see(self):
        self.machine.write(self.machine.of(VF, "config"), nic_config(vf=True)[:64])
        self.assertRegex(self.call("vf", PF).stdout, rf"{VF} +\? ")
        self.assertEqual(self.json("vf", VF)["msix"], None)

    def test_created_without_drivers(self):
        self.machine.write(self.machine.of(PF, "sriov_drivers_autoprobe"), "1\n")
        self.call("vf", PF, "--create", "4", "--no-probe")
        self.assertEqual(self.of(PF, "sriov_numvfs"), "4\n")
        self.assertEqual(self.of(PF, "sriov_drivers_autoprobe"), "0\n")
        self.call("vf", PF, "--create", "0")
        self.assertEqual(self.of(PF, "sriov_numvfs"), "0\n")
        self.assertEqual(self.of(PF, "sriov_drivers_autoprobe"), "0\n")

    def test_none_is_removed_while_it_is_open(self):
        self.machine.link("proc/4711/fd/9", "/dev/vfio/devices/vfio1")
        done = self.call("vf", PF, "--create", "0", status=3)
        self.assertRegex(done.stderr, "process 4711 has VF 0000:01:10.2")
        self.assertEqual(self.of(PF, "sriov_numvfs"), "2\n")

    def test_more_than_there_can_be(self):
        self.assertIn("at most 8", self.call("vf", PF, "--create", "9", status=3).stderr)

    def test_vectors(self):
        done = self.call("vf", VF, "--msix", "3")
        self.assertEqual(self.of(VF, "sriov_vf_msix_count"), "3\n")
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, rf"0 +{VF} +3 ")

    def test_vectors_that_came_out_otherwise_are_told_of(self):
        self.assertIn("its table has 3", self.call("vf", VF, "--msix", "5").stderr)

    def test_a_kernel_that_cannot(self):
        self.machine.remove(self.machine.of(VF, "sriov_vf_msix_count"))
        self.assertIn("5.13", self.call("vf", VF, "--msix", "5", status=3).stderr)

    def test_usage(self):
        self.assertIn("no VF", self.call("vf", PF, "--msix", "5", status=3).stderr)
        self.assertIn("SR-IOV", self.call("vf", PORT, status=3).stderr)
        self.call("vf", VF, "--create", "5", status=3)
        self.call("vf", "03:00.0", status=3)
        self.call("vf", status=2)
        self.call("vf", "x", status=2)
        self.call("vf", PF, "--create", "-1", status=2)
        self.call("vf", PF, "--create", "4", "--msix", "4", status=2)
        self.call("vf", PF, "--no-probe", status=2)


if __name__ == "__main__":
    unittest.main()
