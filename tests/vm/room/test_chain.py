# SPDX-License-Identifier: BSD-3-Clause
"""Two pcigates in front of real functions: the far one holds the function, the near one knows a socket alone and
mediates. What one passes, the chain passes: conformance, DMA, interrupts, and the end of everybody in it."""

import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
import rig
import traffic
from functions import Machine
from inner import Inner
from served import COMMAND_MASTER, Poke, Served

COMMAND = 0x04
PACKETS = 200
FAULT = "DMAR: DRHD: handling fault"
# Each access goes through two servers on a machine that is emulated, and 4096 bytes at once are a thousand of them.
PATIENT = "--timeout 60000"
# All of the suite once; this is what moves the function, and puts it back.
REDUCED = "".join(f" --only '{glob}'" for glob in ("header.*", "bar.*", "reset.*", "suite.*"))
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs"


class Near(Served):
    """A pcigate behind the one that has the function: it opens no device file, and so is nobody's user."""

    def __init__(self, far, function):  # pylint: disable=super-init-not-called
        self.room, self.functions = far.room, (function,)
        behind = far.sockets[function]
        folder = behind + "-folder"
        self.sockets = {function: folder + "/near"}
        self.room.run(f"chmod 666 {behind}; mkdir -p {folder}; chown 65534 {folder}")
        self.job = self.room.job(f"exec {NOBODY} {rig.pcigate()} serve vfio-user:{behind} {PATIENT} "
                                 f"--socket-path {self.sockets[function]}")


class Chain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = Machine("igb", "nvme").room()
        cls.room.start()
        cls.addClassCleanup(cls.room.close)
        print(f"# room: {cls.room.boot_seconds:.1f} s", flush=True)
        cls.nvme = cls.room.address("nvme")
        cls.vf = cls.room.vfs(cls.room.address("igb"), 1)[0]
        for function in (cls.nvme, cls.vf):
            cls.room.bind(function)

    def setUp(self):
        self.began = time.monotonic()

    def tearDown(self):
        print(f"# {self.id().rsplit('.', 1)[1]}: {time.monotonic() - self.began:.1f} s", flush=True)
        self.assertNotIn(FAULT, self.room.log())

    def wait_until(self, what, seconds=30):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "not within its time")
            time.sleep(0.1)

    def given_back(self, far, function):
        """Nothing of the client is left in the process that has the function, nor in the function."""
        self.wait_until(lambda: far.pinned() == 0)
        self.wait_until(lambda: int(self.room.run(f"setpci -s {function} COMMAND").text, 16) & COMMAND_MASTER == 0)

    def conform(self, near, function, options=""):
        run = self.room.run(f"{rig.pcigate()} conform vfio-user:{near.sockets[function]} {options}", seconds=600,
                            check=False)
        failed = [line for line in run.text.splitlines() if not line.startswith(("ok ", "1..", "TAP "))]
        self.assertEqual(run.status, 0, "\n".join(failed)[-4000:] + near.notes)
        print(f"# {failed[-1]}", flush=True)

    # the VF of a network card

    def test_a_vf_behind_a_raw_server(self):
        """All mediation is the near one's."""
        with Served(self.room, self.vf, options=f"--profile raw {PATIENT}") as far, Near(far, self.vf) as near:
            self.conform(near, self.vf, "--vf")
            with Poke(near, self.vf) as poke:
                self.assertEqual(poke("config 0 4"), ["0x10ca8086"])

    def test_a_vf_behind_a_guarded_server(self):
        with Served(self.room, self.vf, options=PATIENT) as far, Near(far, self.vf) as near:
            self.conform(near, self.vf, "--vf" + REDUCED)

    # work

    def work(self, options):
        with Served(self.room, self.nvme, options=f"{options} {PATIENT}") as far, Near(far, self.nvme) as near:
            job = near.start("nvme", self.nvme, "polling msix intx --rounds 8")
            job.wait_text("works")
            # The client's memory is the far one's to pin; the near one holds nothing of it.
            self.assertGreater(far.pinned(), 0)
            self.assertEqual(near.pinned(), 0)
            result = job.wait(120)
            self.assertEqual(result.status, 0, result.text + near.notes + far.notes)
            for way in ("polling", "msix", "intx"):
                self.assertRegex(result.text, way + ": 24 pages written, read and compared by 3 queues")
            print("# " + ", ".join(line for line in result.text.splitlines() if "pages" in line), flush=True)
            self.given_back(far, self.nvme)

    def test_nvme_works_behind_a_raw_server(self):
        self.work("--profile raw")

    def test_nvme_works_behind_a_guarded_server(self):
        self.work("")

    # ends

    def test_a_client_that_is_killed(self):
        with Served(self.room, self.nvme) as far, Near(far, self.nvme) as near:
            job = near.start("nvme", self.nvme, "msix --seconds 600")
            job.wait_text("works")
            job.kill("KILL")
            job.wait(30)
            self.given_back(far, self.nvme)
            near.driver("nvme", self.nvme, "polling --rounds 1")

    def test_the_near_server_is_killed(self):
        with Served(self.room, self.nvme) as far:
            near = Near(far, self.nvme)
            self.addCleanup(near.job.kill, "KILL")
            near.ready()
            job = near.start("nvme", self.nvme, "msix --seconds 600")
            job.wait_text("works")
            near.job.kill("KILL")
            near.job.wait(30)
            self.assertEqual(job.wait(60).status, 1)
            self.given_back(far, self.nvme)
            far.driver("nvme", self.nvme, "polling --rounds 1")

    def test_the_far_server_is_killed_and_comes_back(self):
        """Its client keeps its connection, and reads all ones; the next client has the function again."""
        far = Served(self.room, self.nvme)
        self.addCleanup(far.job.kill, "KILL")
        far.ready()
        with Near(far, self.nvme) as near:
            with Poke(near, self.nvme) as poke:
                self.assertEqual(poke("config 0 4"), ["0x101b36"])
                far.job.kill("KILL")
                far.job.wait(30)
                self.wait_until(lambda: poke("config 8 4") == ["0xffffffff"])
            again = self.room.job(f"rm {far.sockets[self.nvme]}; umask 0; exec {rig.pcigate()} serve vfio:{self.nvme} "
                                  f"--socket-path {far.sockets[self.nvme]}")
            again.wait_text("listening", 60)
            near.driver("nvme", self.nvme, "msix --rounds 1")
            again.kill("TERM")
            self.assertEqual(again.wait(60).status, 0, again.text)


@unittest.skipIf(int(os.environ.get("PCIGATE_ROUNDS", "10")) < 100, "a guest inside boots in minutes: --machine-room")
class GuestBehindTwo(unittest.TestCase):
    """Linux in QEMU, its igbvf, two servers, VFIO, a VF: packets through all of it."""

    def test_packets_there_and_back(self):
        with Machine("igb").room() as room:
            wire = traffic.Wire(room, room.address("igb"))
            vf = wire.vfs[0]
            room.bind(vf)
            with Served(room, vf, options=f"--profile raw {PATIENT}") as far, Near(far, vf) as near:
                function = rig.vfio_user(near.sockets[vf], bus="rp1", id="vf", **{"x-msg-timeout": 120000})
                with Inner(room, devices=[rig.root_port("rp1"), function], files=traffic.files()) as guest:
                    print(f"# guest inside: {guest.boot_seconds:.0f} s", flush=True)
                    wire.up_inside(guest)
                    sent, echoed, text = wire.exchange(guest, PACKETS)
                    print("# " + text.replace("\n", "\n# "), flush=True)
                    self.assertEqual(sent.get("sent"), PACKETS, text)
                    for side in sent, echoed:
                        counts = side.get("good"), side.get("damaged"), side.get("twice")
                        self.assertEqual(counts, (PACKETS, 0, 0), text)
                for notes in far.notes, near.notes:
                    self.assertNotIn("error:", notes)
            self.assertNotIn(FAULT, room.log())


if __name__ == "__main__":
    unittest.main()
