#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does the machine room itself work? Uses QEMU's own devices, no pcigate."""

import sys
import time

from rig import Guest, RigError, root_port

EDU = {"driver": "edu", "bus": "rp1", "id": "plugged"}


def expect(truth, what):
    print(f"{'ok' if truth else 'FAILED'}: {what}", flush=True)
    if not truth:
        sys.exit(1)


def main():
    devices = [root_port("rp1"), EDU, root_port("rp2"), {"driver": "igb", "bus": "rp2"}]
    begin = time.monotonic()
    with Guest(devices=devices, memory="shared", iommu="second-stage", files={"etc/hello": b"hi\n"}) as guest:
        expect(True, f"boots {guest.release}: {guest.boot_seconds:.1f} s, kernel {guest.uptime} s")
        expect(guest.run("cat /etc/hello").text == "hi\n", "files of a scenario")
        expect("Enabled IRQ remapping" in guest.run("dmesg | grep -i remap").text, "interrupt remapping")
        expect("DMAR: IOMMU enabled" in guest.run("dmesg").text, "DMA remapping")
        expect("1234:11e8" in guest.run("lspci -nn -s 01:00.0").text, "lspci finds the function")
        expect(guest.run("lspci -xxxx -s 02:00.0").text.count("\n") > 256, "4096 bytes by lspci -xxxx")
        expect(len(guest.run("setpci -s 02:00.0 CAP_EXP+8.w").text) == 5, "setpci")
        status = guest.run("exit 7", check=False).status
        expect(status == 7, "exit status comes back")
        data = guest.run("head -c 3000000 /dev/zero | tr '\\0' x").data
        expect(data == b"x" * 3000000, "3 MB of output")
        begin = time.monotonic()
        expect(guest.run("sleep 20", seconds=1, check=False).status == 137 and time.monotonic() - begin < 5,
               "a command past its time is ended")
        begin = time.monotonic()
        for _ in range(50):
            guest.run("true")
        expect(True, f"{(time.monotonic() - begin) * 20:.1f} ms a command")
        guest.load_driver(device=None)
        guest.run("echo 1234 11e8 > /sys/bus/pci/drivers/pci-endpoint-test/new_id")
        expect(guest.run("ls /dev/pci-endpoint-test.0").status == 0, "pci_endpoint_test loads and binds")
        ran = guest.run("pci_endpoint_selftest -f pci_ep_bar", check=False)
        expect("SKIP BAR is reserved" in ran.text, "the selftest runs (all ones as capabilities: it skips)")
        guest.device_del("plugged")
        expect(not guest.run("lspci -s 01:00.0").text, "device_del")
        guest.device_add(EDU)
        guest.wait_for("lspci -n -s 01:00.0 | grep 1234:11e8")
        expect(True, "device_add")
        guest.reboot()
        expect(guest.boots == 2, f"reboot from inside: {guest.boot_seconds:.1f} s")
        guest.system_reset()
        expect(guest.boots == 3, f"system_reset: {guest.boot_seconds:.1f} s")
        expect(guest.quit(), "quit")

    with Guest(memory="private", iommu="remap") as guest:
        text = guest.run("dmesg").text
        expect("Enabled IRQ remapping" in text and "DMAR: IOMMU enabled" not in text, "remapping alone, private memory")
        guest.port.send("run 0 30 " + "ZWNobyBjID4gL3Byb2Mvc3lzcnEtdHJpZ2dlcg==")  # echo c > /proc/sysrq-trigger
        try:
            guest.run("true")
            expect(False, "a panic is noticed")
        except RigError as error:
            expect("status 0" in str(error) or "panick" in str(error), "a panic is noticed")

    try:
        with Guest(devices=[{"driver": "no-such-device"}]):
            pass
    except RigError as error:
        expect("no-such-device" in str(error), "QEMU's own complaint is shown")
    begin = time.monotonic()
    try:
        with Guest(timeout=6) as guest:
            guest.run("sleep 60", seconds=60)
        expect(False, "the overall timeout")
    except RigError as error:
        expect("6 s in all" in str(error) and time.monotonic() - begin < 10, "the overall timeout")


if __name__ == "__main__":
    main()
