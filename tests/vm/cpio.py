#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write cpio archives ("newc") that the Linux kernel takes as an initramfs.

As a program:  cpio.py FOLDER OUTPUT      packs everything below FOLDER
As a module:   pack_files({"etc/hello": b"hi\\n"}) -> bytes

The kernel unpacks several archives that follow each other, so a scenario
adds its files in a small archive behind the cached one.  Owner is always
root and times are zero: the same content gives the same bytes.
"""

import os
import stat
import sys

ALIGN = 4


def _entry(inode, name, mode, data):
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
    head += b"\0" * (-len(head) % ALIGN)
    return head + data + b"\0" * (-len(data) % ALIGN)


def _trailer():
    return _entry(0, "TRAILER!!!", 0, b"")


def pack_files(files):
    """An archive of {path: bytes}; all files executable, folders made as needed."""
    out, seen = [], set()
    for path in sorted(files):
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in seen:
                seen.add(folder)
                out.append(_entry(len(out) + 1, folder, stat.S_IFDIR | 0o755, b""))
        out.append(_entry(len(out) + 1, "/".join(parts), stat.S_IFREG | 0o755, files[path]))
    return b"".join(out) + _trailer()


def pack_folder(root, out):
    """Pack everything below root into the open binary file out."""
    inode = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(folders + names):
            inode += 1
            full = os.path.join(folder, name)
            mode = os.lstat(full).st_mode
            data = b""
            if stat.S_ISLNK(mode):
                data = os.readlink(full).encode()
            elif stat.S_ISREG(mode):
                with open(full, "rb") as file:
                    data = file.read()
            elif not stat.S_ISDIR(mode):
                raise ValueError(f"{full}: neither file, folder nor link")
            out.write(_entry(inode, os.path.relpath(full, root), mode, data))
    out.write(_trailer())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: cpio.py FOLDER OUTPUT")
    with open(sys.argv[2], "wb") as output:
        pack_folder(sys.argv[1], output)
