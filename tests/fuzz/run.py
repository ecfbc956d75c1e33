# SPDX-License-Identifier: BSD-3-Clause
"""Run the fuzz targets: run.py BUILD [--minutes N] [--only NAME] [--keep FOLDER]

BUILD is a folder built with clang, where `ninja fuzz` has been run. Each target goes through all its seeds, then
tries for N minutes, or some seconds. Seeds are those of seeds/, which are hexadecimal text or as they are, and those
made here from the corpus (PCI_CORPUS) and from data/quirks; words to put in stand in NAME.dict. What makes a target
fail is kept in FOLDER (default: BUILD/fuzz), and what a long run finds worth trying in FOLDER/NAME, for the next one
to begin with.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import struct
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
SHORT = 10  # seconds for each target
IN_THREADS = ("serve",)  # targets that look for leaks by themselves, at rest
HEX = re.compile(r"^([0-9a-f]{2,3}):((?: [0-9a-f]{2}){1,16})\s*$")


def functions(text):
    """Configuration spaces of an lspci text."""
    for part in re.split(r"\n\s*\n", text):
        space = {}
        for line in part.splitlines():
            found = HEX.match(line)
            if found:
                space[int(found[1], 16)] = bytes.fromhex(found[2].replace(" ", ""))
        if space:
            yield part.encode(), b"".join(space[at] for at in sorted(space))


def header(command, body):
    return struct.pack("<HHIII", 1, command, 16 + len(body), 0, 0) + body


def messages():
    """One of each message that a client sends."""
    yield header(4, struct.pack("<IIII", 16, 0, 0, 0))
    for region in range(9):
        yield header(5, struct.pack("<IIIIQQ", 32, 0, region, 0, 0, 0))
    for index in range(5):
        yield header(7, struct.pack("<IIII", 16, 0, index, 0))
    yield header(8, struct.pack("<IIIII", 20, 1 | 8, 2, 0, 0))
    for offset, length in ((0, 4), (4, 2), (0, 256), (0x3c, 1), (4090, 6)):
        yield header(9, struct.pack("<QII", offset, 7, length))
        yield header(10, struct.pack("<QII", offset, 7, length) + bytes(length))
    yield header(10, struct.pack("<QII", 4, 7, 2) + b"\x06\x00")
    yield header(9, struct.pack("<QII", 0, 0, 64))
    yield header(10, struct.pack("<QII", 4, 0, 4) + b"\x01\x00\x00\x00")
    yield header(2, struct.pack("<IIQQQ", 32, 3, 0, 0x10000, 0x1000))
    yield header(3, struct.pack("<IIQQ", 24, 0, 0x10000, 0x1000))
    yield header(15, struct.pack("<Q", 1) + struct.pack("<QII", 4, 7, 2) + bytes(8))
    yield header(13, b"")


def feature(flags, payload, room=0):
    return header(16, struct.pack("<II", 8 + max(room, len(payload)), flags) + payload)


def driving():
    """Features of ours: GET, SET; a client of fuzz_serve that drives the endpoint by PASID."""
    get, put = 1 << 16, 1 << 17
    speak = feature(0x8002 | put, struct.pack("<II", 15, 20) + bytes(128))
    space = [feature(0x8003 | put, struct.pack("<IIIIQQQ", *fields)) for fields in (
        (0, 0, 0, 0, 0, 0, 0), (2, 64, 0, 15, 0, 0x1000, 0x10000), (4, 64, 5, 0, 0, 0, 0), (3, 64, 0, 0, 0, 0, 0),
        (5, 0, 5, 0, 0, 0, 0), (1, 64, 0, 0, 0, 0, 0))]
    yield feature(0x8000 | get, bytes(120))
    yield feature(0x8001 | put, struct.pack("<I", 3) + bytes(116))
    yield feature(0x8002 | get, bytes(136))
    yield speak
    yield from space
    for index in (0x8004, 0x8005):
        yield feature(index | get, struct.pack("<IIII", 4, 0, 0, 0), 4096)
    yield feature(0x8004 | put, struct.pack("<IIIIIHBB", 1, 0, 0, 0, 5, 0, 0, 16))
    yield feature(0x8006 | get, bytes(8))
    yield feature(0x8006 | put, bytes(8))
    # Capabilities are where the fabric's PF has them.
    places = [header(10, struct.pack("<QII", offset, 7, size) + value.to_bytes(size, "little")) for offset, size, value in (
        (0x166, 2, 1), (0x176, 2, 0x8000), (0x18c, 4, 4), (0x184, 2, 1), (0x04, 2, 6))]
    command = [header(10, struct.pack("<QII", offset, 0, 4) + struct.pack("<I", value)) for offset, value in (
        (0x08, 0), (0x0c, 0x2000), (0x10, 0), (0x1c, 4096), (0x40, 0x80000005), (0x44, 12), (0x04, 8))]
    yield b"".join([speak, header(2, struct.pack("<IIQQQ", 32, 3, 0, 0x10000, 0x1000)), *space[:3], *places, *command,
                    feature(0x8004 | get, struct.pack("<IIII", 4, 0, 0, 0), 4096),
                    feature(0x8004 | put, struct.pack("<IIIIIHBB", 1, 0, 0, 0, 5, 0, 0, 16)),
                    feature(0x8005 | get, struct.pack("<IIII", 4, 0, 0, 0), 4096), *space[3:]])


def lending():
    """Clients of fuzz_serve that lend descriptors: with which message, how far into it, how many, of which kinds."""
    memory = header(2, struct.pack("<IIQQQ", 32, 3, 0, 0x10000, 0x1000))
    vector = header(8, struct.pack("<IIIII", 20, 4 | 32, 2, 0, 1))
    vectors = header(8, struct.pack("<IIIII", 20, 4 | 32, 2, 0, 2))
    resample = header(8, struct.pack("<IIIII", 20, 4 | 16, 0, 0, 1))
    line = header(8, struct.pack("<IIIII", 20, 4 | 32, 0, 0, 1))
    yield b"\x09\x01\x00\x00\x00\x00" + memory + header(3, struct.pack("<IIQQ", 24, 0, 0x10000, 0x1000))
    yield b"\x09\x02\x00\x00\x00\x03\x01\x00\x00\x03" + vector + vector
    yield b"\x0d\x01\x00\x00\x01\x03" + vectors
    yield b"\x09\x02\x00\x00\x00\x03\x01\x00\x00\x03" + line + resample
    yield b"\x0d\x03\x00\x00\xfc\x10\x01\x05\x01\x14\x02\x00\x11\x06" + b"".join(messages())
    yield b"\xfd\x01\x00\x00\x00\x03" + header(16, struct.pack("<II", 16, 0x8006 | 1 << 17) + bytes(8))
    yield b"\xfb\x02\x00\x09\x02\x31\x01\x01\x00\x08" + memory + vector + memory


def seeds(target):
    """What a target begins with."""
    folder = HERE / "seeds" / target
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        yield bytes.fromhex(path.read_text(encoding="ascii")) if path.suffix == ".hex" else path.read_bytes()
    if target == "serve":
        yield b"\x01" + b"".join(messages())
        yield from (b"\x17" + message for message in messages())
        yield from (b"\xf1" + message for message in driving())
        yield b"\xf1" + b"".join(driving())
        yield from lending()
    if target == "stream":
        yield bytes([0, 3, 15, 16, 40, 255, 1, 2]) + b"".join(messages())
    if target == "access":
        for profile in range(4):
            for seed in range(12):
                steps = b"".join(struct.pack("<BHI", what, at, 0xffffffff)
                                 for what in (0x03, 0xe3, 0xf8) for at in (4, 0x10, 0x3c, 0x48, 0x100))
                yield struct.pack("<BHBB", profile, seed, 0, seed & 1) + steps
    if target == "quirks":
        yield from (path.read_bytes() for path in sorted((HERE.parent.parent / "data" / "quirks").glob("*.quirks")))
    corpus = pathlib.Path(os.environ.get("PCI_CORPUS") or HERE.parent.parent.parent / "shared" / "corpus")
    for path in sorted(corpus.glob("*/*")) if target in ("layout", "dump") else []:
        for text, space in functions(path.read_text(encoding="utf-8", errors="replace")):
            if len(space) in (256, 4096):
                yield b"\x18" + space if target == "layout" else text


def run(args, target):
    """Returns what went wrong, and how many inputs were tried."""
    program = args.build / "tests" / "fuzz" / f"fuzz_{target}"
    found = args.keep / target
    begin = args.keep / f"{target}.seeds"
    for folder in (found, begin):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (begin / f"{number:04}").write_bytes(seed)
    seconds = args.minutes * 60 if args.minutes else SHORT
    largest = "66000" if target in ("stream", "dump") else "4400"
    words = HERE / f"{target}.dict"
    command = [program, f"-max_total_time={seconds}", f"-max_len={largest}", "-timeout=20", "-rss_limit_mb=2048",
               f"-detect_leaks={0 if target in IN_THREADS else 1}", "-print_final_stats=1",
               f"-artifact_prefix={found}/failed-", *([f"-dict={words}"] if words.exists() else []), found, begin]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=seconds + 120, check=False)
    except subprocess.TimeoutExpired:
        return [f"did not end within {seconds + 120} s"], 0
    tried = re.search(r"number_of_executed_units: (\d+)", done.stdout)
    lines = done.stdout.splitlines()
    if done.returncode == 0:
        return [], int(tried[1]) if tried else 0
    first = next((n for n, line in enumerate(lines) if "ERROR:" in line or "runtime error" in line or ".c:" in line), 0)
    return lines[first:first + 12] + [line for line in lines if "Test unit written" in line], 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--minutes", type=int, default=0)
    parser.add_argument("--only")
    parser.add_argument("--keep", type=pathlib.Path)
    args = parser.parse_args()
    args.keep = (args.keep or args.build / "fuzz").resolve()
    programs = sorted((args.build / "tests" / "fuzz").glob("fuzz_*"))
    args.targets = [path.name[5:] for path in programs if path.is_file() and os.access(path, os.X_OK)]
    args.targets = [name for name in args.targets if args.only in (None, name)]
    bad = 0
    print(f"TAP version 13\n1..{max(len(args.targets), 1)}", flush=True)
    if not args.targets:
        print("ok 1 - fuzzing # SKIP no targets here: they want clang with libFuzzer, and `ninja fuzz`")
        return 0
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (target, (trouble, tried)) in enumerate(
                zip(args.targets, pool.map(lambda name: run(args, name), args.targets)), 1):
            bad += bool(trouble) or tried == 0
            print("".join(f"# {line}\n" for line in trouble), end="")
            print(f"{'not ok' if trouble or not tried else 'ok'} {number} - fuzz {target}\n# {tried} inputs", flush=True)
    print(f"# {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


raise SystemExit(main())
