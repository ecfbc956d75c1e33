# SPDX-License-Identifier: BSD-3-Clause
"""`pcigate map`: every byte drawn, as text and as a picture that browsers take; `pcigate diff` of two profiles."""

import json
import os
import re
import shutil
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from program import *

SVG = "{http://www.w3.org/2000/svg}"
ROW = re.compile(r"^([0-9a-f]{3}) ((?: ?[| ][hwscb10x]){16})(  .*)?$")
MORE = re.compile(r"^\* +(\d+) more like this, to ([0-9a-f]{3})$")


def rows(text):
    """Offset: letters, repeated rows included."""
    found = {}
    last = None
    for line in text.splitlines():
        row, more = ROW.match(line), MORE.match(line)
        if row:
            last = int(row[1], 16)
            found[last] = re.sub("[| ]", "", row[2])
        elif more:
            for at in range(last + 16, int(more[2], 16), 16):
                found[at] = found[last]
    return found


class Function(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        cls.func = write_function(os.path.join(cls.directory, "function.txt"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def path(self, name):
        return os.path.join(self.directory, name)


class Text(Function):
    def test_every_byte_is_there(self):
        for profile in PROFILES:
            done = run("map", self.func, "--profile", profile)
            self.assertEqual(done.returncode, 0, done.stderr)
            found = rows(done.stdout)
            self.assertEqual(sorted(found), list(range(0, 4096, 16)))
            self.assertLess(len(done.stdout.splitlines()), 60, "repeated rows take no room")

    def test_letters(self):
        found = rows(run("map", self.func).stdout)
        self.assertEqual(found[0x00][:4], "cccc")
        self.assertEqual(found[0x00][8:12] + found[0x00][14:], "hhhhh0")
        self.assertEqual(found[0x50][4:8], "wwww")
        self.assertEqual(found[0x100][4:8], "1111")
        self.assertEqual(found[0x150][:8], "00000000")
        self.assertEqual(set(found[0x400]), {"w"})
        self.assertEqual({letter for row in rows(run("map", self.func, "--profile", "raw").stdout).values() for letter in row}, {"w"})

    def test_letters_are_those_of_why(self):
        found = rows(run("map", self.func).stdout)
        done = run("why", self.func, "--json", *(f"{at:x}.b" for at in range(0x180)))
        for at, answer in enumerate(json.loads(done.stdout)):
            fates = {bits["fate"] for bits in answer["bits"]} - {"0"}
            letter = "x" if len(fates) > 1 else fates.pop() if fates else "0"
            self.assertEqual(found[at & ~15][at & 15], letter, f"{at:x}")

    def test_names_and_legend(self):
        text = run("map", self.func).stdout
        for part in ("000 header", "040 Power Management", "060 Vendor Specific Information", "070 Express",
                     "100 Advanced Error Reporting", "150 Process Address Space ID (PASID) (hidden)", "RW1C", "8086:1234"):
            self.assertIn(part, text)
        self.assertNotIn("\033", text, "colour is for terminals")

    def test_256_bytes(self):
        done = run("map", write_function(self.path("small.txt"), extended=False))
        self.assertEqual(sorted(rows(done.stdout)), list(range(0, 256, 16)))

    def test_usage(self):
        for arguments in ((), (self.func, self.func), (self.func, "--what"), (self.func, "--profile", "no")):
            self.assertEqual(run("map", *arguments).returncode, 2)
        self.assertEqual(run("map", "dump:/nonexistent").returncode, 3)
        self.assertEqual(run("map", self.func, "-o", "/nonexistent/map.svg").returncode, 3)
        self.assertEqual(run("map", "--help").returncode, 0)


class Drawn(Function):
    def draw(self, func, *options):
        done = run("map", func, "-o", "-", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def check(self, text):
        root = ElementTree.fromstring(text.encode())
        self.assertEqual(root.tag, SVG + "svg")
        width, height = (int(root.get(name)) for name in ("width", "height"))
        for forbidden in ("script", "foreignObject", "image", "a"):
            self.assertEqual(list(root.iter(SVG + forbidden)), [])
        for rect in root.iter(SVG + "rect"):
            x, y, w, h = (float(rect.get(name, "0")) for name in ("x", "y", "width", "height"))
            self.assertLessEqual(x + w, width)
            self.assertLessEqual(y + h, height)
        for label in root.iter(SVG + "text"):
            size = 20 if "title" in label.get("class") else 11 if "small" in label.get("class") else 13
            room = width - float(label.get("x"))
            self.assertLessEqual(len(label.text or "") * size * 0.62, room, label.text)
            self.assertLessEqual(float(label.get("y")), height - 8)
        return root


class Picture(Drawn):
    def test_is_sound(self):
        for profile in PROFILES:
            self.check(self.draw(self.func, "--profile", profile))

    def test_light_and_dark_without_scripts(self):
        text = self.draw(self.func)
        self.assertIn("prefers-color-scheme:dark", text)
        for colour in "0cshwb1":
            self.assertEqual(text.count(f".f{colour}{{fill:"), 2, colour)
        self.assertNotIn("http://", text.replace("http://www.w3.org/2000/svg", ""))
        self.assertNotIn("on" + "click", text)

    def test_details_where_the_pointer_is(self):
        root = self.check(self.draw(self.func))
        titles = "\n".join(title.text for title in root.iter(SVG + "title"))
        for part in ("CAP_EXP+08.w  DEVCTL", "function 2936, guest 2810", "7:5", "DEVCTL.MPS 7.5.3.4"):
            self.assertIn(part, titles)

    def test_labels(self):
        texts = list(self.check(self.draw(self.func)).iter(SVG + "text"))
        words = [text.text for text in texts]
        for part in ("header", "Express", "070-0ab"):
            self.assertIn(part, words)
        hidden = [text.text for text in texts if "gone" in text.get("class")]
        self.assertEqual(hidden, ["Process Address Space ID (PASID)"])
        self.assertTrue(any(word.startswith("hidden: ") for word in words))

    def test_to_a_file(self):
        path = self.path("map.svg")
        done = run("map", self.func, "-o", path)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        with open(path) as file:
            self.check(file.read())

    def test_names_that_xml_cannot_hold(self):
        path = self.path("a<b>&\"c'\x01\udcff.txt")
        try:
            func = write_function(path)
        except OSError:
            self.skipTest("this file system does not take the name")
        self.assertIn("a&lt;b&gt;&amp;&quot;c'??", self.draw(func))
        self.check(self.draw(func))

    def test_crowded_chains(self):
        """48 and 960 capabilities of four bytes each: labels push each other down and stay on the picture."""
        config = bytearray(4096)
        config[0:16] = bytes.fromhex("86803412070010000100000200000000")
        config[0x34] = 0x40
        for at in range(0x40, 0x100, 4):
            config[at:at + 4] = bytes((0x0B, (at + 4) & 0xFF, 0, 0))
        for at in range(0x100, 0x1000, 4):
            config[at:at + 4] = (((at + 4) & 0xFFF) << 20 | 1 << 16 | 3).to_bytes(4, "little")
        path = self.path("crowded.txt")
        with open(path, "w") as file:
            file.write("00:00.0 Class 0200: Test\n")
            for at in range(0, 4096, 16):
                file.write(f"{at:02x}: " + config[at:at + 16].hex(" ") + "\n")
        for profile in PROFILES:
            self.check(self.draw("dump:" + path, "--profile", profile))
        self.assertEqual(sorted(rows(run("map", "dump:" + path).stdout)), list(range(0, 4096, 16)))


class Corpus(Drawn):
    def test_every_function(self):
        for func in corpus():
            for profile in PROFILES:
                with self.subTest(func=func, profile=profile):
                    done = run("map", func, "--profile", profile)
                    if profile == "linux" and done.returncode == 3 and "does not open" in done.stderr:
                        continue
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn(len(rows(done.stdout)), (16, 256))
                    self.check(self.draw(func, "--profile", profile))


class Differences(Function):
    def test_two_profiles(self):
        done = run("diff", self.func, "--profile", "guarded", "--against", "linux", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        found = {row["setpci"]: row for row in json.loads(done.stdout)["differences"]}
        self.assertEqual(found["CAP_EXP+08.w"]["guarded"], 0x2810)
        self.assertEqual(found["CAP_EXP+08.w"]["linux"], 0x2936)
        self.assertEqual(found["ECAP_PASID+04.w"]["fates"], {"guarded": "00", "linux": "ww"})
        # The same value, another treatment.
        self.assertEqual(found["0f.b"]["guarded"], found["0f.b"]["linux"])
        self.assertEqual(found["0f.b"]["fates"], {"guarded": "0", "linux": "w"})
        self.assertNotIn("08.b", found)

    def test_text(self):
        done = run("diff", self.func, "--against", "raw")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"register +guarded +raw")
        self.assertRegex(done.stdout, r"CAP_EXP\+08\.w +DEVCTL +2810 +2936 +xx +ww")

    def test_raw_differs_from_hardware_in_nothing(self):
        done = run("diff", self.func, "--profile", "raw")
        self.assertEqual((done.returncode, done.stdout.count("\n")), (0, 1))

    def test_usage(self):
        for arguments in (("--against", "guarded"), ("--against", "no"), ("--against",)):
            self.assertEqual(run("diff", self.func, *arguments).returncode, 2)
        done = run("diff", "live:/nonexistent", "--against", "linux")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--against", done.stderr)
