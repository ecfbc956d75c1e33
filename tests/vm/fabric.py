# SPDX-License-Identifier: BSD-3-Clause
"""A Linux guest whose own PCI code drives our fabric behind the vmd driver, and programs that run in guests."""

import functools
import os
import re
import subprocess
import tempfile
import unittest

from rig import TREE, Guest, RigError, Server, pcigate, root_port, vfio_user

DRIVER = "/sys/bus/pci/drivers/pci-endpoint-test"
# QEMU's firmware keeps hotplug of its own slots to itself unless told so; the vmd driver then follows it.
NATIVE = ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")
# That ports come without bus numbers, as from power-on, is what "bridge configuration invalid" says.
WORRIES = re.compile(r"BUG|WARNING|Oops|no space|failed to assign|can't assign|bogus|broken|"
                     r"10000:.*invalid(?! \(\[bus 00-00)")
ENDPOINT = "1912:002d"


@functools.cache
def program(name):
    """programs/NAME.c, compiled for a guest: static."""
    source = os.path.join(TREE, "tests", "vm", "programs", name + ".c")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        command = ["cc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", path, source]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RigError(f"{name} does not compile:\n{done.stderr}")
        with open(path, "rb") as file:
            return file.read()


def ctl(server, *words, check=True):
    """What `pcigate ctl` says of a running server."""
    command = [pcigate(), "ctl", server.control, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if check and done.returncode:
        raise RigError(f"status {done.returncode} from: {' '.join(command)}\n{done.stderr}")
    return done.stdout + done.stderr


def hold(guest, bdf):
    """The endpoint driver has this function and no other: its selftest takes the first."""
    guest.run(f"for f in {DRIVER}/*:*; do [ -e $f ] && echo ${{f##*/}} > {DRIVER}/unbind; done; "
              f"echo {bdf} > {DRIVER}/bind; ls /dev/pci-endpoint-test.0")


class Fabric(unittest.TestCase):
    """A guest with the fabric of @description behind vmd. `endpoint` (programs/endpoint.c) is in it."""

    description = ""
    vectors, options = 32, ",high=256M,low=128M"
    cmdline, iommu = "", "none"
    timeout = 280

    @classmethod
    def setUpClass(cls):
        handle, path = tempfile.mkstemp(prefix="pcigate-", suffix=".fabric")
        os.write(handle, cls.description.encode())
        os.close(handle)
        cls.addClassCleanup(os.unlink, path)
        cls.server = Server(f"sim:vmd,file={path},vectors={cls.vectors}{cls.options}").start()
        cls.addClassCleanup(cls.server.stop)
        cls.guest = Guest(devices=[root_port("rp1"), vfio_user(cls.server.socket, bus="rp1")], qemu=NATIVE,
                          cmdline=cls.cmdline, iommu=cls.iommu, timeout=cls.timeout,
                          files={"bin/endpoint": program("endpoint")})
        cls.guest.start()
        cls.addClassCleanup(cls.guest.close)
        cls.guest.run("chmod 755 /bin/endpoint; modprobe vmd")
        cls.functions = cls.listed()

    @classmethod
    def listed(cls):
        """BDF: ids, of all that the guest found in the fabric's domain."""
        text = cls.guest.run("lspci -Dn").text
        return dict(re.findall(r"^(10000:\S+) \S+ (\S+)", text, re.M))

    def find(self, ids):
        return sorted(bdf for bdf, found in self.listed().items() if found == ids)

    def sysfs(self, bdf, name):
        return self.guest.run(f"cat /sys/bus/pci/devices/{bdf}/{name}").text.strip()

    def verbose(self, bdf):
        return self.guest.run(f"lspci -D -vvv -s {bdf}").text

    def dmesg(self):
        return self.guest.run("dmesg").text

    def test_quiet(self):
        self.assertTrue(self.server.alive(), self.server.log())
        self.assertEqual([line for line in self.dmesg().splitlines() if WORRIES.search(line)], [])
