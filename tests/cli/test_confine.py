# SPDX-License-Identifier: BSD-3-Clause
"""What `pcigate serve` gives up before the first client, its systemd units, and its manual."""

import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from program import *

sys.path.insert(0, os.path.join(HERE, "..", "protocol"))
from vfio_user import Client

FUNC = "sim:endpoint-test"
USER = "nobody"
UNITS = os.path.join(ROOT, "data", "systemd")
MANUALS = [os.path.join(ROOT, "man", name) for name in ("pcigate.1", "pcigate-serve.1")]
CAPABILITIES = json.loads(run("serve", "--print-capabilities").stdout)
DEFAULT = re.search(r"--seccomp .*\((\w+)\)", run("serve", "--help").stdout).group(1)


CAP_SYS_RESOURCE = 24
with open("/proc/self/status", encoding="ascii") as status_file:
    OWN = dict(line.rstrip("\n").split(":\t", 1) for line in status_file if ":\t" in line)
CAN_RAISE = int(OWN["CapEff"], 16) >> CAP_SYS_RESOURCE & 1


def only_root(test):
    return unittest.skipUnless(os.geteuid() == 0, "only root can become another user")(test)


def need(tool):
    found = shutil.which(tool)
    if not found:
        raise unittest.SkipTest(f"there is no {tool} on this machine")
    return found


class Confine(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "socket")

    def start(self, *options, func=FUNC, listening=True, **keywords):
        """A server that listens; it is confined when it has answered a client."""
        how = ["--socket-path", self.path] if listening else []
        server = subprocess.Popen([PCIGATE, "serve", func, *how, *options], stderr=subprocess.PIPE, text=True,
                                  **keywords)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        line = server.stderr.readline()
        while line and not line.startswith("listening on"):
            line = server.stderr.readline()
        self.assertTrue(line, "the server ended")
        return server

    def client(self):
        client = Client(self.path)
        self.addCleanup(client.close)
        self.assertEqual(client.info()[2:], (9, 5))
        return client

    def threads(self, server):
        """/proc/PID/status of each thread."""
        found = []
        for thread in os.listdir(f"/proc/{server.pid}/task"):
            with open(f"/proc/{server.pid}/task/{thread}/status", encoding="ascii") as file:
                found.append(dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line))
        return found

    def fails(self, *options, status=2):
        done = run("serve", FUNC, "--socket-path", self.path, *options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertFalse(os.path.exists(self.path))
        return done.stderr


class Rights(Confine):
    def check(self, server, filtered=DEFAULT != "none"):
        for status in self.threads(server):
            self.assertEqual(status["NoNewPrivs"], "1")
            # Whoever runs the tests may be under a filter already.
            self.assertEqual(status["Seccomp"], "2" if filtered else OWN["Seccomp"])
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, name)

    def test_capabilities_and_filter(self):
        server = self.start()
        self.client()
        self.check(server)

    def test_filters_by_name(self):
        for name, filtered in (("none", False), ("log", True), ("kill", True)):
            if filtered and DEFAULT == "none":
                continue # an instrumented build need not work under one
            with self.subTest(name):
                server = self.start("--seccomp", name)
                self.client().close()
                self.check(server, filtered)
                server.terminate()
                self.assertEqual(server.wait(10), 0)
        self.assertIn("give kill, log or none", self.fails("--seccomp", "maybe"))

    @only_root
    def test_user(self):
        server = self.start("--user", USER)
        self.client()
        self.check(server)
        user = pwd.getpwnam(USER)
        for status in self.threads(server):
            self.assertEqual(status["Uid"].split(), [str(user.pw_uid)] * 4)
            self.assertEqual(status["Gid"].split(), [str(user.pw_gid)] * 4)
            self.assertEqual(status["Groups"].split(), [])
        server.terminate()
        self.assertEqual(server.wait(10), 0)
        # It may not remove the socket: nothing is said of that, and the next one that comes takes it away.
        self.assertEqual(server.stderr.read(), "")
        self.assertTrue(os.path.exists(self.path))
        self.start()
        self.client()

    @only_root
    def test_user_that_cannot_be(self):
        self.assertIn("there is no such user", self.fails("--user", "nobody-at-all"))
        self.assertIn("name an ordinary user", self.fails("--user", "root"))
        done = run("serve", FUNC, "--run", "true", "--user", USER)
        self.assertEqual(done.returncode, 2)
        self.assertIn("could not end it", done.stderr)

    @only_root
    def test_user_when_not_root(self):
        user = pwd.getpwnam(USER)
        if subprocess.run([PCIGATE, "--version"], user=user.pw_uid, group=user.pw_gid, check=False,
                          capture_output=True).returncode != 0:
            self.skipTest(f"{USER} cannot run the program where it was built")
        done = run("serve", FUNC, "--socket-path", self.path, "--user", USER, user=user.pw_uid, group=user.pw_gid)
        self.assertEqual(done.returncode, 2)
        self.assertIn("only root can become another user", done.stderr)

    @only_root
    @unittest.skipUnless(CAN_RAISE, "this root may not raise limits")
    def test_what_may_be_locked_stays(self):
        server = self.start("--user", USER, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_MEMLOCK, (65536, 65536)))
        self.client()
        with open(f"/proc/{server.pid}/limits", encoding="ascii") as file:
            limit = next(line for line in file if line.startswith("Max locked memory"))
        self.assertEqual(limit.split()[3:5], ["unlimited", "unlimited"])

    def test_it_says_what_it_can(self):
        self.assertLessEqual({"seccomp", "user"}, set(CAPABILITIES["features"]))


class Command(Confine):
    def test_a_command_is_not_confined(self):
        """Nor does it lose what it inherited, while the server does."""
        kept, out = os.pipe()
        self.addCleanup(os.close, kept)
        script = (f"grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/self/status >&{out}; "
                  f"test -S $socket && echo socket >&{out}")
        with open("/proc/self/status", encoding="ascii") as file:
            own = [line for line in file if re.match("(NoNewPrivs|Seccomp|CapEff):", line)]
        done = run("serve", FUNC, "--run", script, pass_fds=[out])
        os.close(out)
        self.assertEqual(done.returncode, 0, done.stderr)
        with os.fdopen(os.dup(kept)) as file:
            lines = file.readlines()
        self.assertEqual(sorted(lines), sorted(own + ["socket\n"]))

    def test_it_is_ended_from_under_the_filter(self):
        stubborn = "trap '' TERM; echo up; while :; do sleep 0.1; done"
        server = subprocess.Popen([PCIGATE, "serve", FUNC, "--run", stubborn], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertEqual(server.stdout.readline(), "up\n")
        server.terminate()
        time.sleep(0.3)
        server.terminate()
        self.assertEqual(server.wait(10), 0)


class Descriptors(Confine):
    def links(self, server):
        found = {}
        for fd in os.listdir(f"/proc/{server.pid}/fd"):
            found[int(fd)] = os.readlink(f"/proc/{server.pid}/fd/{fd}")
        return found

    def test_what_nobody_named_is_closed(self):
        secret = os.open(self.directory, os.O_RDONLY)
        self.addCleanup(os.close, secret)
        server = self.start(pass_fds=[secret])
        self.client()
        self.assertNotIn(self.directory, self.links(server).values())

    def test_handed_in_is_kept(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.listen()
        server = self.start("--fd", str(listener.fileno()), listening=False, pass_fds=[listener.fileno()])
        self.client()
        self.assertIn(listener.fileno(), self.links(server))

    def test_sockets_of_a_service_manager_are_kept(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.listen()
        script = f"exec 3<&{listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec {PCIGATE} serve {FUNC}"
        server = subprocess.Popen(["bash", "-c", script], stderr=subprocess.PIPE, text=True,
                                  pass_fds=[listener.fileno()])
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertIn("listening on descriptor 3", server.stderr.readline())
        self.client()
        links = self.links(server)
        self.assertIn(3, links)
        self.assertEqual(list(links.values()).count(links[3]), 1)

    def test_a_dump_from_a_pipe(self):
        """dump:/dev/fd/N, as a shell's <(…) gives it, has been read by then."""
        name = os.path.join(self.directory, "function")
        write_function(name)
        reading, writing = os.pipe()
        with open(name, "rb") as file, os.fdopen(writing, "wb") as pipe:
            pipe.write(file.read())
        pipe = os.readlink(f"/proc/self/fd/{reading}")
        server = self.start(func=f"dump:/dev/fd/{reading}", pass_fds=[reading])
        os.close(reading)
        self.client()
        self.assertNotIn(pipe, self.links(server).values())


class Works(Confine):
    """What a confined server does for others than its clients."""

    def test_trace_control_and_several_functions(self):
        trace, control = (os.path.join(self.directory, name) for name in ("t.gz", "c"))
        server = self.start("--trace", trace, "--control", control)
        client = self.client()
        self.assertEqual(run("inspect", f"live:{control}").returncode, 0)
        client.close()
        server.terminate()
        self.assertEqual(server.wait(10), 0)
        self.assertFalse(os.path.exists(self.path) or os.path.exists(control))
        self.assertEqual(run("replay", FUNC, trace).returncode, 0)

    @unittest.skipIf(DEFAULT == "none", "an instrumented build is under no filter")
    def test_nothing_was_refused(self):
        """One client after the other, each of which leaves a function to be made as new."""
        server = self.start()
        for _ in range(3):
            client = self.client()
            client.close()
        server.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(10), 0)


class Filter(unittest.TestCase):
    """A request that the filter does not know ends the server on the day that somebody needs it."""

    # Made before anybody is let in, and never again.
    OPENING = {"VFIO_CHECK_EXTENSION", "VFIO_GROUP_GET_STATUS", "VFIO_GROUP_SET_CONTAINER", "VFIO_SET_IOMMU"}

    def test_it_knows_the_requests_of_the_sources(self):
        made = set()
        for room in ("host", "serve", "dma"):
            for folder, _, names in os.walk(os.path.join(ROOT, "src", room)):
                for name in names:
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        made |= set(re.findall(r"\bioctl\([^,()]+, ([A-Z][A-Z0-9_]+)", file.read()))
        with open(os.path.join(ROOT, "src", "cli", "filter.c"), encoding="utf-8") as file:
            known = set(re.findall(r'\{ "\w+", (\w+) \}', file.read()))
        self.assertLessEqual({"VFIO_DEVICE_RESET", "SIOCINQ", "UAPI_IOAS_COPY"}, made)
        self.assertEqual(made - known - self.OPENING, set())


class Units(unittest.TestCase):
    """The units that ship, as systemd reads them."""

    def setUp(self):
        self.analyze = need("systemd-analyze")
        self.directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        program = os.path.dirname(os.path.abspath(PCIGATE))
        with open(os.path.join(UNITS, "pcigate@.service.in"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("ExecStart=@bindir@/pcigate serve ", text)
        self.service = os.path.join(self.directory, "pcigate@.service")
        with open(self.service, "w", encoding="utf-8") as file:
            file.write(text.replace("@bindir@", program))
        self.socket = shutil.copy(os.path.join(UNITS, "pcigate@.socket"), self.directory)

    def run_analyze(self, *arguments):
        return subprocess.run([self.analyze, *arguments], capture_output=True, text=True, check=False, timeout=60)

    def test_verify(self):
        for unit in (self.service, self.socket):
            done = self.run_analyze("verify", "--man=no", unit)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), unit)

    def test_verify_finds_mistakes(self):
        """Else the test above would show nothing."""
        with open(self.service, "a", encoding="utf-8") as file:
            file.write("NoSuchSetting=yes\n")
        self.assertIn("NoSuchSetting", self.run_analyze("verify", "--man=no", self.service).stderr)

    def test_exposure(self):
        done = self.run_analyze("security", "--offline=true", self.service)
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
        if not found:
            self.skipTest("this systemd-analyze does not judge units offline")
        print(f"# exposure {found.group(1)} of 10")
        self.assertLessEqual(float(found.group(1)), 1.0)

    def calls(self, group):
        """The system calls of one of systemd's groups."""
        found = set()
        for line in self.run_analyze("syscall-filter", group).stdout.split("\n")[1:]:
            name = line.strip()
            if name.startswith("@"):
                found |= self.calls(name)
            elif name and not name.startswith("#"):
                found.add(name)
        return found

    def test_the_unit_allows_what_the_program_allows(self):
        allowed = self.calls("@default")
        if not allowed:
            self.skipTest("this systemd-analyze does not tell what its groups are")
        with open(self.service, encoding="utf-8") as file:
            for invert, words in re.findall(r"^SystemCallFilter=(~?)(.*)$", file.read(), re.M):
                for word in words.split():
                    names = self.calls(word) if word.startswith("@") else {word}
                    self.assertTrue(names, word)
                    allowed = allowed - names if invert else allowed | names
        with open(os.path.join(ROOT, "src", "cli", "filter.c"), encoding="utf-8") as file:
            text = file.read()
        lists = re.findall(r"static const char \*const \w+\[\] = \{(.*?)\};", text, re.S)
        wanted = {name for part in lists for name in re.findall(r'"(\w+)"', part)}
        wanted |= set(re.findall(r'\{ "(\w+)", \d, ', text)) | {"ioctl", "seccomp", "prctl", "capget"}
        self.assertLessEqual({"recvmsg", "socket", "tgkill", "kill"}, wanted)
        self.assertEqual(wanted - allowed, set())

    def test_what_the_units_and_the_rule_agree_on(self):
        with open(self.service, encoding="utf-8") as file:
            service = file.read()
        with open(self.socket, encoding="utf-8") as file:
            listener = file.read()
        with open(os.path.join(UNITS, "pcigate.sysusers"), encoding="utf-8") as file:
            made = set(re.findall(r"^[ug] (\S+)", file.read(), re.M))
        with open(os.path.join(UNITS, "70-pcigate.rules"), encoding="utf-8") as file:
            owners = set(re.findall(r'GROUP="(\S+)"', file.read()))
        self.assertEqual(owners, {re.search(r"^Group=(\S+)", service, re.M).group(1)})
        clients = re.search(r"^SocketGroup=(\S+)", listener, re.M).group(1)
        self.assertEqual(made, owners | {clients})
        self.assertNotIn(clients, owners)


class Manual(unittest.TestCase):
    def test_lint(self):
        mandoc = need("mandoc")
        for manual in MANUALS:
            done = subprocess.run([mandoc, "-Tlint", "-Wwarning", manual], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_it_has_the_options_that_there_are(self):
        with open(MANUALS[1], encoding="utf-8") as file:
            text = file.read()
        described = set(re.findall(r"^\.It Fl -([a-z-]+)", text, re.M)) - {"help"}
        usage = run("serve", "--help").stdout
        offered = set(re.findall(r"^  --([a-z-]+)", usage, re.M)) | set(re.findall(r"; --([a-z-]+):", usage))
        self.assertEqual(described, offered)

    def test_it_has_the_verbs_that_there_are(self):
        with open(MANUALS[0], encoding="utf-8") as file:
            described = re.findall(r"^\.It Cm ([a-z]+)$", file.read(), re.M)
        offered = re.findall(r"^  ([a-z]+)  ", run("--help").stdout, re.M)
        self.assertEqual(described, offered)
