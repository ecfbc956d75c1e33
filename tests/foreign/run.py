# SPDX-License-Identifier: BSD-3-Clause
"""Run the unit and property tests of a cross build under qemu-user, as TAP: run.py BUILD QEMU ROOT

Tests that need what qemu-user does not have are named here, with the reason, and count as skipped if they fail.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import resource
import subprocess
import sys

LIMIT = 400  # seconds for one program
# The emulator keeps a word for every page that is mapped: tests that map terabytes would fill the machine's memory.
ADDRESS_SPACE = 16 << 30
NAME = re.compile(r"^(?P<bad>not )?ok \d+ (?:- (?P<name>\S+)|# SKIP (?P<skip>\S+))")
CANNOT = {
    ("dma", "huge_pages_fail_cleanly"): "qemu-user does not map files of huge pages",
    ("dma", "mappings_are_bounded_in_bytes"): "qemu-user cannot map so much",
    ("firmware", "test_every_bar_is_reached"): "qemu-user cannot map so much",
}


def programs(build):
    """Unit and property tests as Meson knows them, with their environment and folder."""
    text = subprocess.run(["meson", "introspect", str(build), "--tests"], capture_output=True, text=True, check=True)
    for test in json.loads(text.stdout):
        path = pathlib.Path(test["cmd"][-1])
        suite = test["suite"][0].split(":")[-1]
        if suite in ("unit", "property") and path.is_relative_to(build / "tests") and os.access(path, os.X_OK):
            yield test["name"], path, test["env"], test["workdir"] or build


def run(test, build, emulator):
    """Returns [name, None or what went wrong, reason to skip or None] of each test of one program."""
    program, path, more, folder = test
    shim = build / "tests" / "foreign" / "libown_memory.so"
    # Emulated, a twentieth of the speed: fewer generated images, the whole corpus.
    env = {"PROPERTY_ROUNDS": "20", **os.environ, **more}
    command = [*emulator, "-E", f"LD_PRELOAD={shim}", str(path)]

    def bounded():
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))

    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT, env=env,
                              check=False, preexec_fn=bounded, cwd=folder)
    except subprocess.TimeoutExpired:
        return [[program, [f"did not end within {LIMIT} s"], None]]
    results = []
    for line in done.stdout.splitlines():
        found = NAME.match(line)
        if found and found["skip"]:
            results.append([f"{program}: {found['skip']}", None, "the test says so"])
        elif found:
            reason = CANNOT.get((program, found["name"])) if found["bad"] else None
            results.append([f"{program}: {found['name']}", [] if found["bad"] and not reason else None, reason])
        elif results and results[-1][1] is not None and line.startswith("# "):
            results[-1][1].append(line[2:])
    if sum(int(count) for count in re.findall(r"(?m)^1\.\.(\d+)", done.stdout)) != len(results) or not results:
        results.append([f"{program}: runs to its end", [f"status {done.returncode}", *done.stderr.splitlines()[-5:]],
                        None])
    return results


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    build, emulator = pathlib.Path(sys.argv[1]).resolve(), [sys.argv[2], "-L", sys.argv[3]]
    number = bad = 0
    print("TAP version 13")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for results in pool.map(lambda test: run(test, build, emulator), programs(build)):
            for name, trouble, reason in results:
                number += 1
                bad += trouble is not None
                print(f"{'ok' if trouble is None else 'not ok'} {number} - {name}" +
                      (f" # SKIP {reason}" if reason else ""))
                print("".join(f"# {line}\n" for line in trouble or []), end="", flush=True)
    print(f"1..{number}")
    sys.exit(1 if bad or not number else 0)


main()
