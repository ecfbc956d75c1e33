# SPDX-License-Identifier: BSD-3-Clause
"""VFs of our fabric under Linux's own SR-IOV code: on their PF's bus and on the next, reset alone and with their PF.

VFs are driven from user space here (programs/endpoint.c); Linux's endpoint driver on one is in test_fabric.py.
"""

import time
import unittest

import fabric


class Sriov:
    """Mixed into a Fabric: the endpoint driver has the PFs, nobody the VFs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guest.run("modprobe pci_endpoint_test; "
                      "for f in /sys/bus/pci/devices/10000:*/sriov_drivers_autoprobe; do echo 0 > $f; done")
        cls.pfs = sorted(bdf for bdf, ids in cls.functions.items() if ids == fabric.ENDPOINT)

    def numvfs(self, pf, n):
        self.guest.run(f"echo {n} > /sys/bus/pci/devices/{pf}/sriov_numvfs", seconds=60)
        self.addCleanup(self.guest.run, f"echo 0 > /sys/bus/pci/devices/{pf}/sriov_numvfs", seconds=60)

    def vf(self, pf, n):
        """Address of VF n, memory enabled."""
        bdf = self.guest.run(f"readlink /sys/bus/pci/devices/{pf}/virtfn{n}").text.strip().removeprefix("../")
        self.guest.run(f"echo 1 > /sys/bus/pci/devices/{bdf}/enable")
        return bdf

    def master(self, bdf):
        self.guest.run(f"setpci -s {bdf} 4.w=4")

    def moves(self, bdf):
        """It writes memory and reads it."""
        done = [self.guest.run(f"endpoint {bdf} {how} 4000", check=False) for how in ("write", "read")]
        self.assertTrue(all(done), f"{bdf}: {' '.join(r.text for r in done)}")

    def works(self, bdf):
        self.master(bdf)
        self.moves(bdf)

    def reset(self, bdf):
        self.assertIn("flr", self.sysfs(bdf, "reset_method"))
        self.guest.run(f"echo 1 > /sys/bus/pci/devices/{bdf}/reset")


class Places(Sriov, fabric.Fabric):
    """With ARI and without; more than a bus has room for."""

    description = """
root-port     rp1 ari=on
endpoint-test many below=rp1 vfs=300 vf-msix=2 class=010802
root-port     rp2 ari=off
endpoint-test few  below=rp2 vfs=8 vf-msix=2 class=010802
"""
    vectors = 64

    def place(self, pf):
        return [int(self.sysfs(pf, name)) for name in ("sriov_totalvfs", "sriov_offset", "sriov_stride")]

    def test_ari(self):
        """Functions 1 to 255 of the PF's bus, and then the next bus: the last VF works as the first does."""
        many = self.pfs[0]
        self.assertEqual(self.place(many), [300, 1, 1])
        before = len(self.listed())
        self.numvfs(many, 300)
        self.assertEqual(len(self.listed()) - before, 300)
        for n, place in ((0, "01:00.1"), (254, "01:1f.7"), (255, "02:00.0"), (299, "02:05.4")):
            bdf = self.vf(many, n)
            self.assertEqual(bdf, "10000:" + place)
            self.works(bdf)

    def test_no_ari(self):
        """Eight functions are all that a device has without ARI, so VFs begin on the next bus."""
        few = self.pfs[1]
        self.assertEqual(self.place(few), [8, 256, 1])
        self.numvfs(few, 8)
        for n in (0, 7):
            bdf = self.vf(few, n)
            self.assertEqual(int(bdf[6:8], 16), int(few[6:8], 16) + 1)
            self.works(bdf)


class Resets(Sriov, fabric.Fabric):
    description = """
root-port     rp1 ari=on
endpoint-test pf  below=rp1 vfs=4 vf-msix=2 class=010802
"""

    def test_vf_alone(self):
        """An FLR of a VF: what Linux puts back is back, the other VF and the PF do not notice."""
        pf = self.pfs[0]
        self.numvfs(pf, 2)
        one, other = self.vf(pf, 0), self.vf(pf, 1)
        self.works(one)
        self.works(other)
        self.guest.run(f"endpoint {one} poke 0 1234; endpoint {other} poke 0 1234")
        self.reset(one)
        self.assertEqual(self.guest.run(f"endpoint {one} peek 0").text.strip(), "00000000", "it has forgotten")
        self.assertEqual(int(self.guest.run(f"endpoint {other} peek 0").text, 16), 1234)
        self.moves(one)
        self.moves(other)

    def test_pf_under_its_vf(self):
        """The PF is reset while its VF writes memory: the VF is gone, all ones, and comes back with nothing on; Linux
        puts back SR-IOV of the PF, and bus mastering of the VF is for whoever drives it to put back."""
        pf = self.pfs[0]
        self.numvfs(pf, 1)
        vf = self.vf(pf, 0)
        self.works(vf)
        self.guest.run(f"(while [ ! -e /tmp/stop ]; do endpoint {vf} write 4000; done; echo over) > /tmp/said 2>&1 &")
        self.guest.wait_for("grep -q 'status 00000044' /tmp/said")
        self.reset(pf)
        time.sleep(0.5)
        self.guest.run("touch /tmp/stop")
        self.guest.wait_for("grep -q over /tmp/said")
        said = self.guest.run("cat /tmp/said; rm /tmp/said /tmp/stop").text
        self.assertTrue("ffffffff" in said or "status 00000048" in said, said[-500:])
        last = self.guest.run(f"endpoint {vf} write 4000", check=False)
        self.assertIn("result 00008000", last.text, "not sent: bus mastering is off")
        self.works(vf)


if __name__ == "__main__":
    unittest.main()
