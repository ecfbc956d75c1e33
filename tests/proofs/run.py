# SPDX-License-Identifier: BSD-3-Clause
"""Prove what stands in this folder with CBMC, and that each proof can fail: run.py CBMC [NAME…]

A proof is a function without arguments in one of the C files here; whatever it reads and does not set is any value.
CBMC checks its PROVE()s and, along the whole way, array bounds, pointers, shifts, signed overflow and that no loop
runs longer than it was unrolled. A control is a proof over a deliberately broken copy of the source: it must fail.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT = int(os.environ.get("PROOF_LIMIT", "400"))  # seconds for one proof; each takes 45 at most on an idle machine

CHECKS = ["--bounds-check", "--pointer-check", "--pointer-overflow-check", "--signed-overflow-check",
          "--undefined-shift-check", "--div-by-zero-check"]

# Harness: options of all its proofs.
ACCESS = ["--unwind", "5", "-DAT=0x48"]
COMMAND = ["--unwind", "5", "-DAT=0x04"]
EXTENDED = ["--unwind", "5", "-DAT=0x68"]
WHOLE = ["--unwind", "5", "--arrays-uf-always"]
BARS = ["--unwind", "8"]
MEMORY = ["--unwind", "6"]
# Regions of 4 GiB: 64-bit ones are the same arithmetic, and take longer than anybody waits.
LOW = ["-DLOW=0xffffffff"]
STEP = ["-DSTEP", "--unwind", "3"]

# The walks begin anywhere instead of at their beginning; see layout.c.
ANYWHERE = [("pci/layout.c", r"unsigned int at = FIRST_EXTENDED, from = FIRST_EXTENDED;",
             "unsigned int at = some_header(), from = some_header();"),
            ("pci/layout.c", r"unsigned int from = PCG_CAPABILITIES;", "unsigned int from = some_pointer();")]

# Enhanced Allocation with 7 entries instead of 63: one loop, the same for each.
CLAIMS = [("pci/lengths.c", r"reg8\(body, 2\) & 0x3f, length = 4", "reg8(body, 2) & 0x7, length = 4"),
               ("pci/lengths.c", r"unsigned int at = config\[PCG_CAPABILITIES\] & 0xfcu, steps;",
                "unsigned int at = nondet_u32() & 0xfcu, steps;")]

# An image of 32 dwords, the last 8 of them extended, instead of 1024: the access core takes dwords by index and never looks at how many there are,
# so a bigger one shows it nothing new. That indexes stay inside is proven with 1024 (WHOLE).
SMALL = [("pcigate/pci.h", r"PCG_CONFIG_EXTENDED +4096u", "PCG_CONFIG_EXTENDED 128u"),
         ("pcigate/pci.h", r"PCG_CONFIG_CONVENTIONAL +256u", "PCG_CONFIG_CONVENTIONAL 96u"),
         ("pcigate/pci.h", r"PCG_MAX_CAPS +48u", "PCG_MAX_CAPS 1u"),
         ("pcigate/pci.h", r"PCG_MAX_ECAPS +960u", "PCG_MAX_ECAPS 1u"),
         # Multiplication is hard to reason about; tables_and_tricks_are_exact says that this is the same.
         ("view/state.h", r"return \(uint8_t\)\(\(bits >> 7\) \* 0x10204080u >> 28\);",
          "return (uint8_t)((bits >> 7 & 1) | (bits >> 14 & 2) | (bits >> 21 & 4) | (bits >> 28 & 8));")]

# A function of 64 vectors: nothing in memory.c knows how many there can be.
VECTORS = ("pcigate/function.h", r"PCG_MSIX_MAX 2048u", "PCG_MSIX_MAX 64u")
# The walks have 2 places instead of 48 and 960: they compare with their number and nothing else.
FEW = [("pcigate/pci.h", r"PCG_MAX_CAPS +48u", "PCG_MAX_CAPS 2u"),
       ("pcigate/pci.h", r"PCG_MAX_ECAPS +960u", "PCG_MAX_ECAPS 2u")]
# Space of 512 bytes: looking for the next header is one loop over the dwords that follow, and the same for more.
HALF = FEW + [("pcigate/pci.h", r"PCG_CONFIG_EXTENDED +4096u", "PCG_CONFIG_EXTENDED 512u")]

# The short path. Its loops go over the pieces of a read; the second line is for reads that have one or two of them.
FAST = ["--unwind", "9", "--no-array-field-sensitivity"]
PIECES = ["--unwindset", "read_any.0:2,read_dwords.0:2,read_bytes.0:5"]
ANYWHERE_READ = ["--unwindset", "read_any.0:5,read_dwords.0:2,read_bytes.0:4"]
FLAT = SMALL + [VECTORS]

# name: harness, options, changes to sources, whether all loops must end within the unrolling
PROOFS = {
    "be_mask_is_exact": ("access", WHOLE),
    "tables_and_tricks_are_exact": ("access", WHOLE),
    "a_read_needs_what_it_uses": ("access", WHOLE),
    "a_write_keeps_the_rest_of_the_shadow": ("access", ACCESS, SMALL, True),
    "a_write_keeps_the_rest_of_the_shadow, of COMMAND": ("access", COMMAND, SMALL, True),
    "a_write_keeps_the_rest_of_the_shadow, of extended space": ("access", EXTENDED, SMALL, True),
    "a_write_keeps_the_image": ("access", ACCESS, SMALL, True),
    "a_write_keeps_the_image, of COMMAND": ("access", COMMAND, SMALL, True),
    "a_write_keeps_the_image, of extended space": ("access", EXTENDED, SMALL, True),
    "a_write_reaches_hardware_by_its_masks": ("access", ACCESS, SMALL, True),
    "a_write_reaches_hardware_by_its_masks, of COMMAND": ("access", COMMAND, SMALL, True),
    "a_write_reaches_hardware_by_its_masks, of extended space": ("access", EXTENDED, SMALL, True),
    "a_write_leaves_bytes_without_reason": ("access", WHOLE),
    "a_write_needs_what_it_uses": ("access", ACCESS, SMALL, True),
    "a_write_needs_what_it_uses, of COMMAND": ("access", COMMAND, SMALL, True),
    "a_write_needs_what_it_uses, of extended space": ("access", EXTENDED, SMALL, True),
    "a_size_is_asked_for": ("access", EXTENDED, SMALL, True),
    "a_control_that_is_made_up_is_told": ("access", EXTENDED, SMALL, True),
    "the_request_size_has_a_floor": ("access", ACCESS, SMALL, True),
    "a_power_state_is_one_that_there_is": ("access", ACCESS, SMALL, True),
    "what_is_accepted_can_be": ("bars", BARS),
    "sizing_finds_the_size": ("bars", BARS),
    "addresses_are_aligned": ("bars", BARS),
    "a_header_is_met_once": ("layout", ["-DSPACE=4096", "--unwind", "2"]),
    "any_step_of_the_standard_walk_stays_inside": ("layout", STEP + ["-DSPACE=256"], ANYWHERE + FEW, False),
    "any_step_of_the_extended_walk_stays_inside":
        ("layout", STEP + ["-DSPACE=4096"], ANYWHERE + FEW, False),
    "a_length_ends_before_the_next_header": ("layout", ["-DSPACE=512", "--unwind", "66"], HALF, True),
    "a_claim_reads_inside": ("layout", ["-DCLAIM", "-DSPACE=256", "--unwind", "18"], CLAIMS + FEW, True),
    "a_cut_is_inside_or_outside": ("memory", MEMORY),
    "a_piece_has_one_owner": ("memory", MEMORY + LOW, SMALL + [VECTORS], True),
    "a_cut_page_is_not_mapped": ("memory", MEMORY + LOW),
    "a_configuration_piece_is_one_dword": ("memory", MEMORY),
    "a_configuration_piece_moves_its_bytes": ("memory", MEMORY),
    "a_short_read_is_what_the_steps_read": ("fast", FAST + PIECES + ["-DAT=0x48", "-DWITHIN"], FLAT, True),
    "a_short_read_is_what_the_steps_read, of two dwords":
        ("fast", FAST + PIECES + ["-DAT=0x48", "-DBESIDE"], FLAT, True),
    "a_short_write_is_what_the_steps_write": ("fast", FAST + ["-DAT=0x48", "-DWITHIN"], FLAT, True),
    "a_short_write_is_what_the_steps_write, of COMMAND": ("fast", FAST + ["-DAT=0x04", "-DWITHIN"], FLAT, True),
    "a_short_write_is_what_the_steps_write, of DEVCTL":
        ("fast", FAST + ["-DAT=0x48", "-DDEVCTL", "-DWITHIN"], FLAT, True),
    "a_long_write_is_left_to_the_steps": ("fast", FAST + ["-DAT=0x48", "-DDEVCTL"], FLAT, True),
    "the_contract_of_no_effects_is_a_plain_write": ("contract", MEMORY, FLAT, True),
    "any_access_stays_inside": ("fast", FAST + ANYWHERE_READ + ["-DAT=0"], FLAT, True),
}

# proof: what is broken, file, pattern, replacement. The pattern must be found.
CONTROLS = {
    "be_mask_is_exact": ("a byte enable selects the wrong byte", "pcigate/pci.h", r"be & 4u \? 0x00ff0000u",
                         "be & 4u ? 0x0000ff00u"),
    "a_read_needs_what_it_uses": ("a read asks for a byte too few", "pcigate/view.h",
                                  r"bits & 0xff000000u \? 8 : 0", "bits & 0x0f000000u ? 8 : 0"),
    "a_write_keeps_the_rest_of_the_shadow": ("the shadow ignores byte enables", "view/access.c",
                                             r"(uint32_t shadow = view->write_shadow\[dword\]) & \w+\(be\)", r"\1"),
    "a_write_reaches_hardware_by_its_masks": ("RW1C neighbours are written back", "view/access.c",
                                              r"return ~\(view->write_host\[dword\] \| view->write_clear\[dword\]",
                                              "return ~(view->write_host[dword]"),
    "a_write_needs_what_it_uses": ("the floor of the request size is not read", "view/access.c",
                                   r"needs \| 3 : needs", "needs : needs"),
    "a_size_is_asked_for": ("a size is taken at once", "view/rebar.c", r"\tview->shadow\[dword\] = w->before;\n", ""),
    "a_control_that_is_made_up_is_told": ("a reset counts while requests are on", "view/pasid.c",
                                          r"value & PCG_PRI_RESET && !\(\*shadow & PCG_PRI_ENABLE\)",
                                          "value & PCG_PRI_RESET"),
    "sizing_finds_the_size": ("a mask off by one bit", "pci/bars.c", r"~\(bar->size - 1\) & ~UINT64_C\(0xf\)",
                              "~bar->size & ~UINT64_C(0xf)"),
    "a_length_ends_before_the_next_header": ("a length runs into the next header", "pci/layout.c",
                                         r"claimed == LENGTH_UNKNOWN \|\| claimed > room",
                                         "claimed == LENGTH_UNKNOWN"),
    "any_step_of_the_standard_walk_stays_inside": ("a pointer into the header is followed", "pci/layout.c",
                                                   r"at < FIRST_CAP", "at < 0x20u"),
    "any_step_of_the_extended_walk_stays_inside": ("a pointer is not aligned", "pci/layout.c",
                                                   r"header >> 20 & 0xffcu", "header >> 20 & 0xfffu"),
    "a_cut_is_inside_or_outside": ("a cut one byte long", "function/memory.c",
                                   r"left < w->start - offset \? left", "left <= w->start - offset + 1 ? left"),
    "a_configuration_piece_is_one_dword": ("a piece crosses its dword", "function/config.c",
                                           r"n = 4 - first", "n = 4"),
    "a_short_read_is_what_the_steps_read": ("a byte is taken from its neighbour", "function/fast.c",
                                            r"for \(value >>= 8 \* \(at & 3\);", "for (value >>= 8 * (at & 1);"),
    "a_short_read_is_what_the_steps_read, of two dwords":
        ("the steps go on with the wrong piece", "function/fast.c",
         r"(return read_stops\(f, rq, )\(size_t\)\(data - \(uint8_t \*\)rq->data\)(, 15, ret\);)", r"\g<1>0\2"),
    "a_short_write_is_what_the_steps_write": ("a write of three bytes loses the third", "function/fast.c",
                                              r"n == 3 \? \(uint32_t\)data\[2\] << 16 : 0", "0"),
    "a_short_write_is_what_the_steps_write, of COMMAND":
        ("the steps begin anew after a write has been decided", "function/fast.c",
         r"&config_write_steps\[CONFIG_WRITE_ACT\]", "&config_write_steps[CONFIG_WRITE_DECIDE]"),
    "a_short_write_is_what_the_steps_write, of DEVCTL": ("a reset is taken for a plain value", "function/fast.c",
                                                         r"#define DEVCTL_PLAIN 0x5fffu", "#define DEVCTL_PLAIN 0xffffu"),
    "a_long_write_is_left_to_the_steps": ("a write runs over the end of its dword", "function/fast.c",
                                          r"rq->length \+ first > 4", "rq->length > 4"),
    "the_contract_of_no_effects_is_a_plain_write": ("any write is one of COMMAND", "function/contract.c",
                                                    r"return w->effects & PCG_EFFECT_COMMAND \? contract_for_command",
                                                    "return true ? contract_for_command"),
    "any_access_stays_inside": ("the last bytes are read as a whole dword", "function/fast.c",
                                r"& 3\) == 0 && rq->length - \*?moved >= 4", "& 3) == 0"),
}


def overlay(folder, changes):
    """Changed copies of sources, found before the sources themselves."""
    for path, pattern, replacement in changes:
        copy = folder / path
        base = ROOT / ("include" if path.startswith("pcigate/") else "src")
        text = (copy if copy.exists() else base / path).read_text(encoding="utf-8")
        text, count = re.subn(pattern, replacement, text)
        if count != 1:
            raise LookupError(f"{path}: the line to change is found {count} times: {pattern}")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")


def run(cbmc, name, control):
    """Returns whether it went as it must, and what to say."""
    harness, options, changes, bounded = (*PROOFS[name], [], True) if len(PROOFS[name]) == 2 else PROOFS[name]
    options = options + os.environ.get("PROOF_OPTIONS", "").split()
    if control:
        changes = changes + [control]
    with tempfile.TemporaryDirectory(prefix="pcigate-proof-") as folder:
        folder = pathlib.Path(folder)
        try:
            overlay(folder, changes)
        except LookupError as trouble:
            return False, [str(trouble)]
        command = [cbmc, str(HERE / f"{harness}.c"), "--function", name.split(",")[0], "-D_GNU_SOURCE", f"-I{folder}",
                   f"-I{ROOT / 'include'}", f"-I{ROOT / 'src'}", *CHECKS, *options, "--slice-formula",
                   "--unwinding-assertions" if bounded else "--no-unwinding-assertions"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, cwd=folder, check=False)
        except subprocess.TimeoutExpired:
            return False, [f"no answer within {LIMIT} s"]
    refuted = [line for line in done.stdout.splitlines() if line.endswith(": FAILURE")]
    proven = "VERIFICATION SUCCESSFUL" in done.stdout and done.returncode == 0 and not refuted
    if control:
        failed = "VERIFICATION FAILED" in done.stdout and bool(refuted)
        return failed, [] if failed else (done.stdout + done.stderr).splitlines()[-5:]
    return proven, [] if proven else refuted or (done.stdout + done.stderr).splitlines()[-5:]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cbmc, names = sys.argv[1], sys.argv[2:] or list(PROOFS)
    jobs = [(name, None, name) for name in names]
    jobs += [(name, CONTROLS[name][1:], f"refuted, as it must be: {CONTROLS[name][0]}")
             for name in names if name in CONTROLS]
    bad = 0

    def job(entry):
        began = time.monotonic()
        return (*run(cbmc, entry[0], entry[1]), time.monotonic() - began)

    print(f"TAP version 13\n1..{len(jobs)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (entry, (good, notes, took)) in enumerate(zip(jobs, pool.map(job, jobs)), 1):
            bad += not good
            print(f"{'ok' if good else 'not ok'} {number} - {entry[2]}")
            print("".join(f"# {note}\n" for note in notes) + f"# {took:.1f} s", flush=True)
    sys.exit(1 if bad else 0)


main()
