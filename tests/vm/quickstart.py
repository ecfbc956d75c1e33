# SPDX-License-Identifier: BSD-3-Clause
"""What ./quickstart shows: one function, one guest, and both sides of its registers. It is called by that script."""

import json
import os
import subprocess
import sys
import time

import selftest
from rig import TREE, Guest, RigError, Server, pcigate, root_port, vfio_user

FUNCTION = "sim:endpoint-test,payload=256,msix=64"
SLOT = "01:00.0"
# Linux then fits payload and request sizes to what the virtual path offers: it makes both 128 bytes.
CMDLINE = "pci=pcie_bus_perf"

# Rows of the tests' table: what they do, and which of the selftest's they are.
ROWS = (
    ("BAR 0-5, each written and read back", tuple(f"pci_ep_bar.BAR{n}.BAR_TEST" for n in range(6))),
    ("all BARs, then all of them read back", ("pci_ep_basic.CONSECUTIVE_BAR_TEST",)),
    ("INTx", ("pci_ep_basic.LEGACY_IRQ_TEST",)),
    ("MSI", ("pci_ep_basic.MSI_TEST",)),
    ("MSI-X", ("pci_ep_basic.MSIX_TEST",)),
    *((f"DMA: the function {what}", tuple(f"pci_ep_data_transfer.{how}.{test}_TEST" for how in ("memcpy", "dma")))
      for what, test in (("reads, 1 to 1024001 bytes", "READ"), ("writes", "WRITE"), ("copies", "COPY"))),
    ("BAR sub-ranges", tuple(f"pci_ep_bar.BAR{n}.BAR_SUBRANGE_TEST" for n in range(6))),
    ("doorbell", ("pcie_ep_doorbell.DOORBELL_TEST",)),
)

# Lines of lspci -vv that a reader wants first; the rest is detail.
EXCERPT = ("Control:", "Region", "Kernel driver", "Capabilities:", "DevCap:", "MaxPayload", "Address:", "Vector table:",
           "PBA:", "Interrupt:")


def say(text):
    begin = int(os.environ.get("PCIGATE_START", time.time()))
    print(f"[{int(time.time()) - begin:4d}s] {text}", file=sys.stderr, flush=True)


def title(text):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def show_lspci(guest):
    title(f"Inside the guest: lspci -vv -s {SLOT}")
    lines = guest.run(f"lspci -vv -s {SLOT}").text.splitlines()
    print(lines[0])
    for line in lines[1:]:
        if any(word in line for word in EXCERPT):
            print(line.expandtabs(4).rstrip())


def show_selftest(outcomes):
    title("Inside the guest: Linux's own tests of the function (tools/testing/selftests/pci_endpoint)")
    known = {name for _, names in ROWS for name in names}
    for what, names in (*ROWS, *((name, (name,)) for name in outcomes if name not in known)):
        here = [outcomes[name] for name in names if name in outcomes]
        states = {outcome.state for outcome in here} or {"fail"}
        word = "FAILED" if "fail" in states else "pass" if "pass" in states else "skip"
        note = ", ".join(f"{outcome.vectors} vectors" for outcome in here if outcome.vectors is not None)
        if word == "skip":
            note = next(outcome.reason for outcome in here)
        print(f"  {word:<7} {what}{': ' if note else ''}{note}")
        for outcome in here:
            if outcome.state == "fail":
                print(f"          {outcome.name}: {outcome}")
    if not outcomes.complete:
        print("  FAILED  the selftest did not come to its end")


def differences(server):
    """As `pcigate diff` finds them: 0 nothing differs, 1 something does."""
    done = subprocess.run([pcigate(), "diff", "--json", "live:" + server.control], stdout=subprocess.PIPE, text=True,
                          timeout=30, check=False)
    if done.returncode not in (0, 1):
        raise RigError(f"pcigate diff ended with status {done.returncode}")
    return json.loads(done.stdout)["differences"]


def in_guest(guest, row):
    """What setpci in the guest reads there."""
    letter = {1: "b", 2: "w", 4: "l"}[row["width"]]
    return int(guest.run(f"setpci -s {SLOT} {row['offset']:x}.{letter}").text, 16)


def show_registers(guest, server):
    """The table; returns (what hardware has, what the guest has) of DEVCTL."""
    title("The same registers, from both sides")
    rows = differences(server)
    # One that agrees would be no row, and payload and request size are what this table is about.
    devctl = next((row for row in rows if row["name"] == "DEVCTL"), None)
    rows.sort(key=lambda row: (row is not devctl, row["offset"]))
    print(f"  {'setpci calls it':<17} {'register':<21} {'function':>12} {'guest':>12}")
    for row in rows:
        guest_value = in_guest(guest, row)
        host, inside = (format(value, f"0{2 * row['width']}x") for value in (row["host"], guest_value))
        print(f"  {row['setpci']:<17} {row['name']:<21} {host:>12} {inside:>12}")
        if row is devctl:
            for name, shift in (("MaxPayload", 5), ("MaxReadReq", 12)):
                sizes = [f"{128 << (value >> shift & 7)} bytes" for value in (row["host"], guest_value)]
                print(f"  {'':<17} {name:<21} {sizes[0]:>12} {sizes[1]:>12}")
            devctl["guest"] = guest_value
    return (devctl["host"], devctl["guest"]) if devctl else None


def check_sizes(devctl):
    """What has to hold, whatever the numbers are."""
    if devctl is None:
        return ["DEVCTL is the same on both sides: the payload size did not differ"]
    host, guest = devctl
    found = []
    if host >> 5 & 7 != 1:
        found.append("the function's payload size is no longer 256 bytes")
    if host >> 12 & 7 < host >> 5 & 7:
        found.append("the function's read requests are below its payload size")
    if guest >> 5 & 7 == host >> 5 & 7:
        found.append("the guest's payload size is the function's")
    return found


def show_rest():
    title("What this did not show")
    print("  KVM, VFIO and real hardware: the function is simulated, the guest's CPU emulated, and time means nothing.\n"
          "  Guest memory without sharing, a virtual IOMMU that translates DMA, reboots, hot-plug: ./check does those.")
    title("What to try next")
    relative = os.path.relpath(pcigate(), os.getcwd())
    function = {"driver": "vfio-user-pci", "bus": "rp1", "socket": {"path": "/tmp/function.sock", "type": "unix"}}
    print("  a function in one terminal, and what its guest would see of it in another:\n"
          f"    {relative} serve sim:endpoint-test --socket-path /tmp/function.sock --control /tmp/control\n"
          f"    {relative} inspect live:/tmp/control -vv\n"
          "  a guest on it; it boots into nothing, add a disk of yours or an initramfs:\n"
          f"    {os.environ['PCIGATE_QEMU']} -M q35,memory-backend=ram -m 1G -nographic \\\n"
          "      -object memory-backend-memfd,id=ram,size=1G,share=on -device pcie-root-port,id=rp1 \\\n"
          f"      -device '{json.dumps(function)}' \\\n"
          f"      -kernel {os.environ['PCIGATE_GUEST']}/kernel -append console=ttyS0 …\n"
          "  your own machine's functions: lspci -vvxxxx > machine.txt, and serve dump:machine.txt@BUS:DEVICE.FUNCTION\n"
          "  every test: ./check")


def main():
    os.chdir(TREE)
    say(f"serving {FUNCTION}")
    with Server(FUNCTION) as server:
        say(f"booting Linux on it: behind a pcie-root-port, {CMDLINE}, no KVM")
        with Guest(devices=[root_port("rp1"), vfio_user(server.socket, bus="rp1")], iommu="remap",
                   cmdline=CMDLINE) as guest:
            say(f"Linux {guest.release} is up after {guest.boot_seconds:.1f} s; loading pci_endpoint_test")
            guest.load_driver()
            say("running the driver's tests")
            outcomes = selftest.run(guest)
            show_lspci(guest)
            show_selftest(outcomes)
            wrong = check_sizes(show_registers(guest, server))
            print("\n  The function's own payload size stays what the machine's firmware made it, 256 bytes. The guest\n"
                  "  sees a virtual port that takes 128, and makes 128 of both sizes; of that the function gets read\n"
                  "  requests of 256, as it must take completions of 256 anyway.")
            wrong += [f"test {name}" for name in outcomes.failed()]
            if not outcomes.complete:
                wrong.append("the selftest")
            show_rest()
    for text in wrong:
        print(f"\nFAILED: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RigError as error:
        sys.exit(f"quickstart: {error}")
