# SPDX-License-Identifier: BSD-3-Clause
"""`pcigate serve` as a program: sockets, signals, --run, --control, system calls."""

import errno
import grp
import json
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
import unittest

from vfio_user import *

FUNC = "sim:endpoint-test"


def run(*arguments, **keywords):
    return subprocess.run([PCIGATE, *arguments], capture_output=True, text=True, timeout=10, check=False, **keywords)


class Directory(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, *arguments, sockets=1, **keywords):
        process = subprocess.Popen([PCIGATE, "serve", *arguments], stderr=subprocess.PIPE, text=True, **keywords)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        while sockets:
            line = process.stderr.readline()
            self.assertTrue(line, "the server ended")
            sockets -= line.startswith("listening on")
        return process


class Ends(Directory):
    def test_sigterm_and_sigint(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = Server()
            client = Client(server)
            began = time.monotonic()
            path = server.path
            server.process.send_signal(number)
            self.assertEqual(server.process.wait(5), 0)
            self.assertLess(time.monotonic() - began, 1)
            self.assertFalse(os.path.exists(path))
            client.close()
            server.stop()

    def test_nobody_reads_what_it_says(self):
        """A full pipe on stderr stops neither clients nor the end."""
        reading, writing = os.pipe()
        process = subprocess.Popen([PCIGATE, "serve", FUNC, "--socket-path", self.path("s")], stderr=writing)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(os.read(reading, 4096).startswith(b"listening on"))
        os.set_blocking(writing, False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(writing, bytes(4096))
        os.set_blocking(writing, True)
        client = Client(self.path("s"))
        self.addCleanup(client.close)
        for _ in range(3):
            with self.assertRaises(Refused):
                client.map(1, 1)
            client.send(GET_INFO, flags=REPLY)
        self.assertEqual(client.info()[2:], (9, 5))
        process.terminate()
        self.assertEqual(process.wait(5), 0)
        os.close(reading)
        os.close(writing)

    def test_sigterm_during_a_request_that_never_ends(self):
        server = Server(FUNC + ",flr=never")
        client = Client(server)
        client.send(RESET)
        time.sleep(0.05)
        began = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - began, 1)
        client.close()

    def test_stale_socket_is_replaced(self):
        server = Server()
        server.process.kill()
        server.process.wait()
        self.assertTrue(os.path.exists(server.path))
        process = self.start(FUNC, "--socket-path", server.path)
        Client(server.path).close()
        process.terminate()
        self.assertEqual(process.wait(5), 0)
        server.stop()

    def test_socket_of_another_stays(self):
        first = self.start(FUNC, "--socket-path", self.path("s"), "--control", self.path("c"))
        for name in "sc":
            os.unlink(self.path(name))
        self.start(FUNC, "--socket-path", self.path("s"), "--control", self.path("c"))
        first.terminate()
        self.assertEqual(first.wait(5), 0)
        self.assertEqual(sorted(os.listdir(self.directory)), ["c", "s"])
        Client(self.path("s")).close()

    def test_live_socket_is_refused_by_name(self):
        server = Server()
        result = run("serve", FUNC, "--socket-path", server.path)
        self.assertEqual(result.returncode, 3)
        self.assertIn(server.path, result.stderr)
        Client(server).close()
        server.stop()

    def test_file_that_is_no_socket_stays(self):
        with open(self.path("file"), "w", encoding="ascii") as file:
            file.write("precious")
        self.assertEqual(run("serve", FUNC, "--socket-path", self.path("file")).returncode, 3)
        with open(self.path("file"), encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")


class Usage(Directory):
    def test_wrong_command_lines(self):
        socket_path = self.path("s")
        for arguments in ((), (FUNC,), (FUNC, "--frob"), (FUNC, "--socket-path"), (FUNC, "--fd", "x"),
                          (FUNC, "--socket-path", socket_path, "--fd", "0"), (FUNC, FUNC, "--socket-path", socket_path),
                          (FUNC, "--timeout", "0", "--socket-path", socket_path),
                          (FUNC, "--profile", "frob", "--socket-path", socket_path),
                          (FUNC, "--policy", "frob", "--socket-path", socket_path),
                          (f"{FUNC}={socket_path}", f"{FUNC}={socket_path}2", "--trace", self.path("t"))):
            with self.subTest(arguments=arguments):
                result = run("serve", *arguments)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertEqual(result.stdout, "")
                self.assertIn("pcigate", result.stderr)
                self.assertEqual(os.listdir(self.directory), [])

    def test_what_cannot_be(self):
        for arguments in (("sim:frob", "--socket-path", self.path("s")),
                          ("dump:/nonexistent", "--socket-path", self.path("s")),
                          (FUNC, "--socket-path", self.path("no/such/directory")),
                          (FUNC, "--socket-path", self.path("x" * 120)), (FUNC, "--fd", "987"),
                          (FUNC, "--fd", "2"), (FUNC, "--socket-path", self.path("s"), "--trace", "/nonexistent/t")):
            with self.subTest(arguments=arguments):
                result = run("serve", *arguments)
                self.assertEqual(result.returncode, 3, result.stderr)
                self.assertIn("pcigate", result.stderr)
                self.assertEqual(os.listdir(self.directory), [])

    def test_help_and_capabilities(self):
        result = run("serve", "--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for option in ("--socket-path", "--fd", "--run", "--trace", "--control", "--timeout", "--profile", "--policy"):
            self.assertIn(option, result.stdout)
        result = run("serve", "--frob", "--print-capabilities", "nonsense")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(json.loads(result.stdout)["type"], "vfio-user")

    def test_policy_reaches_the_view(self):
        server = Server(FUNC, "--profile", "raw")
        Client(server).close()
        self.assertEqual(server.stop(), 0)


class Sockets(Directory):
    def test_listening_descriptor(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path("s"))
            listener.listen()
            process = self.start(FUNC, "--fd", str(listener.fileno()), pass_fds=[listener.fileno()])
        for _ in range(2):
            client = Client(self.path("s"))
            client.info()
            client.close()
        process.terminate()
        self.assertEqual(process.wait(5), 0)
        self.assertTrue(os.path.exists(self.path("s")), "not ours to remove")

    def test_descriptor_that_is_neither(self):
        with socket.socket(socket.AF_UNIX) as nothing:
            result = run("serve", FUNC, "--fd", str(nothing.fileno()), pass_fds=[nothing.fileno()])
        self.assertEqual(result.returncode, 3)
        self.assertIn("listening or connected", result.stderr)

    def test_connected_descriptor_ends_with_its_client(self):
        ours, theirs = socket.socketpair()
        process = self.start(FUNC, "--fd", str(theirs.fileno()), pass_fds=[theirs.fileno()])
        theirs.close()
        client = Client(ours)
        client.info()
        self.assertIsNone(process.poll())
        client.close()
        self.assertEqual(process.wait(5), 0)

    def activate(self, functions, paths, pid=None):
        listeners = []
        for path in paths:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()
            listeners.append(listener)
        script = ("import os, sys\n"
                  "fds = [int(n) for n in sys.argv[1].split(',')]\n"
                  "for n, fd in enumerate(fds): os.dup2(fd, 100 + n)\n"
                  "for n in range(len(fds)): os.dup2(100 + n, 3 + n)\n"
                  "os.environ['LISTEN_FDS'] = str(len(fds))\n"
                  "os.environ['LISTEN_PID'] = sys.argv[2] or str(os.getpid())\n"
                  "os.environ['LISTEN_FDNAMES'] = ':'.join('f%d' % n for n in range(len(fds)))\n"
                  "os.execv(sys.argv[3], sys.argv[3:])\n")
        fds = [listener.fileno() for listener in listeners]
        process = subprocess.Popen(
            ["python3", "-c", script, ",".join(map(str, fds)), pid or "", PCIGATE, "serve", *functions],
            stderr=subprocess.PIPE, text=True, pass_fds=fds)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for listener in listeners:
            listener.close()
        return process

    def test_systemd_sockets(self):
        paths = [self.path("a"), self.path("b")]
        self.activate([FUNC, FUNC + ",msix=4"], paths)
        first, second = Client(paths[0]), Client(paths[1])
        self.assertEqual((first.irq_info(MSIX)[3], second.irq_info(MSIX)[3]), (32, 4))
        first.close()
        second.close()

    def test_systemd_sockets_of_another_process(self):
        process = self.activate([FUNC], [self.path("a")], pid="1")
        self.assertEqual(process.wait(5), 2)

    def test_several_functions(self):
        paths = [self.path(name) for name in ("one", "two", "three")]
        process = self.start(f"{FUNC}={paths[0]}", f"{FUNC},msix=7={paths[1]}", f"{FUNC},msix=9={paths[2]}", sockets=3)
        clients = [Client(path) for path in paths]
        self.assertEqual([client.irq_info(MSIX)[3] for client in clients], [32, 7, 9])
        for client in clients:
            client.close()
        process.terminate()
        self.assertEqual(process.wait(5), 0)
        self.assertEqual(os.listdir(self.directory), [])

    def test_mode_by_umask(self):
        process = self.start(FUNC, "--socket-path", self.path("s"), "--control", self.path("c"), umask=0o027)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("s")).st_mode), 0o750)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("c")).st_mode), 0o600)
        process.terminate()
        process.wait()


class Access(Directory):
    """Who may connect: --socket-group and --socket-mode."""

    def setUp(self):
        super().setUp()
        # One that this user may give files to, and that they do not come to by themselves.
        others = [grp.getgrnam("tty").gr_gid] if os.geteuid() == 0 else [g for g in os.getgroups() if g != os.getegid()]
        self.gid = others[0] if others else os.getegid()
        self.group = grp.getgrgid(self.gid).gr_name

    def access(self, name):
        found = os.stat(self.path(name))
        return found.st_gid, stat.S_IMODE(found.st_mode)

    def refused(self, *options, **keywords):
        result = run("serve", FUNC, *options, **keywords)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(os.listdir(self.directory), [])
        return result.stderr

    def test_group_alone(self):
        self.start(FUNC, "--socket-path", self.path("s"), "--socket-group", self.group, umask=0o077)
        self.assertEqual(self.access("s"), (self.gid, 0o660))
        client = Client(self.path("s"))
        client.info()
        client.close()

    def test_mode_alone_whatever_the_umask(self):
        for umask in (0o777, 0):
            with self.subTest(umask=umask):
                server = self.start(FUNC, "--socket-path", self.path("s"), "--socket-mode", "666", umask=umask)
                self.assertEqual(self.access("s"), (os.stat(self.directory).st_gid, 0o666))
                server.terminate()
                self.assertEqual(server.wait(5), 0)

    def test_each_of_many_but_not_the_control_socket(self):
        self.start(f"{FUNC}={self.path('s%n')}", "--each", "0-1", "--control", self.path("c"), "--socket-group",
                   self.group, "--socket-mode", "0620", sockets=2)
        self.assertEqual([self.access(name) for name in ("s0", "s1")], [(self.gid, 0o620)] * 2)
        self.assertEqual(self.access("c"), (os.stat(self.directory).st_gid, 0o600))

    def test_other_files_get_the_users_own_umask(self):
        self.start(FUNC, "--socket-path", self.path("s"), "--socket-mode", "666", "--trace", self.path("t"), umask=0o027)
        self.assertEqual(self.access("t")[1] & 0o027, 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_user(self):
        """The server's user, an ordinary one, has no part in it: the group connects."""
        self.start(FUNC, "--socket-path", self.path("s"), "--user", "nobody", "--socket-group", self.group)
        self.assertEqual(self.access("s"), (self.gid, 0o660))
        os.chmod(self.directory, 0o755)
        script = f"import socket; socket.socket(socket.AF_UNIX).connect({self.path('s')!r})"
        for groups, status in (([self.gid], 0), ([], 1)):
            done = subprocess.run(["python3", "-c", script], user="nobody", group=grp.getgrnam("nogroup").gr_gid,
                                  extra_groups=groups, check=False, capture_output=True, text=True)
            self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn("PermissionError", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root has users to become")
    def test_group_that_is_not_the_users(self):
        os.chmod(self.directory, 0o777)
        command = [PCIGATE, "serve", FUNC, "--socket-path", self.path("s"), "--socket-group", self.group]
        try:
            done = subprocess.run(command, user="nobody", group=grp.getgrnam("nogroup").gr_gid, extra_groups=[],
                                  check=False, capture_output=True, text=True, timeout=10)
        except PermissionError:
            self.skipTest("nobody cannot run the program where it was built")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("only root gives it to a group that the user is not in", done.stderr)
        self.assertEqual(os.listdir(self.directory), [])

    def test_what_cannot_be(self):
        where = ("--socket-path", self.path("s"))
        self.assertIn("there is no such group", self.refused(*where, "--socket-group", "nobody-at-all"))
        for mode in ("", "rw-rw----", "8", "0888", "1777", "-1", "0660x", "7" * 30):
            with self.subTest(mode=mode):
                self.assertIn("in octal, such as 0660", self.refused(*where, "--socket-mode", mode))

    def test_sockets_of_others_are_theirs(self):
        self.assertIn("for its command alone", self.refused("--run", "true", "--socket-mode", "660"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path("s"))
            listener.listen()
            before = self.access("s")
            result = run("serve", FUNC, "--fd", str(listener.fileno()), "--socket-group", self.group,
                         pass_fds=[listener.fileno()])
        self.assertEqual((result.returncode, self.access("s")), (2, before))
        self.assertIn("--socket-group: the socket of --fd", result.stderr)

    def test_sockets_of_systemd_are_untouched(self):
        process = Sockets.activate(self, [FUNC, "--socket-mode", "666"], [self.path("s")])
        before = self.access("s")
        self.assertEqual(process.wait(5), 2)
        self.assertIn("SocketMode=", process.stderr.read())
        self.assertEqual(self.access("s"), before)


class Neighbours(Directory):
    """Two functions in one process: what one's client does is nothing to the other's."""

    def test_descriptors_that_nobody_wants_are_their_senders_trouble(self):
        paths = [self.path(name) for name in ("one", "two")]
        self.start(*(f"{FUNC}={path}" for path in paths), sockets=2)
        good = Client(paths[0])
        self.addCleanup(good.close)
        pairs = [socket.socketpair() for _ in range(4)]
        fds = [end.fileno() for pair in pairs for end in pair] * 31
        event, memory = eventfd(), memfd(4096)
        child = os.fork()
        if child == 0:
            try:
                bad = Client(paths[1])
                while True:
                    for _ in range(20):
                        bad.send(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0), fds)
                    for _ in range(20):
                        bad.receive()
            finally:
                os._exit(0)
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, signal.SIGKILL)
        worst = 0
        end = time.monotonic() + 2
        while time.monotonic() < end:
            began = time.monotonic()
            good.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 1, fds=[event])
            good.map(0, 4096, fd=memory)
            good.unmap(0, 4096)
            worst = max(worst, time.monotonic() - began)
        self.assertLess(worst, 0.25)
        for fd in (event, memory):
            os.close(fd)
        for pair in pairs:
            for one in pair:
                one.close()

    def test_descriptors_that_take_long_to_close_are_their_senders_trouble(self):
        """Sockets that linger over data nobody reads, more than are closed aside: dropping one waits as closing does."""
        paths = [self.path(name) for name in ("one", "two")]
        self.start(*(f"{FUNC}={path}" for path in paths), sockets=2)
        good = Client(paths[0])
        self.addCleanup(good.close)
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self.linger(Client(paths[1]), tell)
            finally:
                os._exit(0)
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, signal.SIGKILL)
        os.close(tell)
        worst = 0
        sent = b""
        end = time.monotonic() + 20
        while len(sent) < 35 and time.monotonic() < end or worst == 0:
            if select.select([told], [], [], 0.005)[0]:
                sent += os.read(told, 64)
            began = time.monotonic()
            good.info()
            worst = max(worst, time.monotonic() - began)
        time.sleep(0.1)
        good.info()
        os.close(told)
        self.assertEqual(len(sent), 35)
        self.assertLess(worst, 0.5)

    @staticmethod
    def linger(client, tell):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        server.bind(("127.0.0.1", 0))
        server.listen(1000)
        accepted = []
        for _ in range(35):
            fds = []
            for _ in range(20):
                one = socket.socket()
                one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
                one.connect(server.getsockname())
                accepted.append(server.accept()[0])
                one.setblocking(False)
                try:
                    while True:
                        one.send(bytes(4096))
                except BlockingIOError:
                    fds.append(one.detach())
            # The last reference is the server's: it has the descriptors before the message is whole.
            message = client.message(GET_INFO, struct.pack("=IIIIB", 16, 0, 0, 0, 0))
            client.send_raw(message[:-1], fds)
            for fd in fds:
                os.close(fd)
            client.send_raw(message[-1:])
            os.write(tell, b".")
        signal.pause()


class Captive(Directory):
    def serve(self, command, *functions):
        return run("serve", *(functions or [FUNC]), "--run", command, env={**os.environ, "TMPDIR": self.directory})

    def test_command_finds_the_socket_and_gives_the_status(self):
        result = self.serve('test -S "$socket" && test ! -e "$socket2" && exit 7')
        self.assertEqual(result.returncode, 7, result.stderr)
        self.assertEqual(os.listdir(self.directory), [])

    def test_several(self):
        result = self.serve('test -S "$socket" && test -S "$socket2" && test "$socket" != "$socket2"', FUNC, FUNC)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_command_that_is_killed(self):
        self.assertEqual(self.serve("kill -9 $$").returncode, 128 + 9)

    def test_command_talks_to_it(self):
        script = ("import sys; sys.path.insert(0, sys.argv[1]); import vfio_user as v, os\n"
                  "print(v.Client(os.environ['socket']).info())")
        result = self.serve(f"python3 -c \"{script}\" {os.path.dirname(os.path.abspath(__file__))}")
        self.assertEqual((result.returncode, result.stdout.strip()), (0, "(16, 3, 9, 5)"), result.stderr)

    def test_signal_ends_the_command_too(self):
        process = self.start(FUNC, "--run", f"echo $$ > {self.path('pid')}; exec sleep 100",
                             env={**os.environ, "TMPDIR": self.directory})
        while not os.path.exists(self.path("pid")) or not os.path.getsize(self.path("pid")):
            time.sleep(0.01)
        with open(self.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        process.terminate()
        self.assertEqual(process.wait(5), 0)
        end = time.monotonic() + 2
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                if file.read().split()[2] == "Z":
                    break
            time.sleep(0.01)
        self.assertLess(time.monotonic(), end)
        self.assertEqual(os.listdir(self.directory), ["pid"])


class Control(Directory):
    def setUp(self):
        super().setUp()
        self.control = self.path("control")
        self.process = self.start(f"{FUNC}={self.path('a')}", f"{FUNC},msix=4,flr=never={self.path('b')}", "--control",
                                  self.control, "--timeout", "500", sockets=2)

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(7)
            client.connect(self.control)
            client.sendall(line.encode())
            answer = b""
            try:
                while data := client.recv(65536):
                    answer += data
            except ConnectionResetError:
                pass
        return answer.decode().splitlines()

    def config(self, lines):
        return bytes.fromhex("".join(line.split(":")[1] for line in lines if re.match("[0-9a-f]+: ", line)))

    def test_list(self):
        lines = self.ask("list\n")
        self.assertEqual([line for line in lines if line.startswith("function")],
                         [f"function 0 {FUNC}", f"function 1 {FUNC},msix=4,flr=never"])
        self.assertIn(f"socket {self.path('b')}", lines)
        self.assertEqual(lines.count("state ready"), 2)
        self.assertEqual(lines[-1], "ok")

    def test_both_sides(self):
        client = Client(self.path("a"))
        client.command(6)
        guest = self.config(self.ask("config 0 guest\n"))
        self.assertEqual(guest, client.read(CONFIG, 0, 4096))
        self.assertEqual(len(self.config(self.ask("config 0 host\n"))), 4096)
        self.assertIn("state serving", self.ask("config 0 guest\n"))
        client.close()

    def test_nonsense(self):
        for line in ("\n", "frob\n", "config\n", "config 2 host\n", "config 0 both\n", "config -1 host\n",
                     "config 99999999999 guest\n"):
            lines = self.ask(line)
            self.assertEqual(len(lines), 1, line)
            self.assertTrue(lines[0].startswith("error "), line)
        self.assertEqual(self.ask("x" * 1000), [])

    def test_it_stalls_no_guest(self):
        client = Client(self.path("a"))
        watchers = []
        for line in (b"", b"conf", b"config 0 host\n", b"list\n"):
            watcher = socket.socket(socket.AF_UNIX)
            watcher.connect(self.control)
            watcher.sendall(line)
            watchers.append(watcher)
        began = time.monotonic()
        for _ in range(100):
            client.read(CONFIG, 0, 4)
        self.assertLess(time.monotonic() - began, 1)
        for watcher in watchers:
            watcher.close()
        client.close()

    def test_it_waits_for_the_request_under_way(self):
        client = Client(self.path("b"))
        client.send(RESET)
        began = time.monotonic()
        lines = self.ask("config 1 host\n")
        # The reset never ends; it is given up after half a second.
        self.assertEqual(len(self.config(lines)), 4096)
        self.assertGreater(time.monotonic() - began, 0.3)
        client.close()


class Calls(Directory):
    @unittest.skipUnless(shutil.which("strace"), "strace is not there")
    def test_one_recvmsg_and_one_sendmsg_a_message(self):
        server = Server()
        self.addCleanup(server.stop)
        client = Client(server)
        client.command(2)
        log = self.path("strace")
        tracer = subprocess.Popen(["strace", "-f", "-o", log, "-p", str(server.process.pid)], stderr=subprocess.PIPE)
        tracer.stderr.readline()
        for _ in range(10):
            client.read(CONFIG, 0, 4)
            client.write(4, 0, bytes(65536))
            client.read(4, 0, 65536)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(5)
        tracer.stderr.close()
        client.close()
        with open(log, encoding="ascii", errors="replace") as file:
            calls = re.findall(r"^\d+ +(\w+)\(", file.read(), re.MULTILINE)
        self.assertEqual(calls.count("sendmsg"), 30)
        self.assertLessEqual(calls.count("recvmsg"), 50, "a write of 64 KiB may arrive in two pieces")
        self.assertEqual(set(calls) - {"sendmsg", "recvmsg", "epoll_wait", "restart_syscall"}, set())


if __name__ == "__main__":
    unittest.main()
