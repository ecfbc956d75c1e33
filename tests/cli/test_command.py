# SPDX-License-Identifier: BSD-3-Clause
"""`pcigate serve --run CMD`: CMD and what it started end with the server."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from program import *


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Command(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)

    def start(self, command, count):
        """The server and the ids that the command writes, one a line, into the file $PIDS."""
        pids = os.path.join(self.directory, "pids")
        server = subprocess.Popen([PCIGATE, "serve", "sim:endpoint-test", "--run", command], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env={**os.environ, "PIDS": pids})
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        end = time.monotonic() + 10
        found = []
        while len(found) < count and time.monotonic() < end:
            time.sleep(0.02)
            if os.path.exists(pids):
                with open(pids, encoding="ascii") as file:
                    found = [int(line) for line in file.read().split("\n")[:-1]]
        self.assertEqual(len(found), count)
        self.addCleanup(lambda: [os.kill(pid, signal.SIGKILL) for pid in found if alive(pid)])
        return server, found

    def gone(self, pids, seconds=2):
        end = time.monotonic() + seconds
        while any(map(alive, pids)) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual([pid for pid in pids if alive(pid)], [])

    def test_what_it_started_ends_too(self):
        server, pids = self.start("sleep 100 & echo $! >> $PIDS; echo $$ >> $PIDS; wait", 2)
        began = time.monotonic()
        server.terminate()
        self.assertEqual(server.wait(10), 0)
        self.gone(pids)
        self.assertLess(time.monotonic() - began, 4)

    def test_one_that_ignores_sigterm_is_killed_after_the_grace(self):
        server, pids = self.start("trap '' TERM; echo $$ >> $PIDS; while :; do sleep 1; done", 1)
        began = time.monotonic()
        server.terminate()
        self.assertEqual(server.wait(10), 0)
        self.assertGreater(time.monotonic() - began, 4)
        self.gone(pids)

    def test_a_child_of_it_that_ignores_sigterm_is_killed_too(self):
        server, pids = self.start("(trap '' TERM; sh -c 'echo $$ >> $PIDS; while :; do sleep 1; done') & wait", 1)
        server.terminate()
        self.assertEqual(server.wait(10), 0)
        self.gone(pids)

    def test_a_second_signal_ends_the_grace(self):
        server, pids = self.start("trap '' TERM; echo $$ >> $PIDS; while :; do sleep 1; done", 1)
        began = time.monotonic()
        server.terminate()
        time.sleep(0.3)
        server.terminate()
        self.assertEqual(server.wait(10), 0)
        self.assertLess(time.monotonic() - began, 3)
        self.gone(pids)

    def test_one_that_is_stopped_ends(self):
        server, pids = self.start("echo $$ >> $PIDS; exec sleep 100", 1)
        os.kill(pids[0], signal.SIGSTOP)
        server.terminate()
        self.assertEqual(server.wait(10), 0)
        self.gone(pids)

    def test_it_ends_when_the_server_is_killed(self):
        server, pids = self.start("echo $$ >> $PIDS; exec sleep 100", 1)
        server.kill()
        server.wait(10)
        self.gone(pids)

    def test_its_status_is_the_servers(self):
        done = run("serve", "sim:endpoint-test", "--run", "exit 7", stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 7)


if __name__ == "__main__":
    unittest.main()
