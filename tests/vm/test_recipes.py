# SPDX-License-Identifier: BSD-3-Clause
"""The QEMU command lines of README.md and docs/ as they stand there: QEMU takes them, and has the function."""

import glob
import json
import os
import re
import shlex
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE]

# pylint: disable=wrong-import-position
import rig

ASK = ("qmp_capabilities", None), ("human-monitor-command", {"command-line": "info qtree"}), ("quit", None)


def recipes():
    """(file, command line) of every block of code with one."""
    for path in [os.path.join(TREE, "README.md"), *sorted(glob.glob(os.path.join(TREE, "docs", "*.md")))]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S):
            if "qemu-system-x86_64 " in block:
                yield os.path.relpath(path, TREE), block[block.index("qemu-system-x86_64 "):]


class Recipes(unittest.TestCase):
    def tree_of(self, command):
        """What QEMU says is plugged in. Only its processors and the size of its memory are others."""
        for number in ("1G", "8G"):
            command = command.replace(f"-m {number}", "-m 64M").replace(f"size={number}", "size=64M")
        command = command.replace("-accel kvm", "").replace("…", " ").replace("\\\n", " ")
        words = [rig.machine_room()[0], *shlex.split(command, comments=True)[1:], "-accel", "qtest", "-nodefaults",
                 "-display", "none", "-qmp", "stdio"]
        asked = "".join(json.dumps({"execute": verb, **({"arguments": arguments} if arguments else {})}) + "\n"
                        for verb, arguments in ASK)
        done = subprocess.run(words, input=asked, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, " ".join(words) + "\n" + done.stderr)
        return done.stdout

    def test_they_are_found(self):
        self.assertEqual([name for name, _ in recipes()], ["README.md", "docs/vfio.md", "docs/vfio.md"])

    def test_qemu_takes_them(self):
        for name, command in recipes():
            with self.subTest(name):
                paths = re.findall(r'"path":"([^"]+)"', command)
                servers = [rig.Server("sim:endpoint-test") for _ in paths]
                for path, server in zip(paths, servers):
                    server.__enter__()
                    self.addCleanup(server.stop)
                    command = command.replace(f'"{path}"', f'"{server.socket}"')
                if "-object" not in command:  # it goes on from the one before
                    command += " -M q35,memory-backend=ram -m 1G -object memory-backend-memfd,id=ram,size=1G,share=on"
                self.assertEqual(self.tree_of(command).count("dev: vfio-user-pci"), len(paths))


if __name__ == "__main__":
    unittest.main()
