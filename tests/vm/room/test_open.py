# SPDX-License-Identifier: BSD-3-Clause
"""How a function comes to pcigate: descriptors that somebody else opened, VF tokens, capabilities that Linux hides."""

import errno
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
from functions import Machine
from served import Poke, Refused, Served

MIB = 1 << 20
UID = 1000
NOBODY = f"setpriv --reuid={UID} --regid={UID} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"
FOLDER = "/run/user"
IGB_VFS = 2
# As uuidgen prints them.
TOKEN, OTHER = "4f2fd0a4-6c6e-4d8c-9c1e-2f6f5a9f1b07", "0b1c7d9e-93a4-4b52-8f0d-6f1f3f6c2a11"

# Linux's VFIO knows the length of DSN and LTR, and hides the other two, one of them first in the chain.
DSN, LTR, SECPCI, PTM = 0x03, 0x18, 0x19, 0x1f
HARDWARE = (
    (0x100, (SECPCI | 1 << 16 | 0x140 << 20, 0, 0, 0x05050505)),
    (0x140, (DSN | 1 << 16 | 0x160 << 20, 0x11223344, 0x55667788)),
    (0x160, (PTM | 1 << 16 | 0x180 << 20, 0x00001001, 0)),
    (0x180, (LTR | 1 << 16, 0)),
)
PLACES = {at: dwords[0] & 0xffff for at, dwords in HARDWARE}


def image(path):
    """A network card's capture, its extended space replaced by HARDWARE."""
    with open(os.path.join(rig.TREE, "tests", "golden", "images", "synth-01-nic-plain.txt"), encoding="ascii") as file:
        lines = [line for line in file.read().splitlines() if not re.match(r"[1-9a-f][0-9a-f]{2}: ", line)]
    space = bytearray(0xf00)
    for at, dwords in HARDWARE:
        space[at - 0x100:at - 0x100 + 4 * len(dwords)] = b"".join(d.to_bytes(4, "little") for d in dwords)
    lines = [line for line in lines if line]
    lines += [f"{0x100 + at:03x}: {space[at:at + 16].hex(' ')}" for at in range(0, len(space), 16)]
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    return path


def setUpModule():
    """One boot for all of them."""
    machine = Machine("nvme", "edu", "igb")
    folder = rig.tempfile.mkdtemp(prefix="pcigate-open-")
    unittest.addModuleCleanup(rig.shutil.rmtree, folder)
    server = rig.Server("dump:" + image(os.path.join(folder, "card.txt")), "--profile", "raw").__enter__()
    unittest.addModuleCleanup(server.__exit__, None, None, None)
    machine.functions += [rig.root_port("rp9"), rig.vfio_user(server.socket, bus="rp9", id="card")]
    room = machine.room(memory="shared")
    room.start()
    unittest.addModuleCleanup(room.close)
    print(f"# room: {room.boot_seconds:.1f} s", flush=True)
    Rooms.room = room
    Rooms.nvme, Rooms.edu, Rooms.igb, Rooms.card = (room.address(name) for name in ("nvme", "edu", "igb", "card"))
    for function in (Rooms.nvme, Rooms.edu, Rooms.card):
        room.bind(function)
    room.run(f"mkdir -p {FOLDER}; chown {UID} {FOLDER}")


class Rooms(unittest.TestCase):
    room = nvme = edu = igb = card = None

    def refused(self, what, wrap="exec {}", options=""):
        """pcigate does not serve that; what it said."""
        result = self.room.run(wrap.format(f"{rig.pcigate()} serve {what} {options} --socket-path {FOLDER}/never"),
                               seconds=30, check=False)
        self.assertNotIn(result.status, (0, 137), result.text)
        return result.text


class Descriptors(Rooms):
    """The files are root's alone; root opens them and goes on as somebody who may nothing."""

    def opened(self, *files, kib=64 << 10):
        """For wrap=: those files as descriptors 3 and on."""
        opens = " ".join(f"{number}<>{file}" for number, file in enumerate(files, 3))
        return f"ulimit -l {kib}; exec {NOBODY} {{}} {opens}"

    def files(self, function):
        """Its device file and the IOMMU's, and nobody else may open them."""
        files = self.room.device_file(function), "/dev/iommu"
        self.room.run(f"chown root:root {' '.join(files)}; chmod 600 {' '.join(files)}")
        for file in files:
            self.assertFalse(self.room.run(f"{NOBODY} sh -c ': <>{file}'", check=False), file)
        return files

    def served(self, function, spell, **more):
        return Served(self.room, function, spell=spell, folder=FOLDER, wrap=self.opened(*self.files(function), **more))

    def assert_without_rights(self, served):
        threads = self.room.run(f"cat /proc/{served.pid}/task/*/status").text
        self.assertGreater(threads.count("Name:"), 1)
        for name, value in (("Uid", "\t".join([str(UID)] * 4)), ("Groups", " "), ("CapPrm", "0" * 16),
                            ("CapEff", "0" * 16), ("CapBnd", "0" * 16)):
            self.assertEqual(set(re.findall(rf"^{name}:\t(.*)$", threads, re.M)), {value}, name)

    def test_dma_and_interrupts_without_a_name(self):
        with self.served(self.nvme, ",fd=3,iommufd=4") as served:
            self.assert_without_rights(served)
            text = served.driver("nvme", self.nvme, "polling msix intx").text
            for way in ("polling", "msix", "intx"):
                self.assertRegex(text, way + ": 24 pages written, read and compared by 3 queues")
            # The next client, after the reset that follows the first.
            served.driver("nvme", self.nvme, "msix --rounds 1")

    def test_with_a_name(self):
        with self.served(self.edu, "{},fd=3,iommufd=4") as served:
            self.assert_without_rights(served)
            text = served.driver("edu", self.edu, "dma msi intx resample --rounds 3").text
            for kind in ("dma", "msi", "intx", "resample"):
                self.assertIn(f"{kind}: 3 rounds\n", text)

    def test_two_functions_one_iommufd(self):
        nvme, iommu = self.files(self.nvme)
        edu, _ = self.files(self.edu)
        sockets = f"{FOLDER}/two-nvme", f"{FOLDER}/two-edu"
        what = f"vfio:,fd=3,iommufd=4={sockets[0]} vfio:,fd=5={sockets[1]}"
        job = self.room.job(self.opened(nvme, iommu, edu).format(f"{rig.pcigate()} serve {what}"))
        try:
            self.room.wait_for(" && ".join(f"test -S {socket}" for socket in sockets), 60)
            for name, socket, arguments in (("nvme", sockets[0], "msix --rounds 1"), ("edu", sockets[1], "dma msi")):
                program = os.path.join(os.path.dirname(rig.pcigate()), "tests", "vm", "room", "drivers", "room-" + name)
                self.room.run(f"{program} {socket} {arguments}")
        finally:
            job.kill("TERM")
            result = job.wait(60)
        self.assertEqual(result.status, 0, result.text)

    def test_its_limit_of_locked_memory_counts(self):
        with self.served(self.edu, ",fd=3,iommufd=4", kib=1024) as served, Poke(served, self.edu) as poke:
            poke(f"memory {16 * MIB}")
            with self.assertRaises(Refused) as caught:
                poke(f"map 0 {16 * MIB} rw 0 0")
            self.assertEqual(caught.exception.error, errno.ENOMEM)
            self.assertRegex(served.notes, "RLIMIT_MEMLOCK is 1024 KiB.*LimitMEMLOCK")
            poke("map 0 0x10000 rw 0 0")

    def test_without_them_it_may_not(self):
        device, _ = self.files(self.nvme)
        self.assertRegex(self.refused(f"vfio:{self.nvme}", self.opened()), "/dev/iommu .*: Permission denied.*fd=")
        self.assertRegex(self.refused("vfio:,fd=3", self.opened(device)), "/dev/iommu .*: Permission denied")
        self.assertRegex(self.refused(f"vfio:{self.nvme},iommufd=3", self.opened("/dev/iommu")),
                         f"{device} .*: Permission denied")

    def test_descriptors_of_something_else(self):
        nvme, iommu = self.files(self.nvme)
        for name, files in (("null", ("/dev/null", iommu)), ("changed", (iommu, nvme))):
            with self.subTest(name):
                self.assertIn("descriptor 3 is no VFIO device file",
                              self.refused("vfio:,fd=3,iommufd=4", self.opened(*files)))
        with self.subTest("closed"):
            self.assertIn("descriptor 9 is no VFIO device file",
                          self.refused("vfio:,fd=9,iommufd=3", self.opened(iommu)))
        for name, files in (("no iommufd", (nvme, "/dev/null")), ("iommufd closed", (nvme,))):
            with self.subTest(name):
                self.assertIn("iommufd= has to be", self.refused("vfio:,fd=3,iommufd=4", self.opened(*files)))

    def test_another_functions_device_file(self):
        """It would be the one function under the other's name, resets included."""
        nvme, iommu = self.files(self.nvme)
        self.assertRegex(self.refused(f"vfio:{self.edu},fd=3,iommufd=4", self.opened(nvme, iommu)),
                         f"descriptor 3 .*{self.nvme}")


class Show(Rooms):
    def chain(self, poke):
        """{offset: id} of extended capabilities, as the client reads them."""
        found, at = {}, 0x100
        while at and at not in found:
            header = int(poke(f"config {at} 4")[0], 16)
            found[at], at = header & 0xffff, header >> 20
        return {at: number for at, number in found.items() if number}

    def without(self, *hidden):
        return {at: number for at, number in PLACES.items() if number not in hidden}

    def shown(self, settings, options="--profile raw"):
        with Served(self.room, self.card, settings=settings, options=options) as served, \
                Poke(served, self.card) as poke:
            words = {at: [int(poke(f"config {at + 4 * n} 4")[0], 16) for n in range(1, len(dwords))]
                     for at, dwords in HARDWARE}
            return self.chain(poke), words, served.notes

    def test_1_the_hardware_has_them_all(self):
        for at, dwords in HARDWARE:
            for number, dword in enumerate(dwords):
                self.assertEqual(int(self.room.run(f"setpci -s {self.card} {at + 4 * number:x}.l").text, 16), dword)

    def test_2_what_linux_hides(self):
        self.assertEqual(self.shown("")[0], self.without(SECPCI, PTM))

    def test_3_what_is_asked_for_is_there(self):
        for names, hidden in (("PTM", [SECPCI]), ("ecap_ptm", [SECPCI]), ("SECPCI", [PTM]), ("PTM+SECPCI", [])):
            with self.subTest(names):
                chain, words, notes = self.shown(f",show={names}")
                self.assertEqual(chain, self.without(*hidden))
                for at, dwords in HARDWARE:
                    if at in chain:
                        self.assertEqual(words[at], list(dwords[1:]), hex(at))
                self.assertNotIn("has no", notes)

    def test_3_by_type1(self):
        self.assertEqual(self.shown(",iommu=type1,show=PTM")[0], self.without(SECPCI))

    def test_4_registers_are_the_hardwares(self):
        """As they are now, not as they were when it was opened."""
        with Served(self.room, self.card, settings=",show=PTM", options="--profile raw") as served, \
                Poke(served, self.card) as poke:
            for at, value in ((0x168, 1), (0x184, 0x10051003)):
                self.room.run(f"setpci -s {self.card} {at:x}.l={value:x}")
                self.assertEqual(int(self.room.run(f"setpci -s {self.card} {at:x}.l").text, 16), value)
                self.assertEqual(int(poke(f"config {at} 4")[0], 16), value)

    def test_4_what_linux_shows_already_changes_nothing(self):
        chain, _, notes = self.shown(",show=LTR")
        self.assertEqual(chain, self.without(SECPCI, PTM))
        self.assertNotIn("has no", notes)

    def test_4_the_profile_has_its_say(self):
        self.assertNotIn(PTM, self.shown(",show=PTM", options="")[0].values())

    def test_5_what_the_function_lacks_is_said(self):
        chain, _, notes = self.shown(",show=DPC+PTM")
        self.assertEqual(chain, self.without(SECPCI))
        self.assertRegex(notes, f"show=: {self.card} has no Downstream Port Containment")

    def test_6_refusals(self):
        self.assertRegex(self.refused(f"vfio:{self.card},show=PTM", "exec setpriv --bounding-set=-sys_admin {}"),
                         f"show=: .*{self.card}/config shows 64 bytes to this user; CAP_SYS_ADMIN")
        self.assertIn("show=XYZ names no extended capability", self.refused(f"vfio:{self.card},show=PTM+XYZ"))


class Both:
    """A PF held through VFIO and its VFs, which know one secret. Whatever the kernel's door is."""

    way = None
    vf = None

    @classmethod
    def setUpClass(cls):
        room = cls.room
        room.run("echo 1 >/sys/module/vfio_pci/parameters/enable_sriov")
        room.bind(cls.igb)
        cls.vf = room.vfs(cls.igb, IGB_VFS)[0]
        room.bind(cls.vf)

    @classmethod
    def tearDownClass(cls):
        cls.room.run(f"echo 0 >/sys/bus/pci/devices/{cls.igb}/sriov_numvfs")

    def of(self, function, token):
        return f"vfio:{function},iommu={self.way}" + (f",token={token}" if token else "")

    def held(self, function, token):
        return Served(self.room, function, way=self.way, settings=f",token={token}")

    def assert_works(self, served, function):
        with Poke(served, function) as poke:
            self.assertEqual(poke("config 0 2"), ["0x8086"])
            poke("config 4 2 6")
            self.assertNotEqual(poke("region 0 0x8 4"), ["0xffffffff"], "no STATUS")

    def test_a_vf_needs_its_pfs(self):
        with self.held(self.igb, TOKEN) as pf:
            for token in (None, OTHER):
                self.assertRegex(self.refused(self.of(self.vf, token)), f"{self.vf}: Permission denied; "
                                 "its PF is held through VFIO with a token: give the same one with token=")
            with self.held(self.vf, TOKEN) as vf:
                self.assert_works(vf, self.vf)
                self.assert_works(pf, self.igb)

    def test_a_pf_needs_its_vfs(self):
        with self.held(self.igb, TOKEN):
            vf = self.held(self.vf, TOKEN).__enter__()
        try:
            for token in (None, OTHER):
                self.assertRegex(self.refused(self.of(self.igb, token)), f"{self.igb}: Permission denied; "
                                 "its VFs are held with a token: give the same one with token=")
            with self.held(self.igb, TOKEN) as pf:
                self.assert_works(pf, self.igb)
            self.assert_works(vf, self.vf)
        finally:
            vf.stop()

    def test_nobody_uses_it_the_pf_says_another(self):
        with self.held(self.igb, OTHER):
            self.assertIn("give the same", self.refused(self.of(self.vf, TOKEN)))
            with self.held(self.vf, OTHER) as vf:
                self.assert_works(vf, self.vf)

    def test_one_pcigate_has_both(self):
        with Served(self.room, self.igb, self.vf, way=self.way, settings=f",token={TOKEN}") as served:
            self.assert_works(served, self.igb)
            self.assert_works(served, self.vf)

    def test_who_has_none_refuses_one(self):
        self.assertIn("Invalid argument; the kernel wants no token for it", self.refused(self.of(self.nvme, TOKEN)))

    def test_what_is_no_token(self):
        self.assertIn("token= is a UUID", self.refused(self.of(self.igb, TOKEN[:-1])))


class TokensByIommufd(Both, Rooms):
    way = "iommufd"


class TokensByType1(Both, Rooms):
    way = "type1"


class TokensNot(Rooms):
    """After the others by name: the PF has a driver of its own again."""

    def test_vfs_of_a_pf_with_a_driver(self):
        self.room.bind(self.igb, "igb")
        vf = self.room.vfs(self.igb, 1)[0]
        self.room.bind(vf)
        for way in ("iommufd", "type1"):
            self.assertIn("Invalid argument; the kernel wants no token for it",
                          self.refused(f"vfio:{vf},iommu={way},token={TOKEN}"))


if __name__ == "__main__":
    unittest.main()
