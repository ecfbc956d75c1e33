# SPDX-License-Identifier: BSD-3-Clause
"""Clients and servers that end badly, and what is left of them: nothing, and others do not notice.

python3 tests/vm/room/test_hostile.py --rounds 100 kills as often; tests/tap.py takes PCIGATE_ROUNDS=100.
"""

import os
import random
import re
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

# pylint: disable=wrong-import-position
from functions import Machine
from served import COMMAND_MASTER, Poke, Refused, Served, program

COMMAND = 0x04
FAULT = r"DMAR: .*(fault|Request device|\[DMA|\[INTR)|dmar_fault|AMD-Vi: .*Event logged"
IRQ_ERR = 3
UNCORRECTABLE = "COMP_TIME"  # a completion timeout: not fatal
SLOW = "LD_PRELOAD={} exec {{}} --seccomp none"

# What is at work on a function when something is killed: a driver, and ways in which it can work. Nobody here drives
# network controllers: their clients map, reset and take interrupts all the time, and vanish on their own as well.
HOSTILE = ("maps reset", "eventfds reset", "maps eventfds vanish")
WORKERS = {
    "nvme": ("nvme", "{how} --seconds 600", ("polling", "msix", "intx")),
    "vf": ("hostile", "{seed} 600 {how}", HOSTILE),
    "e1000e": ("hostile", "{seed} 600 {how}", HOSTILE),
    "edu": ("edu", "{how} --seconds 600", ("dma", "msi", "intx")),
}

# One legacy descriptor of an e1000e: where its ring is, bytes of it (address, behind the ring; length; end of packet,
# checksum, report), and registers with what they get to send it.
SENT = 0x100000
DESCRIPTOR = ((1, 0x10), (2, SENT >> 16), (8, 64), (11, 0x0b))
SEND = ((0x3800, SENT), (0x3804, 0), (0x3808, 128), (0x3810, 0), (0x3818, 0), (0x400, 2), (0x3818, 1))


def rounds():
    """How often something is killed."""
    return int(os.environ.get("PCIGATE_ROUNDS", "10"))


class Hostile(unittest.TestCase):
    """One room for all of them."""

    @classmethod
    def setUpClass(cls):
        machine = Machine("igb", "nvme", "e1000e", "edu", "virtio")
        for function in machine.functions:
            if function["id"] == "virtio":
                function["aer"] = True  # the one that can be told to report errors
        cls.room = machine.room()
        cls.room.start()
        print(f"# room: {cls.room.boot_seconds:.1f} s", flush=True)
        cls.nvme, cls.edu, cls.nic = (cls.room.address(name) for name in ("nvme", "edu", "virtio"))
        cls.e1000e = cls.room.address("e1000e")
        cls.vfs = cls.room.vfs(cls.room.address("igb"), 2)

    @classmethod
    def tearDownClass(cls):
        cls.room.close()

    def setUp(self):
        self.began = time.monotonic()
        for function in (self.nvme, self.e1000e, self.edu, self.nic, *self.vfs):
            self.room.bind(function)
        self.room.run("dmesg -C; rm -f /run/slow-reset /run/slow-map")

    def tearDown(self):
        self.room.run("rm -f /run/slow-reset /run/slow-map")
        print(f"# {self.id().rsplit('.', 1)[1]}: {time.monotonic() - self.began:.1f} s", flush=True)

    def slow(self):
        """A pcigate whose kernel is slow when a test wants it to be."""
        return SLOW.format(os.path.join(os.path.dirname(program("")), "room-slow.so"))

    def command(self, function):
        return int(self.room.run(f"setpci -s {function} COMMAND").text, 16)

    def wait_until(self, what, seconds=30):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "not within its time")
            time.sleep(0.1)

    # one beside another

    def beside_hostile(self, way, victims, targets, seconds=20):
        """@victims work without a fault while @targets have clients that do not behave."""
        functions = list(dict.fromkeys([f for _, f, _ in victims] + targets))
        with Served(self.room, *functions, way=way) as served:
            work = [served.start(name, f, f"{how} --seconds {seconds}") for name, f, how in victims]
            for job in work:
                job.wait_text("works")
            hostile = [served.start("hostile", f, f"{seed} {seconds}") for seed, f in enumerate(targets, 1)]
            for job in hostile:
                result = job.wait(seconds + 60)
                print(f"# {result.text.strip()}", flush=True)
                self.assertEqual(result.status, 0, result.text + served.notes)
            for job in work:
                result = job.wait(60)
                self.assertEqual(result.status, 0, result.text + served.notes)
                self.assertNotIn("note:", result.text)
            self.wait_until(lambda: served.pinned() == 0)
            for function in functions:
                self.assertEqual(self.command(function) & COMMAND_MASTER, 0)
                with Poke(served, function) as poke:
                    poke("config 0 4")
        self.assertNotRegex(self.room.log(), FAULT)

    def test_hostile_clients_beside_an_nvme_controller_at_work(self):
        self.beside_hostile("iommufd", [("nvme", self.nvme, "msix")], [self.vfs[0], self.edu])

    def test_the_same_by_type1(self):
        self.beside_hostile("type1", [("nvme", self.nvme, "msix")], [self.vfs[0], self.edu], 10)

    def test_one_of_two_vfs_is_hostile(self):
        """The other one's registers and maps answer as ever."""
        good, bad = self.vfs
        with Served(self.room, good, bad) as served, Poke(served, good) as poke:
            poke("memory 0x100000")
            poke("map 0 0x100000 rw 0 0")
            ids = poke("config 0 4")
            job = served.start("hostile", bad, "7 15")
            slowest = 0
            while job.poll() is None:
                slowest = max(slowest, float(poke("map 0x200000 0x1000 rw 0 0")[0]),
                              float(poke("unmap 0x200000 0x1000")[0]))
                self.assertEqual(poke("config 0 4"), ids)
            print(f"# {job.wait(60).text.strip()}; the other one waited {slowest:.0f} ms at most", flush=True)
            self.assertLess(slowest, 5000)

    # kill -9

    def look_by_dma(self, served):
        """An e1000e sends a frame of zeros: it reads what to send, and writes that it was sent."""
        with Poke(served, self.e1000e) as poke:
            poke.many(("memory 0x2000", f"map {SENT:#x} 0x2000 rw 0 0",
                       *(f"put 0 {offset} 1 {value}" for offset, value in DESCRIPTOR), f"config {COMMAND} 2 6",
                       *(f"region 0 {register:#x} 4 {value:#x}" for register, value in SEND)))
            self.wait_until(lambda: int(poke("get 0 12 1")[0], 16) & 1)

    def look_by_map(self, served):
        with Poke(served, self.vfs[0]) as poke:
            answer = poke.many(("memory 0x2000", f"map {SENT:#x} 0x2000 rw 0 0", f"config {COMMAND} 2 4", "msix 1",
                                "reset", f"config {COMMAND} 2"))
            self.assertEqual(int(answer[0], 16) & COMMAND_MASTER, 0)

    def opens_again(self, name, served):
        """Somebody else has the function, and it does what it should."""
        if name == "nvme":
            served.driver("nvme", self.nvme, "polling --rounds 1 --queues 1")
        elif name == "edu":
            served.driver("edu", self.edu, "dma --rounds 1")
        elif name == "e1000e":
            self.look_by_dma(served)
        else:
            self.look_by_map(served)

    def killed(self, name, function, victim, way, arguments, seconds):  # pylint: disable=too-many-arguments
        """@victim is killed that long after a client has begun; who did not see it coming sees its end."""
        served = Served(self.room, function, way=way)
        self.addCleanup(served.job.kill, "KILL")
        served.ready()
        job = served.start(WORKERS[name][0], function, arguments)
        self.addCleanup(job.kill, "KILL")
        time.sleep(seconds)
        self.assertIsNone(job.poll(), job.text)
        if victim == "client":
            job.kill("KILL")
            job.wait(30)
            self.wait_until(lambda: served.pinned() == 0)
        else:
            served.job.kill("KILL")
            served.job.wait(30)
            if WORKERS[name][0] == "hostile":  # it would go on knocking
                job.kill("KILL")
            job.wait(60)
        self.wait_until(lambda: self.command(function) & COMMAND_MASTER == 0)
        if victim == "client":
            self.opens_again(name, served)
            served.stop()
        else:
            with Served(self.room, function, way=way) as again:
                self.opens_again(name, again)

    def test_killed_at_random_points(self):
        seed = int(os.environ.get("PCIGATE_SEED", "1"))
        draw = random.Random(seed)
        functions = {"nvme": self.nvme, "vf": self.vfs[0], "e1000e": self.e1000e, "edu": self.edu}
        counts = dict.fromkeys((f"{name}: {victim}" for name in functions for victim in ("client", "pcigate")), 0)
        for number in range(rounds()):
            name = list(functions)[number % len(functions)]
            victim = ("client", "pcigate")[(number + number // len(functions)) % 2]
            way = draw.choice(("iommufd", "type1"))
            how = draw.choice(WORKERS[name][2])
            arguments = WORKERS[name][1].format(how=how, seed=draw.randrange(1 << 31))
            with self.subTest(number=number, name=name, way=way, how=how, victim=victim, seed=seed):
                self.killed(name, functions[name], victim, way, arguments, draw.uniform(0, 2.5))
                self.assertNotRegex(self.room.log(), FAULT)
            counts[f"{name}: {victim}"] += 1
        print(f"# killed: {counts}", flush=True)

    def killed_while_the_kernel_is_slow(self, what, command):
        """What the client left unfinished must not keep the function from being taken back."""
        with Served(self.room, self.nvme, self.edu, wrap=self.slow()) as served:
            with Poke(served, self.nvme) as poke:
                poke("memory 0x1000000")
                poke("map 0 0x800000 rw 0 0")
                poke(f"config {COMMAND} 2 6")
                self.assertTrue(self.command(self.nvme) & COMMAND_MASTER)
                self.room.run(f"touch /run/slow-{what}")
                self.room.run(f"echo '{command}' >{poke.fifo}")
                time.sleep(1)
                poke.kill()
            # Meanwhile others are answered.
            with Poke(served, self.edu) as poke:
                poke("config 0 4")
            self.room.run(f"rm /run/slow-{what}")
            self.wait_until(lambda: served.pinned() == 0)
            self.wait_until(lambda: self.command(self.nvme) & COMMAND_MASTER == 0)
            served.driver("nvme", self.nvme, "polling --rounds 1")
            self.assertNotIn("cannot be made as new", served.notes)

    def test_killed_in_a_reset(self):
        self.killed_while_the_kernel_is_slow("reset", "reset")

    def test_killed_in_a_map(self):
        self.killed_while_the_kernel_is_slow("map", "map 0x800000 0x800000 rw 0 0x800000")

    def test_killed_in_a_reset_that_takes_longer_than_the_server_waits(self):
        with Served(self.room, self.nvme, wrap=self.slow(), options="--timeout 1000") as served:
            with Poke(served, self.nvme) as poke:
                poke("memory 0x1000000")
                poke("map 0 0x800000 rw 0 0")
                poke(f"config {COMMAND} 2 6")
                self.room.run("touch /run/slow-reset")
                self.room.run(f"echo reset >{poke.fifo}")
                time.sleep(0.5)
                poke.kill()
            time.sleep(2)
            self.room.run("rm /run/slow-reset")
            self.wait_until(lambda: served.pinned() == 0)
            self.wait_until(lambda: self.command(self.nvme) & COMMAND_MASTER == 0)
            served.driver("nvme", self.nvme, "polling --rounds 1")

    def test_a_slow_reset_quarantines_that_function_alone(self):
        with Served(self.room, self.nvme, self.edu, wrap=self.slow(), options="--timeout 2000") as served:
            work = served.start("edu", self.edu, "dma --seconds 8")
            work.wait_text("works")
            with Poke(served, self.nvme) as poke:
                self.room.run("touch /run/slow-reset")
                with self.assertRaises(Refused):
                    poke("reset")
                self.assertIn("a request took more than 2000 ms: the function is in quarantine", served.notes)
                self.assertEqual(poke("config 0 4"), ["0xffffffff"])
                self.room.run("rm /run/slow-reset")
            self.assertEqual(work.wait(60).status, 0, work.text)
            served.driver("nvme", self.nvme, "polling --rounds 1")

    # the host's own wishes

    def test_the_host_takes_back_one_of_two(self):
        with Served(self.room, self.nvme, self.edu) as served:
            work = served.start("edu", self.edu, "dma --seconds 8")
            work.wait_text("works")
            job = served.start("nvme", self.nvme, "msix --seconds 600")
            job.wait_text("works")
            self.room.run(f"echo {self.nvme} >/sys/bus/pci/drivers/vfio-pci/unbind", seconds=30)
            self.assertIn(f"the host wants {self.nvme} back", served.notes)
            self.assertIn("given back to the host", served.notes)
            self.assertEqual(job.wait(60).status, 1)
            self.assertEqual(work.wait(60).status, 0, work.text)
            self.room.bind(self.nvme)
            with Served(self.room, self.nvme) as again:
                again.driver("nvme", self.nvme, "msix --rounds 1")
            served.driver("edu", self.edu, "dma --rounds 1")
        self.assertNotRegex(self.room.log(), FAULT)

    def test_the_host_takes_back_the_only_one(self):
        for way in ("iommufd", "type1"):
            with self.subTest(way):
                served = Served(self.room, self.nvme, way=way)
                self.addCleanup(served.job.kill, "KILL")
                served.ready()
                served.start("nvme", self.nvme, "polling --seconds 600").wait_text("works")
                self.room.run(f"echo {self.nvme} >/sys/bus/pci/drivers/vfio-pci/unbind", seconds=30)
                self.assertEqual(served.job.wait(30).status, 0, served.notes)
                self.room.bind(self.nvme)
                with Served(self.room, self.nvme, way=way) as again:
                    again.driver("nvme", self.nvme, "msix --rounds 1")

    def test_errors_are_passed_on_or_kept(self):
        # Firmware would have let the port pass on what its function reports.
        port = self.room.run(f"basename $(dirname $(readlink /sys/bus/pci/devices/{self.nic}))").text.strip()
        self.room.run(f"setpci -s {port} BRIDGE_CONTROL=2:2")
        text = self.room.run(f"lspci -v -s {self.nic} 2>/dev/null").text
        express = int(re.search(r"\[(..)\] Express", text)[1], 16)
        for setting, told in (("pass", True), ("keep", False)):
            with self.subTest(setting), \
                    Served(self.room, self.nic, settings=f",err={setting}") as served, Poke(served, self.nic) as poke:
                poke(f"vectors {IRQ_ERR} 0 1")
                poke(f"config {express + 8} 2 0xf")
                poke(f"config {COMMAND} 2 0x100")
                self.inject()
                self.wait_until(lambda: "reported an uncorrectable error (AER)" in served.notes)
                self.assertIn("the client is told" if told else "the client is not told (err=keep)", served.notes)
                if told:
                    self.assertEqual(poke(f"wait {IRQ_ERR} 0 5000"), ["1"])
                else:
                    with self.assertRaises(Refused):
                        poke(f"wait {IRQ_ERR} 0 1000")

    def inject(self):
        """The function reports an error that nobody corrects; the kernel clears it."""
        answer = self.room.qmp("human-monitor-command", command_line=f"pcie_aer_inject_error virtio {UNCORRECTABLE}")
        self.assertIn("OK", answer)


if __name__ == "__main__":
    if "--rounds" in sys.argv:
        at = sys.argv.index("--rounds")
        os.environ["PCIGATE_ROUNDS"] = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    unittest.main()
