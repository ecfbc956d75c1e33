# SPDX-License-Identifier: BSD-3-Clause
"""`live:CONTROL`: the verbs that look show a running server's function by the server's own rules."""

import json
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
import unittest

from program import *

sys.path.insert(0, os.path.join(HERE, "..", "protocol"))
sys.path.insert(0, os.path.join(HERE, "..", "conform"))
import strange  # noqa: E402
from vfio_user import CONFIG, Client, Server  # noqa: E402

QUIRKS = """\
[hidden vendor registers]
match = 8086:1234
why = a test
close = CAP_VNDR#2 04-07
no-intx
"""


class Live(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.func = write_function(self.path("function.txt"))
        self.control = self.path("control")

    def path(self, name):
        return os.path.join(self.directory, name)

    def serve(self, *options, func=None):
        server = Server(func or self.func, "--control", self.control, *options)
        self.addCleanup(server.stop)
        return server

    def same(self, verb, *arguments, options=(), func=None):
        """What is said of the running function is what would be said of it here, under the server's options."""
        func = func or self.func
        live = run(verb, "live:" + self.control, *arguments)
        here = run(verb, func, *arguments, *options)
        self.assertEqual(live.returncode, here.returncode, live.stderr)
        self.assertEqual(live.stdout, here.stdout)
        self.assertTrue(live.stdout)

    def same_all(self, options, func=None):
        self.same("why", "COMMAND", "CAP_EXP+8.w", "CAP_VNDR+4@1.l", "3d.b", "ECAP_PASID+4.l", options=options, func=func)
        self.same("map", options=options, func=func)
        self.same("map", "-o", "-", options=options, func=func)
        self.same("diff", options=options, func=func)
        self.same("inspect", "-vv", options=options, func=func)

    def test_every_profile(self):
        for profile in PROFILES:
            with self.subTest(profile):
                server = self.serve("--profile", profile)
                self.same_all(("--profile", profile))
                server.stop()

    def test_policies(self):
        options = ("--policy", "mps-supported=256", "--policy", "no-command-memory", "--policy", "msix-vectors=2")
        self.serve(*options)
        self.same_all(options)

    def test_capabilities_that_are_made_up(self):
        for more in ((), ("--policy", "ats=force", "--policy", "pri=force", "--policy", "pasid-width=5")):
            with self.subTest(more):
                options = ("--policy", "pasid=force", "--policy", "pasid-at=gap") + more
                server = self.serve(*options)
                self.same_all(options)
                self.assertIn("configuration only", run("map", "live:" + self.control).stdout)
                server.stop()

    def test_resizable_bars(self):
        func = "sim:endpoint-test,bars=auto/-/1M:mem64:prefetch,rebar=2:1M/4M/64M"
        for options in (("--policy", "rebar"), ()):
            server = self.serve(*options, func=func)
            for verb, arguments in (("why", ("ECAP_REBAR+4.l", "ECAP_REBAR+8.l")), ("inspect", ("-vv",))):
                self.same(verb, *arguments, options=options, func=func)
            server.stop()

    def test_quirks(self):
        with open(self.path("q.quirks"), "w", encoding="ascii") as file:
            file.write(QUIRKS)
        options = ("--quirks", self.path("q.quirks"))
        self.serve(*options)
        self.same_all(options)
        plain = run("why", self.func, "CAP_VNDR+4@1.l", "--no-quirks")
        self.assertNotEqual(plain.stdout, run("why", "live:" + self.control, "CAP_VNDR+4@1.l").stdout)

    def test_a_vf(self):
        func = self.func + ",vf=on,id=8086:1235"
        self.serve(func=func)
        self.same_all((), func=func)

    def test_what_the_guest_wrote(self):
        server = self.serve()
        client = Client(server)
        self.addCleanup(client.close)
        client.write(CONFIG, 0x78, b"\x40\x50")
        answer = json.loads(run("why", "live:" + self.control, "CAP_EXP+8.w", "--json").stdout)
        self.assertEqual((answer["guest"], answer["profile"]), (0x5040, "guarded"))

    def test_what_the_client_asked_for(self):
        server = self.serve(func="sim:endpoint-test,msix=2048")
        client = Client(server)
        self.addCleanup(client.close)
        client.call(16, struct.pack("=IIIIII", 128, 0x8001 | 1 << 17, 3, 0, 0, 0) + bytes(104))
        answer = run("why", "live:" + self.control, "CAP_MSIX+2.w").stdout
        self.assertIn("guest      0002\n", answer)
        self.assertIn("or the client bounds", answer)

    def test_another_profile_is_refused(self):
        self.serve("--profile", "linux")
        for verb, arguments in (("why", ("COMMAND",)), ("map", ()), ("diff", ()), ("inspect", ())):
            with self.subTest(verb):
                done = run(verb, "live:" + self.control, *arguments, "--profile", "guarded")
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stdout, "")
                self.assertEqual(done.stderr.count("\n"), 1)
                self.assertIn("profile linux", done.stderr)
                self.assertIn(self.func, done.stderr)
                same = run(verb, "live:" + self.control, *arguments, "--profile", "linux")
                self.assertLess(same.returncode, 2, same.stderr)

    def test_other_policies_and_quirks_are_refused(self):
        self.serve("--policy", "mps-supported=256")
        for options, word in ((("--policy", "mps-supported=512"), "mps-supported=256"), (("--no-quirks",), "--quirks"),
                              (("--policy", "mps-supported=256", "--policy", "msix-vectors=2"), "msix-vectors=0")):
            done = run("why", "live:" + self.control, "COMMAND", *options)
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)

    def test_readers_of_a_function_that_takes_its_time_have_their_turn(self):
        far = Server()
        self.addCleanup(far.stop)
        self.serve(func="vfio-user:" + far.path)
        readers = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for reader in readers:
            self.addCleanup(reader.close)
            reader.settimeout(10)
            reader.connect(self.control)
        for reader in readers:
            reader.sendall(b"config 0 host\n")
        for reader in readers:
            answer = b"".join(iter(lambda reader=reader: reader.recv(65536), b""))
            self.assertTrue(answer.endswith(b"ok\n"), answer[-200:])

    def reader(self, line):
        reader = socket.socket(socket.AF_UNIX)
        self.addCleanup(reader.close)
        reader.settimeout(10)
        reader.connect(self.control)
        reader.sendall(line)
        return reader

    def test_a_client_that_comes_while_a_reader_reads_is_served_after_it(self):
        for line in (b"config 0 host\n", b"config 0 guest\n"):
            with self.subTest(line):
                far = strange.Server()
                self.addCleanup(far.close)
                server = self.serve(func="vfio-user:" + far.path)
                self.assertEqual(run("inspect", "live:" + self.control, "--host").returncode, 0)
                send = far.send
                far.send = lambda *message, send=send: (time.sleep(0.01), send(*message))
                reader = self.reader(line)
                time.sleep(0.2)
                client = Client(server)
                self.addCleanup(client.close)
                self.assertEqual(client.read(CONFIG, 0, 2), b"\xf4\x1a")
                answer = b"".join(iter(lambda reader=reader: reader.recv(65536), b""))
                self.assertTrue(answer.endswith(b"ok\n"), answer[-200:])
                server.stop()

    def test_who_waits_behind_one_that_timed_out_has_its_turn(self):
        far = strange.Server()
        self.addCleanup(far.close)
        self.serve(func="vfio-user:" + far.path)
        self.assertEqual(run("inspect", "live:" + self.control, "--host").returncode, 0)
        readers = []
        send, far.send = far.send, lambda *message: None
        for _ in range(2):
            readers.append(self.reader(b"config 0 host\n"))
            time.sleep(1.5)
        far.send = send
        answers = [b"".join(iter(lambda reader=reader: reader.recv(65536), b"")) for reader in readers]
        self.assertTrue(answers[0].startswith(b"error"), answers[0][-200:])
        self.assertTrue(answers[1].endswith(b"ok\n"), answers[1][-200:])

    def test_a_reader_that_goes_away_takes_nothing_from_the_client(self):
        far = strange.Server()
        self.addCleanup(far.close)
        server = self.serve(func="vfio-user:" + far.path)
        client = Client(server)
        self.addCleanup(client.close)
        send = far.send
        far.send = lambda *message, send=send: (time.sleep(0.05), send(*message))
        for _ in range(3):
            reader = self.reader(b"config 0 guest\n")
            time.sleep(0.2)
            reader.close()
            time.sleep(0.2)
        far.send = send
        self.assertEqual(client.read(CONFIG, 0, 2), b"\xf4\x1a")
        self.assertFalse(server.said("quarantine"))
        self.assertEqual(run("inspect", "live:" + self.control).returncode, 0)

    def test_who_comes_after_one_that_read_in_vain_gets_a_function_that_answers(self):
        far = Server()
        self.addCleanup(far.stop)
        server = self.serve(func="vfio-user:" + far.path)
        want = run("inspect", "live:" + self.control, "-xxxx").stdout
        far.process.send_signal(signal.SIGSTOP)
        try:
            reader = self.reader(b"config 0 guest\n")
            answer = b"".join(iter(lambda: reader.recv(65536), b""))
            self.assertTrue(answer.startswith(b"error"), answer[-200:])
            self.assertTrue(server.said("quarantine"))
        finally:
            far.process.send_signal(signal.SIGCONT)
        client = Client(server)
        self.addCleanup(client.close)
        self.assertNotEqual(client.read(CONFIG, 0, 4), b"\xff" * 4)
        client.close()
        self.assertEqual(run("inspect", "live:" + self.control, "-xxxx").stdout, want)


if __name__ == "__main__":
    unittest.main()
