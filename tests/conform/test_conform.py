# SPDX-License-Identifier: BSD-3-Clause
"""`pcigate conform` as a program: what it prints, how it ends, and another process's function."""

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

PCIGATE = os.environ.get(
    "PCIGATE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "pcigate"))
VERSION, GET_INFO, GET_REGION_INFO, REGION_READ = 1, 4, 5, 9
CONFIG = 7
IMAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "images")
GOOD = ("sim:broken", "--profile", "raw")


def conform(*arguments):
    return subprocess.run([PCIGATE, "conform", *arguments], capture_output=True, text=True, timeout=120, check=False)


def failed(output):
    return re.findall(r"^not ok \d+ - ([^:]+):", output, re.MULTILINE)


class Output(unittest.TestCase):
    def test_tap_plan_and_summary(self):
        run = conform(*GOOD)
        lines = run.stdout.splitlines()
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertEqual(lines[0], "TAP version 13")
        results = [line for line in lines if re.match(r"(not )?ok \d", line)]
        self.assertEqual(lines[1], f"1..{len(results)}")
        self.assertEqual([int(re.search(r"\d+", line)[0]) for line in results], list(range(1, len(results) + 1)))
        self.assertRegex(lines[-1], r"^# sim:broken: \d+ pass, 0 fail, \d+ not applicable, 0 cannot tell$")

    def test_a_failure_has_evidence(self):
        run = conform("sim:broken,fault=header.revision.read-only", *GOOD[1:], "--only", "header.*")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(failed(run.stdout), ["header.revision.read-only"])
        self.assertIn("  spec: PCIe 6.0, 7.5.1.1.5\n", run.stdout)
        self.assertIn("    - write config 008/1 = fe\n", run.stdout)
        self.assertIn("    - read config 008/1 = 00\n", run.stdout)

    def test_json_says_the_same(self):
        run = conform("sim:broken,fault=rw1c.devsta.neighbour", *GOOD[1:], "--json")
        self.assertEqual(run.returncode, 1)
        report = json.loads(run.stdout)
        wrong = [c for c in report["checks"] if c["verdict"] == "fail"]
        self.assertIn("rw1c.devsta.neighbour", [c["id"] for c in wrong])
        self.assertEqual(report["summary"]["fail"], len(wrong))
        self.assertEqual(sum(report["summary"].values()), len(report["checks"]))
        self.assertIn("linux.7.1.1-rw1c-write-back", report["known_faults"])
        for check in wrong:
            self.assertTrue(check["spec"] and check["message"] and check["accesses"], check)
            self.assertTrue({"op", "side", "region", "offset", "length", "value", "error"} <= set(check["accesses"][0]))

    def test_list_has_every_check_once(self):
        entries = json.loads(conform("--list", "--json").stdout)
        ids = [entry["id"] for entry in entries]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertGreater(len(ids), 60)
        self.assertTrue(all(entry["spec"] and entry["what"] and entry["group"] for entry in entries))
        text = conform("--list").stdout
        for name in ids:
            self.assertIn(name, text)
        self.assertIn("linux.7.1.10-flr-keeps-view", text)

    def test_only_by_glob_and_by_fault(self):
        run = conform(*GOOD, "--only", "pm.*", "--only", "linux.7.1.9-*")
        self.assertEqual({name.split(".")[0] for name in re.findall(r"^ok \d+ - ([^:]+):", run.stdout, re.MULTILINE)},
                         {"pm", "aer"})

    def test_no_reset(self):
        self.assertNotIn("flr.", conform(*GOOD, "--no-reset").stdout)


class Bounded(unittest.TestCase):
    """A bound on MSI-X vectors is no fault of the function's."""

    def test_clean_at_every_bound(self):
        for profile in ("guarded", "strict"):
            for vectors in (1, 2, 2047):
                run = conform("sim:endpoint-test,msix=2048", "--profile", profile, "--policy", f"msix-vectors={vectors}")
                self.assertEqual((run.returncode, failed(run.stdout)), (0, []))

    def test_raw_keeps_none(self):
        run = conform("sim:endpoint-test", "--profile", "raw", "--policy", "msix-vectors=2")
        self.assertEqual(run.returncode, 3)
        self.assertIn("msix-vectors", run.stderr)


class Ends(unittest.TestCase):
    def test_usage(self):
        for arguments in ((), ("a", "b"), ("--no-such-option", "sim:broken"), ("sim:broken", "--profile", "none"),
                          ("sim:broken", "--only", "no.such.check")):
            self.assertEqual(conform(*arguments).returncode, 2, arguments)

    def test_cannot(self):
        for target in ("dump:/no/such/file", "sim:broken,fault=none", "vfio-user:/no/such/socket"):
            run = conform(target)
            self.assertEqual(run.returncode, 3, target)
            self.assertTrue(run.stderr.strip())
            self.assertEqual(run.stdout, "")

    def test_help(self):
        run = conform("--help")
        self.assertEqual(run.returncode, 0)
        self.assertIn("vfio-user:SOCKET", run.stdout)


class Served(unittest.TestCase):
    def setUp(self):
        directory = tempfile.mkdtemp(prefix="pcigate-test-")
        self.addCleanup(shutil.rmtree, directory)
        self.socket = os.path.join(directory, "socket")

    def serve(self, func, profile, *more):
        server = subprocess.Popen([PCIGATE, "serve", func, "--socket-path", self.socket, "--profile", profile, *more],
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        while True:
            line = server.stderr.readline()
            self.assertTrue(line, "the server ended")
            if line.startswith("listening on"):
                return

    def check(self, *arguments):
        return conform("vfio-user:" + self.socket, *arguments)


class OtherProcess(Served):
    def test_what_can_be_seen_is_clean(self):
        self.serve("sim:broken", "raw")
        run = self.check()
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertRegex(run.stdout, r"# SKIP cannot tell: the function's own side cannot be seen")

    def test_faults_show(self):
        for fault in ("header.command.reserved", "bar.size.bytewise", "express.devctl.mps-readback",
                      "msi.mask.bits-beyond-vectors", "gate.memory-off", "flr.bit-reads-zero"):
            with self.subTest(fault):
                self.serve(f"sim:broken,fault={fault}", "raw")
                run = self.check("--only", fault)
                self.assertEqual(failed(run.stdout), [fault], run.stdout)
                self.assertEqual(run.returncode, 1)
                self.doCleanups()
                self.setUp()

    def test_a_server_that_says_nothing_is_given_up(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.socket)
        listener.listen()
        run = self.check()
        self.assertEqual(run.returncode, 3)
        self.assertIn("Connection timed out", run.stderr)

    def test_a_server_that_goes_away_ends_it(self):
        def answer(connection):
            reads = 0
            header = struct.Struct("=HHIII")
            while reads < 1100:
                message = connection.recv(16, socket.MSG_WAITALL)
                if len(message) < 16:
                    break
                number, command, size, _, _ = header.unpack(message)
                body = connection.recv(size - 16, socket.MSG_WAITALL) if size > 16 else b""
                if command == VERSION:
                    body = struct.pack("=HH", 0, 0)
                elif command == GET_INFO:
                    body = struct.pack("=IIII", 16, 2, 9, 5)
                elif command == GET_REGION_INFO:
                    index = struct.unpack_from("=III", body)[2]
                    body = struct.pack("=IIIIQQ", 32, 3, index, 0, 4096 if index == CONFIG else 0, 0)
                elif command == REGION_READ:
                    reads += 1
                    body = body[:16] + bytes(struct.unpack_from("=QII", body)[2])
                else:
                    body = body[:16]
                connection.sendall(header.pack(number, command, 16 + len(body), 1, 0) + body)
            connection.close()

        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.socket)
        listener.listen()
        thread = threading.Thread(target=lambda: answer(listener.accept()[0]), daemon=True)
        thread.start()
        run = self.check()
        thread.join(10)
        self.assertEqual(run.returncode, 3, run.stdout)
        self.assertIn("Bail out!", run.stdout)
        self.assertIn("after the last check shown", run.stderr)


FABRIC = "root-port rp payload=256\nswitch sw below=rp ports=2\n" \
         "endpoint-test nic below=sw.0 vfs=4 vf-msix=4 vf-msix-pool=32 pasid=20:exec:priv ats=on pri=64\n" \
         "endpoint-test disk below=sw.1 rebar=2:1M/4M bars=auto/-/1M:mem64:prefetch\n" \
         "root-port small payload=128\nendpoint-test far below=small mps=512\n"
SPACES = ("--policy", "pasid=on", "--policy", "ats=on", "--policy", "pri=on")


class Fabric(Served):
    """Functions of a fabric, in process and behind a server."""

    def setUp(self):
        super().setUp()
        path = os.path.join(os.path.dirname(self.socket), "fabric")
        with open(path, "w", encoding="ascii") as file:
            file.write(FABRIC)
        self.fabric = f"sim:fabric,file={path},at="

    def test_clean_in_process(self):
        for name in ("nic", "nic.vf3", "disk", "far"):
            for profile in ("guarded", "strict"):
                run = conform(self.fabric + name, "--profile", profile)
                self.assertEqual((name, profile, run.returncode, failed(run.stdout)), (name, profile, 0, []))

    def test_a_served_vf_is_taken_for_one(self):
        self.serve(self.fabric + "nic.vf1", "guarded")
        run = self.check("--no-reset")
        self.assertEqual((run.returncode, failed(run.stdout)), (0, []))
        self.assertIn("# taken for a VF", run.stdout)
        report = json.loads(self.check("--json", "--only", "header.*").stdout)
        self.assertEqual((report["vf"], report["vf_by_its_registers"]), (True, True))
        run = self.check("--vf", "--only", "header.*")
        self.assertEqual((run.returncode, "taken for a VF" in run.stdout), (0, False))
        run = self.check("--no-vf", "--only", "header.*")
        self.assertIn("header.line.readback", failed(run.stdout))

    def test_a_served_pf_is_none(self):
        self.serve(self.fabric + "nic", "guarded")
        run = self.check("--no-reset")
        self.assertEqual((run.returncode, failed(run.stdout)), (0, []))
        self.assertNotIn("taken for a VF", run.stdout)

    def test_what_a_client_that_speaks_is_shown(self):
        func = self.fabric + "nic.vf1"
        self.assertRegex(conform(func, *SPACES, "--only", "pasid.*").stdout, r"# SKIP not applicable: no such capab")
        run = conform(func, *SPACES, "--pasid", "--only", "p*", "--only", "ats.*")
        self.assertRegex(run.stdout, r"(?m)^ok \d+ - pasid.enable.honest: [^#]*$")
        self.assertRegex(run.stdout, r"(?m)^ok \d+ - pri.status.stopped: [^#]*$")
        self.assertEqual(run.returncode, 0)
        self.serve(func, "guarded", *SPACES)
        run = self.check("--pasid", "--only", "p*", "--only", "ats.*", "--only", "flr.pasid")
        self.assertRegex(run.stdout, r"(?m)^ok \d+ - pri.enable.honest: [^#]*$")
        self.assertRegex(run.stdout, r"(?m)^ok \d+ - flr.pasid: [^#]*$")
        self.assertEqual(run.returncode, 0)

    def test_who_offers_none_says_so(self):
        self.assertIn("--policy pasid=on", conform(self.fabric + "nic", "--pasid").stderr)
        for more in (("--pasid",), ("--policy", "pasid=force")):
            run = conform(self.fabric + "nic", "--profile", "raw", *more)
            self.assertEqual(run.returncode, 3)
            self.assertIn("raw", run.stderr)
        self.serve("sim:broken", "raw")
        run = self.check("--pasid")
        self.assertEqual(run.returncode, 3)
        self.assertIn("offers no PASIDs", run.stderr)

    def test_a_guest_is_shown_no_sriov(self):
        for profile in ("guarded", "strict"):
            report = json.loads(conform(self.fabric + "nic", "--profile", profile, "--json").stdout)
            verdicts = {check["id"]: check["verdict"] for check in report["checks"]}
            self.assertEqual(verdicts["sriov.counts.legal"], "not applicable")
            self.assertEqual(verdicts["hidden.body.closed"], "pass")
        report = json.loads(conform(self.fabric + "nic", "--profile", "raw", "--json").stdout)
        self.assertEqual({check["verdict"] for check in report["checks"] if check["id"] == "sriov.counts.legal"},
                         {"pass"})

    def test_under_linux_every_failure_has_a_name(self):
        vf = "sim:endpoint-test,vfs=2,vf=1,ats=on"
        for func in (self.fabric + "nic", self.fabric + "nic.vf1", self.fabric + "disk", vf, vf + ",detached=on"):
            report = json.loads(conform(func, "--profile", "linux", "--json").stdout)
            self.assertEqual([check["id"] for check in report["checks"]
                              if check["verdict"] == "fail" and not check["known"]], [], func)

    def test_hardware_itself(self):
        """A PF is clean; of a VF there is missing what whoever shows it to a guest makes up."""
        self.assertEqual(failed(conform(self.fabric + "nic", "--profile", "raw").stdout), [])
        self.assertEqual(failed(conform(self.fabric + "nic.vf0", "--profile", "raw").stdout),
                         ["header.vendor.present", "bar.unimplemented.zero", "msix.table.place", "msix.pba.place"])


class Interrupted(Served):
    """A signal half-way: what a check has changed is put back, then the program ends by it."""

    def read_all(self):
        """Configuration space, as another client meets it."""
        header = struct.Struct("=HHIII")
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(self.socket)
            for command, body in ((VERSION, struct.pack("=HH", 0, 0)),
                                  (REGION_READ, struct.pack("=QII", 0, CONFIG, 4096))):
                client.sendall(header.pack(1, command, 16 + len(body), 0, 0) + body)
                size = header.unpack(client.recv(16, socket.MSG_WAITALL))[2]
                data = client.recv(size - 16, socket.MSG_WAITALL)
        finally:
            client.close()
        return data[16:]

    def interrupt(self, number, *arguments):
        run = subprocess.Popen([PCIGATE, "conform", "vfio-user:" + self.socket, *arguments], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        # The checks of power states and resets wait: the signal comes in the middle of one.
        seen = []
        for line in run.stdout:
            seen.append(line)
            if " pm.unsupported-state-discarded:" in line or " flr.bit-reads-zero:" in line:
                time.sleep(0.05)
                run.send_signal(number)
                break
        out, errors = run.communicate(timeout=30)
        self.assertEqual(run.returncode, -number, errors)
        return "".join(seen) + out, errors

    def test_put_back(self):
        for number, only in ((signal.SIGINT, "pm.*"), (signal.SIGTERM, "flr.*"), (signal.SIGHUP, "pm.*")):
            with self.subTest(number):
                self.serve("sim:broken", "raw")
                before = self.read_all()
                out, errors = self.interrupt(number, "--only", only)
                self.assertIn("Bail out! interrupted; the function is put back", out)
                self.assertIn("interrupted", errors)
                self.assertNotIn("not ok", out)
                self.assertEqual(self.read_all(), before)
                self.doCleanups()
                self.setUp()

    def test_a_whole_run_leaves_nothing(self):
        self.serve("sim:broken", "raw")
        before = self.read_all()
        self.assertEqual(self.check("--no-reset").returncode, 0)
        after = bytearray(self.read_all())
        after[0x4a:0x50] = before[0x4a:0x50]  # what Vital Product Data last read
        self.assertEqual(bytes(after), before)


class Profiles(unittest.TestCase):
    """The kernel's faults by name, on a function that has all it takes to show them."""

    SHOWN = {
        "linux.7.1.1-rw1c-write-back", "linux.7.1.1-status-not-clearable", "linux.7.1.2-msi-control",
        "linux.7.1.4-hidden-open", "linux.7.1.8-host-addresses", "linux.7.1.9-aer-to-hardware",
        "linux.7.1.10-flr-keeps-view", "linux.7.1.11-inert", "linux.7.1.12-link-control",
        "linux.7.1b.2-msi-flags-rewritten", "linux.1.6-msix-control", "linux.1.6-msi-reserved-bits",
        "linux.1.6-vendor-open", "linux.2.1-not-gated", "linux.1.4-lost-enable", "linux.7.1.2-msi-not-put-back",
        "linux.7.1.5-unchecked", "linux.7.1.14-guest-writable", "linux.7.1b.9-next-low-bits",
    }

    def test_linux(self):
        corpus = os.environ.get("PCI_CORPUS")
        if corpus is None:
            self.skipTest("no corpus: set PCI_CORPUS")
        if conform("sim:broken", "--profile", "linux", "--only", "header.vendor.present").returncode == 2:
            self.skipTest("this build has no profile linux")
        seen = set()
        zoo = os.path.join(corpus, "qemu", "zoo.txt")
        rebar = os.path.join(corpus, "pciutils", "cap-dvsec-cxl")
        twisted = os.path.join(corpus, "pciutils", "broken-ecaps")
        for func in (f"dump:{zoo}@0000:01:00.0", f"dump:{zoo}@0000:02:00.0", f"dump:{rebar}@6b:00.0",
                     f"dump:{twisted}@00:00.0", f"dump:{os.path.join(corpus, 'pciutils', 'cap-rebar')}@09:00.0"):
            run = conform(func, "--profile", "linux", "--json")
            self.assertEqual(run.returncode, 1)
            seen |= set(json.loads(run.stdout)["known_faults"])
        self.assertEqual(self.SHOWN - seen, set())

    def test_a_hidden_first_header_that_borrows_anothers_rules(self):
        with open(os.path.join(IMAGES, "synth-12-hidden-ends.txt"), encoding="ascii") as file:
            text = re.sub(r"^100: .. ..", "100: fe 01", file.read(), flags=re.MULTILINE)
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as image:
            image.write(text)
            image.flush()
            known = json.loads(conform(f"dump:{image.name}", "--profile", "linux", "--json").stdout)["known_faults"]
            self.assertIn("linux.7.1.7-id-in-a-byte", known)
            self.assertEqual(conform(f"dump:{image.name}", "--profile", "guarded").returncode, 0)


if __name__ == "__main__":
    unittest.main()
