# SPDX-License-Identifier: BSD-3-Clause
"""What an operator does before a guest gets a function: list, doctor, vf, capture, on an emulated host; and that what
doctor says of mapped BARs is what serve meets: with IO_STRICT_DEVMEM, without, locked down, and without remapping."""

import json
import os
import re
import signal
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(HERE, "..", "..")]

# pylint: disable=wrong-import-position
import rig
from client import script
from functions import Machine
from served import Served

USER = "setpriv --reuid=1000 --clear-groups --bounding-set=-all"
DEVICES = "/sys/bus/pci/devices"
CANNOT, FOUND, USAGE = 3, 1, 2
COMMAND_MEMORY = 2

# Maps BAR 0, and answers "= …" to each line: "command N" writes COMMAND and tells it, "mapped" is the Device
# Status register of an e1000e by the mapping, "message" by a message.
CLIENT = """
import sys
from client import Client
client = Client(sys.argv[1], timeout_ms=60000)
region = client.region_init(0)
if not region.nfds:
    sys.exit("no descriptor")
memory = client.region_map(region, 0, 4096)
print("mapped", flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "command":
        client.config_write16(4, int(words[1]))
        answer = f"{client.config_read16(4):04x}"
    elif words[0] == "mapped":
        answer = memory[8:12][::-1].hex()
    else:
        answer = client.read(0, 8, 4)[::-1].hex()
    print("=", answer, flush=True)
"""


def bytes_of(text):
    """Configuration space as the lines of lspci -xxxx have it."""
    lines = re.findall(r"^[0-9a-f]+0: ((?:[0-9a-f]{2} ?){16})$", text, re.M)
    return bytes.fromhex("".join(lines))


class Verbs(unittest.TestCase):
    """What they have in common. One boot a class."""

    functions, options = ("e1000e",), {}
    fifo = None

    @classmethod
    def setUpClass(cls):
        cls.room = Machine(*cls.functions).room(**cls.options)
        cls.addClassCleanup(cls.room.close)
        cls.room.start()
        print(f"# room: {cls.room.boot_seconds:.1f} s", flush=True)
        cls.nic = cls.room.address("e1000e")

    def setUp(self):
        self.began = time.monotonic()
        self.room.bind(self.nic)

    def tearDown(self):
        print(f"# {self.id().rsplit('.', 1)[1]}: {time.monotonic() - self.began:.1f} s", flush=True)

    def pcigate(self, arguments, status=0, wrap=""):
        """What it says, both streams."""
        result = self.room.run(f"{wrap} {rig.pcigate()} {arguments}", check=False)
        self.assertEqual(result.status, status, result.text)
        return result.text

    def sysfs(self, bdf, name):
        return self.room.run(f"cat {DEVICES}/{bdf}/{name}").text.strip()

    def doctor(self, bdf, status=0, wrap=""):
        """Its rows by name: (verdict, what was found, and what mends it in one text)."""
        report = json.loads(self.pcigate(f"doctor {bdf} --json", status, wrap))
        self.assertEqual(report["bdf"], bdf)
        return {row["check"]: (row["verdict"], row["found"], "\n".join(row["mend"])) for row in report["checks"]}

    def refused(self, func, wrap="", options="--trust-client"):
        """What serve says that does not start."""
        job = self.room.job(f"exec {wrap} {rig.pcigate()} serve {func} {options} --socket-path /run/refused")
        self.addCleanup(job.kill)
        result = job.wait(60)
        self.assertEqual(result.status, CANNOT, result.text)
        self.assertNotIn("listening", result.text)
        return result.text


class Host(Verbs):
    """Verbs that look at the machine, and the one that makes VFs."""

    functions = ("igb", "e1000e")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pf = cls.room.address("igb")

    def setUp(self):
        super().setUp()
        self.room.run(f"cd {DEVICES}/{self.pf}; echo 0 >sriov_numvfs; echo 1 >sriov_drivers_autoprobe")

    def vf(self):
        """The first of two VFs, held by vfio-pci."""
        vf = self.room.vfs(self.pf, 2)[0]
        self.room.bind(vf)
        return vf

    # list

    def listed(self, wrap=""):
        """By address: the words of the line."""
        lines = self.pcigate("list", wrap=wrap).splitlines()
        self.assertEqual(lines[0].split(), ["FUNCTION", "IDS", "GROUP", "DRIVER", "VERDICT", "WHAT"])
        return {line.split()[0]: line.split(maxsplit=5) for line in lines[1:]}

    def test_list_has_all_functions_and_what_stands_in_the_way(self):
        vf = self.vf()
        listed = self.listed()
        self.assertEqual(sorted(listed), self.room.run(f"ls {DEVICES}").text.split())
        self.assertEqual(listed[self.nic][1:5], ["8086:10d3", self.room.group(self.nic), "vfio-pci", "ready"])
        self.assertEqual(listed[self.pf][1:5], ["8086:10c9", self.room.group(self.pf), "igb", "driver"])
        self.assertEqual(listed[vf][1:5], ["8086:10ca", self.room.group(vf), "vfio-pci", "ready"])
        self.assertIn("[PF with 2 of 7 VFs]", listed[self.pf][5])
        self.assertIn(f"[VF 0 of {self.pf}]", listed[vf][5])
        for bdf, words in listed.items():
            if self.sysfs(bdf, "class").startswith("0x06"):
                self.assertEqual(words[4], "bridge", words)
        self.room.bind(self.nic, "")
        self.assertEqual(self.listed()[self.nic][3:5], ["-", "driver"])

    def test_list_of_a_user_who_may_not_open_it(self):
        self.assertEqual(self.listed(USER)[self.nic][4], "access")
        self.room.run(f"chown 1000 /dev/iommu {self.room.device_file(self.nic)}")
        self.addCleanup(self.room.run, f"chown 0 /dev/iommu {self.room.device_file(self.nic)}")
        self.assertEqual(self.listed(USER)[self.nic][4], "ready")

    # doctor

    def test_doctor_of_one_that_is_ready(self):
        rows = self.doctor(self.nic)
        group = self.room.group(self.nic)
        kind = self.room.run(f"cat /sys/kernel/iommu_groups/{group}/type").text.strip()
        expected = {
            "function": "8086:10d3, class 020000", "header": "type 0", "iommu": f"on, the host's own domain: {kind}",
            "interrupts": "remapped (/proc/interrupts)", "driver": "vfio-pci", "group": f"{group}, alone in it",
            "isolation": "a group of its own", "files": f"{self.room.device_file(self.nic)} and /dev/iommu",
            "reset": self.sysfs(self.nic, "reset_method"), "power": self.sysfs(self.nic, "power_state"),
        }
        for name, found in expected.items():
            self.assertEqual(rows[name], ("ok", found, ""))
        self.assertIn(f"; ready: pcigate serve vfio:{self.nic}\n", self.pcigate(f"doctor {self.nic}"))
        with Served(self.room, self.nic) as served:
            held = self.doctor(self.nic)["holder"]
            self.assertEqual(held[:2], ("warn", f"process {served.pid} (pcigate) has it, or its group, open"))

    def test_what_doctor_says_mends_it(self):
        """The command for a function without driver, as it stands there."""
        self.room.bind(self.nic, "")
        verdict, found, mend = self.doctor(self.nic, FOUND)["driver"]
        self.assertEqual((verdict, found), ("bad", "no driver; VFIO needs vfio-pci or a variant of it"))
        self.assertRegex(self.refused(f"vfio:{self.nic}", options=""), "load vfio-pci and bind the function to it")
        self.room.run(mend.splitlines()[1])
        self.assertEqual(self.doctor(self.nic)["driver"][0], "ok")
        Served(self.room, self.nic).__enter__().stop()

    def test_doctor_takes_it_from_a_driver_of_the_hosts(self):
        self.room.bind(self.nic, "e1000e")
        verdict, found, mend = self.doctor(self.nic, FOUND)["driver"]
        self.assertEqual(verdict, "bad")
        interface = self.room.run(f"ls {DEVICES}/{self.nic}/net").text.strip()
        self.assertEqual(found, f"e1000e, in use as {interface}; VFIO needs vfio-pci or a variant of it")
        self.room.run(mend.splitlines()[1])
        self.assertEqual(self.doctor(self.nic)["driver"][0], "ok")

    def test_doctor_of_a_pf_and_its_vf(self):
        vf = self.vf()
        rows = self.doctor(self.pf, FOUND)
        self.assertRegex(rows["vfs"][1], "^2 of 7 .*EBUSY")
        self.assertEqual(rows["autoprobe"][0], "ok")
        rows = self.doctor(vf)
        self.assertEqual(rows["function"][1], f"8086:10ca, class 020000, a VF of {self.pf}")
        self.assertEqual(rows["token"], ("ok", f"none: its PF {self.pf} is held by igb", ""))
        self.assertEqual(rows["reset"][1], self.sysfs(vf, "reset_method"))

    def test_doctor_of_a_user_who_may_not_open_it(self):
        verdict, found, mend = self.doctor(self.nic, FOUND, USER)["files"]
        self.assertEqual((verdict, found), ("bad", f"{self.room.device_file(self.nic)}: Permission denied"))
        self.assertIn(self.room.device_file(self.nic), mend)
        self.assertIn("Permission denied", self.refused(f"vfio:{self.nic}", USER, ""))

    def test_doctor_of_what_no_guest_gets(self):
        """The host's own bridges: of type 0 and no driver, and yet not ready."""
        for bdf in ("0000:00:00.0", "0000:00:01.0"):
            self.assertEqual(self.doctor(bdf, FOUND)["header"][0], "bad")
        self.assertEqual(list(self.doctor("0000:77:00.0", FOUND)), ["function"])

    # vf

    def made(self, text):
        """VFs that it lists: number, address, vectors, group, driver."""
        return [line.split() for line in text[text.index("VF  "):].splitlines()[1:]]

    def test_vfs_are_made_without_a_driver(self):
        self.assertRegex(self.pcigate(f"vf {self.pf}"), rf"^{self.pf}  driver igb, 0 of 7 VFs; new ones go to")
        text = self.pcigate(f"vf {self.pf} --create 2 --no-probe")
        self.assertIn("2 of 7 VFs; new ones stay without a driver", text)
        made = self.made(text)
        links = [os.path.basename(self.room.run(f"readlink {DEVICES}/{self.pf}/virtfn{n}").text.strip())
                 for n in range(2)]
        self.assertEqual(made, [[str(n), bdf, "3", self.room.group(bdf), "-"] for n, bdf in enumerate(links)])
        self.assertEqual(self.sysfs(self.pf, "sriov_drivers_autoprobe"), "0")
        self.assertIn(made[1], self.made(self.pcigate(f"vf {links[1]}")))
        # The host's driver would have taken them.
        made = self.made(self.pcigate(f"vf {self.pf} --create 1 --probe"))
        self.assertEqual([words[4] for words in made], ["igbvf"])
        self.pcigate(f"vf {self.pf} --create 0")
        self.assertEqual(self.sysfs(self.pf, "sriov_numvfs"), "0")

    def test_vf_explains_what_is_refused(self):
        vf = self.vf()
        cases = {
            f"{self.pf} --create 8": f"{self.pf} has at most 7 VFs .* 8 are asked for",
            f"{self.nic} --create 1": f"{self.nic} has no VFs to give: it has no SR-IOV capability",
            f"{vf} --msix 2": r"the PF's driver \(igb\): Operation not supported; .* only mlx5_core and ice do",
            f"{self.pf} --msix 2": "is no VF",
            "0000:77:00.0": "there is no 0000:77:00.0 in this machine",
        }
        for arguments, why in cases.items():
            self.assertRegex(self.pcigate(f"vf {arguments}", CANNOT), why)
        self.assertRegex(self.pcigate(f"vf {self.pf} --create 0", CANNOT, USER), "Permission denied; only root may")
        self.pcigate(f"vf {self.pf} --create 1 --msix 3", USAGE)
        self.assertEqual(self.sysfs(self.pf, "sriov_numvfs"), "2")

    def test_a_vf_that_is_served_is_not_taken_away(self):
        vf = self.vf()
        with Served(self.room, vf) as served:
            self.assertRegex(self.pcigate(f"vf {self.pf} --create 0", CANNOT),
                             f"process {served.pid} has VF {vf} of {self.pf} open.*end it first")
            self.assertEqual(self.sysfs(self.pf, "sriov_numvfs"), "2")
        self.pcigate(f"vf {self.pf} --create 0")

    def test_vfs_of_a_pf_without_driver(self):
        self.room.bind(self.pf, "")
        self.addCleanup(self.room.bind, self.pf, "igb")
        self.assertRegex(self.pcigate(f"vf {self.pf} --create 1", CANNOT), "driver none.*pci-pf-stub")

    # capture

    def capture(self, bdfs, options=""):
        """The text, and its file inside."""
        file = f"/run/{self.id().rsplit('.', 1)[1]}{options}"
        self.assertEqual(self.pcigate(f"capture {bdfs} {options} -o {file}"), "")
        return self.room.get(file).decode(), file

    def stay_awake(self, bdf):
        """vfio-pci has it sleep (D3hot) while nobody has it open, and a power state is configuration space, too."""
        self.room.run(f"echo on >{DEVICES}/{bdf}/power/control")
        self.addCleanup(self.room.run, f"echo auto >{DEVICES}/{bdf}/power/control")

    def test_a_capture_is_the_function(self):
        self.stay_awake(self.nic)
        text, file = self.capture(self.nic)
        config = self.room.get(f"{DEVICES}/{self.nic}/config")
        self.assertEqual(len(config), 4096)
        self.assertEqual(bytes_of(text), config)
        self.assertRegex(text, r"\[size=128K\]")
        for options in ("--host -vv -xxxx", "--guest -vv -xxxx"):
            live = self.pcigate(f"inspect vfio:{self.nic} {options}")
            self.assertIn("MSI-X: Enable- Count=5", live)
            self.assertEqual(self.pcigate(f"inspect dump:{file} {options}"), live)
        read = self.room.run(f"lspci -F {file} -n -vvv -xxxx").text
        self.assertEqual(bytes_of(read), bytes_of(self.room.run(f"lspci -n -xxxx -s {self.nic}").text))
        self.assertIn("MSI-X: Enable- Count=5", read)

    def test_a_capture_of_a_vf_and_its_pf(self):
        """A VF's own registers say neither its ids nor the sizes of its BARs; the guest reads them all the same."""
        vf = self.vf()
        _, file = self.capture(f"{vf} {self.pf}")
        views = [self.pcigate(f"inspect {func} -vv -xxxx").split(" ", 1)[1]
                 for func in (f"dump:{file}@{vf}", f"vfio:{vf}")]
        self.assertEqual(*views)
        self.assertEqual(bytes_of(views[0])[:4].hex(), "8680ca10")
        self.assertEqual(views[0].count("[size=16K]"), 2)

    def test_what_is_redacted(self):
        plain, _ = self.capture(self.nic)
        text, file = self.capture(self.nic, "--redact")
        before, after = bytes_of(plain), bytes_of(text)
        self.assertEqual(len(after), 4096)
        serial = range(0x144, 0x14c)
        self.assertTrue(any(before[n] for n in serial))
        changed = {n for n in range(4096) if before[n] != after[n]}
        self.assertLessEqual(changed, set(range(0x10, 0x28)) | set(range(0x30, 0x34)) | set(serial))
        self.assertFalse(any(after[n] for n in serial))
        self.assertEqual([after[n] & 0xf0 for n in range(0x10, 0x28)], [0] * 24)
        self.assertIn("# redacted: BARs, expansion ROM, ECAP_DSN", text)
        digits = "-".join(f"{before[n]:02x}" for n in reversed(serial))
        self.assertIn(digits, plain)
        self.assertNotIn(digits, text)
        bar = self.sysfs(self.nic, "resource").split()[0].removeprefix("0x").lstrip("0")
        self.assertIn(bar, plain)
        self.assertNotIn(bar, text)
        # It serves its purpose still.
        self.assertRegex(self.pcigate(f"inspect dump:{file} -v"), r"(?s)Region 0: .*\[size=128K\].*MSI-X: .*Count=5")

    def test_a_capture_of_a_user_says_what_it_lacks(self):
        text = self.pcigate(f"capture {self.nic}", wrap=USER)
        self.assertRegex(text, "only 64 of 4096 bytes are shown to this user.*run it as root")
        self.assertEqual(len(bytes_of(text)), 64)


class Mapping(Verbs):
    """What doctor says of BARs that clients map, and what comes of it."""

    def foretold(self, status=0):
        """Rows that speak of barN= and are no good."""
        rows = self.doctor(self.nic, status)
        return {name: row for name, row in rows.items() if "barN=" in row[1] and row[0] != "ok"}, rows

    def client(self, served):
        fifo = self.fifo = f"/run/{self.id().rsplit('.', 1)[1]}"
        file = self.room.put("map_bar.py", CLIENT)
        self.room.run(f"rm -f {fifo}; mkfifo {fifo}")
        job = self.room.job(f"exec {script(file, served.sockets[self.nic])} <>{fifo}")
        self.addCleanup(job.kill, "KILL")
        job.wait_text("mapped\n", 120)

        def ask(line):
            count = job.text.count("\n")
            self.room.run(f"echo {line} >{fifo}")
            end = time.monotonic() + 60
            while job.text.count("\n") == count:
                self.assertIsNone(job.poll(), job.text)
                self.assertLess(time.monotonic(), end, job.text)
                self.room.take_answers(0.05)
            return job.text.splitlines()[count].removeprefix("= ")
        return job, ask

    def assert_mapped(self, how):
        """A client maps BAR 0, and reads the function there."""
        with Served(self.room, self.nic, settings=f",bar0={how}", options="--trust-client") as served:
            job, ask = self.client(served)
            ask("command 2")
            mapped = ask("mapped")
            self.assertEqual(mapped, ask("message"))
            self.assertNotIn(mapped, ("00000000", "ffffffff"))
            job.kill("KILL")
            job.wait(30)

    def hardware(self):
        """COMMAND's memory enable bit, as the host finds it."""
        return int(self.room.run(f"setpci -s {self.nic} COMMAND").text, 16) & COMMAND_MEMORY


class Strict(Mapping):
    """IO_STRICT_DEVMEM, as stock Debian kernels have it."""

    def test_doctor_and_serve_agree(self):
        foretold, _ = self.foretold()
        self.assertEqual(list(foretold), ["devmem"])
        verdict, found, mend = foretold["devmem"]
        self.assertEqual(verdict, "warn")
        self.assertRegex(found, "IO_STRICT_DEVMEM.*EINVAL")
        self.assertRegex(mend, r"iomem=relaxed(?s:.*)barN=device")
        said = self.refused(f"vfio:{self.nic},bar0=sysfs")
        self.assertRegex(said, f"bar0= of {self.nic}: IO_STRICT_DEVMEM.*iomem=relaxed.*doctor")
        self.assertNotIn("lockdown", said)
        self.assert_mapped("device")

    def test_a_resource_file_that_this_user_may_not_write_is_named(self):
        files = f"/dev/iommu {self.room.device_file(self.nic)}"
        self.room.run(f"chown 1000 {files}")
        self.addCleanup(self.room.run, f"chown 0 {files}")
        said = self.refused(f"vfio:{self.nic},bar0=sysfs", USER)
        self.assertRegex(said, "resource file cannot be opened for writing: root may")
        self.assertNotIn("IO_STRICT_DEVMEM", said)


class Relaxed(Mapping):
    """The same kernel, told by its command line."""

    options = {"append": "iomem=relaxed"}

    def test_doctor_and_serve_agree(self):
        foretold, rows = self.foretold()
        self.assertEqual(foretold, {})
        self.assertEqual(rows["devmem"], ("ok", "iomem=relaxed: BARs can be mapped through sysfs (barN=sysfs)", ""))
        self.assert_mapped("sysfs")

    def test_memory_enable_is_virtual_while_a_client_has_a_bar(self):
        with Served(self.room, self.nic, settings=",bar0=sysfs", options="--trust-client") as served:
            job, ask = self.client(served)
            self.assertEqual(ask("command 2"), "0002")
            before = ask("mapped")
            # To the guest it is off; hardware goes on, for the mapping is there still.
            self.assertEqual(ask("command 0"), "0000")
            self.assertEqual(ask("message"), "ffffffff")
            self.assertEqual(self.hardware(), COMMAND_MEMORY)
            self.assertEqual(ask("mapped"), before)
            self.assertEqual(ask("command 2"), "0002")
            self.assertEqual(ask("message"), before)
            ask("command 0")
            job.kill("KILL")
            job.wait(30)
            # The hardware's bit stays, for who else has the descriptor nobody knows. The guest's is the next one's own,
            # and on at first: this function has none that could be off.
            job, ask = self.client(served)
            self.assertEqual(self.hardware(), COMMAND_MEMORY)
            self.assertEqual(ask("message"), before)
            self.assertEqual(ask("command 0"), "0000")
            self.assertEqual(ask("mapped"), before)
            job.kill("KILL")
            job.wait(30)

    def test_memory_enable_is_the_hardwares_where_the_kernel_takes_a_mapping_back(self):
        with Served(self.room, self.nic, settings=",bar0=device", options="--trust-client") as served:
            job, ask = self.client(served)
            ask("command 2")
            self.assertEqual(self.hardware(), COMMAND_MEMORY)
            self.assertEqual(ask("mapped"), ask("message"))
            self.assertEqual(ask("command 0"), "0000")
            self.assertEqual(self.hardware(), 0)
            self.room.run(f"echo mapped >{self.fifo}")
            self.assertEqual(job.wait(60).status, 128 + signal.SIGBUS)

    def test_memory_is_off_when_its_client_is_gone_where_nothing_is_mapped(self):
        with Served(self.room, self.nic, options="--trust-client") as served:
            job = self.room.job("exec " + script(self.room.put("map_bar.py", CLIENT), served.sockets[self.nic]))
            self.assertIn("no descriptor", job.wait(60).text)
            self.room.wait_for(f"test $(( 0x$(setpci -s {self.nic} COMMAND) & {COMMAND_MEMORY} )) = 0", 30)


class Lockdown(Mapping):
    """As secure boot has it. Nothing helps, and nothing else is named."""

    options = {"append": "iomem=relaxed lockdown=integrity"}

    def test_doctor_and_serve_agree(self):
        foretold, rows = self.foretold()
        self.assertEqual(list(foretold), ["lockdown"])
        self.assertRegex(foretold["lockdown"][1], "^integrity: ")
        self.assertIn("barN=device", foretold["lockdown"][2])
        self.assertNotIn("devmem", rows)
        said = self.refused(f"vfio:{self.nic},bar0=sysfs")
        self.assertRegex(said, f"bar0= of {self.nic}: lockdown: .*doctor")
        self.assertNotIn("iomem=relaxed", said)
        self.assert_mapped("device")


class WithoutRemapping(Mapping):
    """An IOMMU that translates, and lets anything through that looks like an interrupt."""

    options = {"iommu": "intel-no-remap", "append": "iomem=relaxed"}

    def test_without_remapping_the_function_is_not_to_be_had(self):
        _, rows = self.foretold(FOUND)
        verdict, found, mend = rows["interrupts"]
        self.assertEqual(verdict, "bad")
        self.assertIn("not remapped: the kernel refuses to attach the function", found)
        self.assertIn("allow_unsafe_interrupts", mend)
        self.assertNotIn("devmem", rows)
        for way in ("iommufd", "type1"):
            for bar in ("", ",bar0=sysfs"):
                said = self.refused(f"vfio:{self.nic},iommu={way}{bar}")
                self.assertRegex(said, "no interrupt remapping, or another program .*doctor")

    def test_what_is_told_to_do_without_lends_no_bar(self):
        for module in ("iommufd", "vfio_iommu_type1"):
            with self.subTest(module):
                file = f"/sys/module/{module}/parameters/allow_unsafe_interrupts"
                self.addCleanup(self.room.run, f"echo N >{file}")
                self.room.run(f"echo Y >{file}")
                foretold, rows = self.foretold()
                self.assertEqual(list(foretold), ["interrupts"])
                self.assertIn(f"allow_unsafe_interrupts of {module} is on", foretold["interrupts"][1])
                self.assertNotIn("devmem", rows)
                way = "type1" if module == "vfio_iommu_type1" else "iommufd"
                for bar in ("sysfs", "device"):
                    said = self.refused(f"vfio:{self.nic},iommu={way},bar0={bar}")
                    self.assertRegex(said, "bar0= of .*allow_unsafe_interrupts.*no interrupt remapping")
                Served(self.room, self.nic, way=way).__enter__().stop()
                self.room.run(f"echo N >{file}")


if __name__ == "__main__":
    unittest.main()
