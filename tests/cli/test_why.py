# SPDX-License-Identifier: BSD-3-Clause
"""`pcigate why`: registers by name, the rule of every bit, the reference in docs/."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from program import *


class Function(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        cls.func = write_function(os.path.join(cls.directory, "function.txt"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def why(self, *arguments, status=0):
        done = run("why", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def ask(self, reg, *options):
        return json.loads(self.why(self.func, reg, "--json", *options).stdout)


class Names(Function):
    def test_setpci_spellings(self):
        for name, offset, width in (
            ("COMMAND", 0x04, 2), ("command", 0x04, 2), ("Command.b", 0x04, 1), ("BASE_ADDRESS_3", 0x1C, 4),
            ("COMMAND+1.b", 0x05, 1), ("10.l", 0x10, 4), ("0x10.L", 0x10, 4), ("3d", 0x3D, 1),
            ("CAP_EXP+8.w", 0x78, 2), ("cap_exp+08.W", 0x78, 2), ("CAP10+8.w", 0x78, 2), ("CAP_EXP", 0x70, 2),
            ("CAP_VNDR+4@1.b", 0x64, 1), ("CAP_VNDR@1+4.b", 0x64, 1), ("CAP_VNDR+4.b@1", 0x64, 1),
            ("CAP_VNDR@0", 0x50, 2), ("ECAP_PASID+6.w", 0x156, 2), ("ecap1b+6.w", 0x156, 2),
            ("ECAP001b.l", 0x150, 4), ("ECAP_AER", 0x100, 4), ("fff.b", 0xFFF, 1),
        ):
            with self.subTest(name):
                answer = self.ask(name)
                self.assertEqual((answer["offset"], answer["width"]), (offset, width))

    def test_registers_of_capabilities_by_name(self):
        self.assertEqual(self.ask("CAP_EXP+DEVCTL")["offset"], 0x78)
        self.assertEqual(self.ask("cap_exp+devctl2")["offset"], 0x98)
        self.assertEqual(self.ask("ECAP_AER+HDRLOG_2")["offset"], 0x124)

    def test_what_is_printed_is_read_back(self):
        for name in ("COMMAND", "CAP_VNDR+4@1.b", "CAP_EXP+8.w", "ECAP_PASID+6.w", "7f.b", "400.l"):
            answer = self.ask(name)
            again = self.ask(answer["setpci"])
            self.assertEqual((again["offset"], again["width"]), (answer["offset"], answer["width"]))

    def test_bits_of_a_register(self):
        for name, ranges in (("CAP_EXP+8.w:15", [(15, 15)]), ("CAP_EXP+8.w:14:12", [(14, 12)]),
                             ("CAP_EXP+8.w:12-14", [(14, 12)]), ("4.w:2", [(2, 2)])):
            with self.subTest(name):
                answer = self.ask(name)
                self.assertEqual([(r["high"], r["low"]) for r in answer["bits"]], ranges)
                self.assertEqual(answer["width"], 2)
        covered = {bit for r in self.ask("COMMAND:9:1")["bits"] for bit in range(r["low"], r["high"] + 1)}
        self.assertEqual(covered, set(range(1, 10)))
        for name in ("COMMAND:16", "COMMAND:", "COMMAND:x", "COMMAND:3:2:1", "COMMAND:-1"):
            with self.subTest(name):
                self.assertIn(name, self.why(self.func, name, status=2).stderr)

    def test_registers_of_bridges_are_known(self):
        for name in ("PRIMARY_BUS", "bridge_control.w", "CB_MEMORY_BASE_0+4"):
            self.assertIn("bridge", self.why(self.func, name, status=3).stderr)

    def test_unknown_names_name_near_ones(self):
        for name, near in (("COMMND", "COMMAND"), ("CAP_EXPO", "CAP_EXP"), ("ecap_pasi", "ECAP_PASID")):
            with self.subTest(name):
                done = self.why(self.func, name, status=2)
                self.assertIn(near, done.stderr)
                self.assertIn("--registers", done.stderr)
                self.assertEqual(done.stdout, "")

    def test_malformed_names(self):
        for name in ("", "+", ".w", "COMMAND.", "COMMAND.x", "COMMAND.ww", "COMMAND+", "CAP_EXP+zz", "CAP_EXP@x",
                     "@1", "COMMAND+1+1", "CAP", "ECAP", "ECAPfffff", "G" * 500, "11.l", "%s%n", "\x01"):
            with self.subTest(name):
                done = self.why(self.func, name, status=2)
                self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_what_this_function_lacks(self):
        for name, word in (("CAP_MSIX", "CAP_EXP"), ("ECAP_ATS+4.w", "ECAP_AER"), ("CAP_VNDR@2", "@0"),
                           ("CAP_MSIX@1", "CAP_EXP"), ("1000.b", "4096 bytes"), ("ECAP_PASID+fff.b", "past the end")):
            with self.subTest(name):
                done = self.why(self.func, name, status=3)
                self.assertIn(word, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_list(self):
        words = set(self.why("--registers").stdout.split())
        for name in ("COMMAND", "BASE_ADDRESS_5", "CAP_EXP", "CAP_EXP+DEVCTL", "ECAP_PASID", "ECAP_AER+HDRLOG_0"):
            self.assertIn(name, words)

    def test_against_setpci(self):
        setpci = shutil.which("setpci", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if setpci is None:
            self.skipTest("setpci is not installed")
        names = subprocess.run([setpci, "--dumpregs"], capture_output=True, text=True, check=True).stdout.splitlines()
        for line in names[1:]:
            name = line.split()[-1]
            # Capabilities: any answer but "no such name". Bridges' registers are not here.
            if "CAP_" in name and not name.startswith("CB_"):
                done = run("why", self.func, name)
                self.assertIn(done.returncode, (0, 3), done.stderr)


class Answers(Function):
    def bits(self, answer, bit):
        for entry in answer["bits"]:
            if entry["low"] <= bit <= entry["high"]:
                return entry
        self.fail(f"bit {bit} is in no range")

    def test_values_of_both_sides(self):
        answer = self.ask("CAP_EXP+8.w")
        self.assertEqual((answer["host"], answer["guest"]), (0x2936, 0x2810))
        self.assertEqual(answer["name"], "DEVCTL")
        self.assertIn("7.5.3.4", answer["section"])
        self.assertEqual(answer["capability"]["offset"], 0x70)

    def test_ranges_cover_the_register_once(self):
        for profile in PROFILES:
            for name in ("CAP_EXP+8.w", "COMMAND", "10.l", "ECAP_AER+4.l", "ECAP_PASID", "400.b"):
                answer = self.ask(name, "--profile", profile)
                bits = [bit for entry in answer["bits"] for bit in range(entry["high"], entry["low"] - 1, -1)]
                self.assertEqual(bits, list(range(8 * answer["width"] - 1, -1, -1)))

    def test_a_row(self):
        entry = self.bits(self.ask("CAP_EXP+8.w"), 6)
        self.assertEqual((entry["high"], entry["low"], entry["fate"]), (7, 5, "s"))
        self.assertIn("DEVCTL.MPS 7.5.3.4", entry["rule"])
        self.assertIn("src/policy/express.c", entry["from"])
        self.assertIn("FLR", entry["hook"])
        self.assertEqual((entry["host"], entry["guest"]), (1, 0))

    def test_gap_bar_chain_and_hidden(self):
        self.assertIn("no capability", self.bits(self.ask("400.b"), 0)["rule"])
        self.assertIn("BAR", self.bits(self.ask("10.l"), 31)["rule"])
        self.assertIn("next", self.bits(self.ask("CAP_PM+1.b"), 0)["rule"])
        entry = self.ask("ECAP_PASID+6.w")
        self.assertFalse(entry["capability"]["shown"])
        self.assertIn("hidden", self.bits(entry, 0)["rule"])
        self.assertEqual(self.bits(entry, 0)["fate"], "0")

    def test_linux_reports_owner_and_row(self):
        entry = self.bits(self.ask("CAP_EXP+8.w", "--profile", "linux"), 6)
        self.assertIn("DEVCTL", entry["rule"])
        self.assertIn("linux_standard.c", entry["from"])
        entry = self.bits(self.ask("ECAP_PASID+6.w", "--profile", "linux"), 0)
        self.assertEqual(entry["fate"], "w")
        self.assertIn("hidden", entry["rule"])

    def test_a_bound_on_vectors_is_named(self):
        for profile in PROFILES:
            if profile == "raw":
                continue
            with self.subTest(profile):
                options = ("CAP_MSIX+2.w", "--profile", profile)
                text = self.why("sim:endpoint-test,msix=2048", *options, "--policy", "msix-vectors=3").stdout
                self.assertIn("function   07ff\nguest      0002\n", text)
                self.assertRegex(text, "rule .*MSIX_CTRL.SIZE.*msix-vectors")
                self.assertIn("bounds this assignment", text)
                self.assertNotIn("bounds this", self.why("sim:endpoint-test,msix=2048", *options).stdout)

    def test_raw_has_no_rule(self):
        answer = self.ask("CAP_EXP+8.w", "--profile", "raw")
        self.assertEqual(len(answer["bits"]), 1)
        self.assertIn("no mediation", answer["bits"][0]["rule"])

    def test_text_says_it_all(self):
        text = self.why(self.func, "CAP_EXP+8.w").stdout
        for part in ("CAP_EXP+08.w", "DEVCTL", "Express", "7.5.3.4", "2936", "2810", "bits 7:5", "DEVCTL.MPS",
                     "src/policy/express.c", "defined    RW "):
            self.assertIn(part, text)

    def test_several_registers(self):
        done = self.why(self.func, "COMMAND", "STATUS", "--json")
        self.assertEqual([answer["name"] for answer in json.loads(done.stdout)], ["COMMAND", "STATUS"])

    def test_256_bytes(self):
        func = write_function(os.path.join(self.directory, "small.txt"), extended=False)
        self.why(func, "100.b", status=3)
        self.why(func, "ff.b")

    def test_usage(self):
        for arguments in ((), (self.func,), ("--registers", self.func), (self.func, "COMMAND", "--profile", "no"),
                          (self.func, "COMMAND", "--what")):
            self.assertEqual(run("why", *arguments).returncode, 2)
        self.assertEqual(run("why", "dump:/nonexistent", "COMMAND").returncode, 3)
        self.assertEqual(run("why", "--help").returncode, 0)

    def test_live(self):
        control, path = (os.path.join(self.directory, name) for name in ("control", "socket"))
        server = subprocess.Popen([PCIGATE, "serve", self.func, "--socket-path", path, "--control", control],
                                  stderr=subprocess.PIPE, text=True)
        try:
            while not server.stderr.readline().startswith("listening on"):
                self.assertIsNone(server.poll())
            answer = json.loads(self.why("live:" + control, "CAP_EXP+8.w", "--json").stdout)
        finally:
            server.terminate()
            server.wait(5)
            server.stderr.close()
        self.assertEqual((answer["host"], answer["guest"]), (0x2936, 0x2810))
        self.assertEqual(self.bits(answer, 6)["fate"], "s")


class Whole(Function):
    def test_every_byte_of_the_corpus(self):
        functions = corpus()
        self.assertGreater(len(functions), 60)
        for func in functions:
            for profile in PROFILES:
                with self.subTest(func=func, profile=profile):
                    size = json.loads(run("inspect", func, "--json").stdout)["size"]
                    done = run("why", func, "--profile", profile, *(f"{at:x}.b" for at in range(size)))
                    if profile == "linux" and done.returncode == 3 and "does not open" in done.stderr:
                        continue
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(done.stdout.count(f"profile {profile}\n"), size)
                    self.assertNotIn("\n  rule     \n", done.stdout)

    def test_the_reference_is_not_stale(self):
        with open(os.path.join(ROOT, "docs", "policy-reference.md")) as file:
            committed = file.read()
        printed = self.why("--reference").stdout
        self.assertEqual(committed.splitlines(), printed.splitlines(),
                         "docs/policy-reference.md is stale: pcigate why --reference > docs/policy-reference.md")
