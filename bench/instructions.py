# SPDX-License-Identifier: BSD-3-Clause
"""Instructions of a configuration access, counted by callgrind: instructions.py [--tap | --skip WHY] PROGRAM

PROGRAM is pcigate-instructions. From the first instruction of pcg_function_submit() to its last, whatever the backend
does left out: counting stops in the harness's hardware_…(), which all calls of the backend go through. --tap: one test
for each figure that has a target, instead of the table; --skip: says why they are not run.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

IMAGES = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "images"
FULL, SMALL = IMAGES / "synth-07-sriov-pf.txt", IMAGES / "synth-02-pci-conventional.txt"
PROFILES = ["guarded", "strict", "linux"]

# What Linux's own policy code takes for it, hardware accesses left out as well.
LINUX = {
    "shadow dword read": 300,
    "merged dword read": 329,
    "shadow write": 358,
    "BAR write": 358,
    "Device Control write": 455,
    "read of all 4 KiB": 160000,
    "open, small function": 5900,
}
# A fifth of that, wherever there is a figure; opening happens once and has no target.
TARGETS = {kind: figure // 5 for kind, figure in LINUX.items() if not kind.startswith("open")}


def cannot(why):
    print(f"bench: {why}", file=sys.stderr)
    sys.exit(3)


def total(dump):
    found = re.search(r"^totals: (\d+)$", dump.read_text() if dump.exists() else "", re.M)
    if found is None:
        cannot(f"callgrind wrote no {dump.name}: is the program built without its symbols?")
    return int(found[1])


def count(program, profile, function, folder):
    """What one call of a function after the other takes, and what the program says they were."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/{function}", "--collect-atstart=no",
               f"--toggle-collect={function}", "--toggle-collect=hardware_*",
               f"--zero-before={function}", f"--dump-after={function}", program, profile, FULL, SMALL]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        said = [line for line in run.stderr.splitlines() if line and not line.startswith("==")]
        cannot(f"{program} under valgrind ended with {run.returncode}: {'; '.join(said[-2:])}")
    opening = function == "pcg_function_init"
    kinds = [line for line in run.stdout.splitlines() if line.startswith("open") == opening]
    return {kind: total(pathlib.Path(folder, f"{function}.{number}")) for number, kind in enumerate(kinds, 1)}


def measure(program):
    figures = {}
    for profile in PROFILES:
        with tempfile.TemporaryDirectory() as folder:
            figures[profile] = (count(program, profile, "pcg_function_submit", folder)
                                | count(program, profile, "pcg_function_init", folder))
    return figures


def print_table(figures):
    print(f"{'instructions':34}" + "".join(f"{p:>9}" for p in PROFILES) + f"{'Linux':>9}{'ratio':>8}{'target':>8}")
    for kind in figures[PROFILES[0]]:
        ours = [figures[profile][kind] for profile in PROFILES]
        line = f"{kind:34}" + "".join(f"{figure:9}" for figure in ours)
        if kind in LINUX:
            line += f"{LINUX[kind]:9}{max(ours) / LINUX[kind]:8.2f}{TARGETS.get(kind, ''):>8}"
        print(line)


def print_tap(figures):
    wanted = [(profile, kind) for kind in TARGETS for profile in PROFILES]
    failed = False
    print(f"TAP version 13\n1..{len(wanted)}")
    for number, (profile, kind) in enumerate(wanted, 1):
        passed = figures[profile][kind] <= TARGETS[kind]
        failed |= not passed
        print(f"{'ok' if passed else 'not ok'} {number} - {kind} under {profile}: "
              f"{figures[profile][kind]} instructions of {TARGETS[kind]}")
    sys.exit(failed)


def main():
    tap, why = sys.argv[1:2] == ["--tap"], None
    if sys.argv[1:2] == ["--skip"]:
        tap, why = True, sys.argv[2]
    elif shutil.which("valgrind") is None:
        why = "valgrind is not installed: apt-get install valgrind"
    if why is not None and tap:
        print(f"TAP version 13\n1..1\nok 1 - instructions # SKIP {why}")
        return
    if why is not None:
        cannot(f"no instructions are counted: {why}")
    figures = measure(sys.argv[-1])
    if tap:
        print_tap(figures)
    print_table(figures)


if __name__ == "__main__":
    main()
