# SPDX-License-Identifier: BSD-3-Clause
"""The public client library (<pcigate/client.h>, <pcigate/client_pasid.h>), for tests that are ordinary clients.

    with Client(path) as client:
        buffer = client.buffer_init(0x100000, 4096)
        client.config_write16(4, 6)
        client.write32(0, register, buffer.iova)

Names are the library's, without pcg_client_; what it returns by pointer is returned. An error is a ClientError: the
errno, and the note that came through the log hook. What the library refuses to send: protocol/vfio_user.py.
"""

import ctypes
import errno
import functools
import os
import shlex
import socket
from ctypes import POINTER, byref, c_bool, c_char, c_char_p, c_int, c_size_t, c_void_p
from ctypes import c_uint8 as u8, c_uint16 as u16, c_uint32 as u32, c_uint64 as u64

TESTS = os.path.dirname(os.path.abspath(__file__))
PCIGATE = os.environ.get("PCIGATE", os.path.join(TESTS, "..", "build", "pcigate"))
# A library with sanitizers cannot be loaded into Python: meson builds one without, and names it.
LIBRARY = os.environ.get("PCIGATE_LIBRARY",
                         os.path.join(os.path.dirname(os.path.abspath(PCIGATE)), "src", "libpcigate.so.0"))

BATCH = 64  # PCG_FEATURE_BATCH
MAX_FDS, MAX_AREAS = 16, 64
DMA_READ, DMA_WRITE = 1, 2
GET, SET, PROBE = 1 << 16, 1 << 17, 1 << 18  # enum pcg_client_feature_flags
CONFIG = 7


def structure(name, *fields):
    return type(name, (ctypes.Structure,), {"_fields_": fields})


Note = structure("Note", ("level", c_int), ("text", c_char_p), ("offset", u32), ("value", u32))
Hook = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Note))
Log = structure("Log", ("write", Hook), ("arg", c_void_p))
Reach = ctypes.CFUNCTYPE(c_int, c_void_p, u64, c_void_p, c_size_t)
Memory = structure("Memory", ("arg", c_void_p), ("read", Reach), ("write", Reach))
Limits = structure("Limits", ("major", u16), ("minor", u16), ("max_msg_fds", u32), ("max_data_xfer_size", u64),
                   ("max_dma_maps", u64), ("pgsizes", u64), ("write_multiple", c_bool))
Info = structure("Info", ("regions", u32), ("irqs", u32), ("pci", c_bool), ("reset", c_bool))
Area = structure("Area", ("offset", u64), ("size", u64))
Region = structure("Region", ("index", u32), ("flags", u32), ("size", u64), ("offset", u64), ("nfds", ctypes.c_uint),
                   ("fds", c_int * MAX_FDS), ("nareas", ctypes.c_uint), ("areas", Area * MAX_AREAS))
Buffer = structure("Buffer", ("address", c_void_p), ("iova", u64), ("size", c_size_t), ("fd", c_int))
Cap = structure("Cap", ("offset", u16), ("length", u16), ("id", u16), ("version", u8), ("extended", c_bool))
IrqInfo = structure("IrqInfo", ("flags", u32), ("count", u32))
Feature = structure("Feature", ("flags", u32), ("data", c_char_p), ("size", c_size_t), ("answer", c_void_p),
                    ("room", c_size_t), ("length", c_size_t), ("fd", c_int))
Pasid = structure("Pasid", ("shown", u32), ("shown_width", u32), ("can", u32), ("can_width", u32),
                  ("page_requests", u32), ("state", u32), ("pasid_at", u16), ("ats_at", u16), ("pri_at", u16),
                  ("reserved", u16), ("reason", c_char * 104))
PageRequest = structure("PageRequest", ("address", u64), ("pasid", u32), ("group", u16), ("flags", u16))
PageResponse = structure("PageResponse", ("pasid", u32), ("group", u16), ("code", u8), ("flags", u8))
Fault = structure("Fault", ("address", u64), ("pasid", u32), ("lost", u32), ("reason", u16), ("flags", u16),
                  ("reserved", u32))

# What follows struct pcg_client *.
ARGUMENTS = {
    "dead": (), "serve": (), "reset": (), "timeout": (u32,), "wait": (c_int, u32),
    "memory": (POINTER(Memory),), "info": (POINTER(Info),),
    "region_init": (u32, POINTER(Region)), "region_map": (POINTER(Region), u64, c_size_t, POINTER(c_void_p)),
    "read": (u32, u64, c_char_p, c_size_t), "write": (u32, u64, c_char_p, c_size_t),
    "post": (u32, u64, c_char_p, c_size_t),
    **{f"read{bits}": (u32, u64, POINTER(kind)) for bits, kind in ((8, u8), (16, u16), (32, u32), (64, u64))},
    **{f"write{bits}": (u32, u64, kind) for bits, kind in ((8, u8), (16, u16), (32, u32), (64, u64))},
    "post32": (u32, u64, u32), "post64": (u32, u64, u64),
    "poll32": (u32, u64, u32, u32, u32, POINTER(u32)),
    "find": (u16, c_bool, POINTER(Cap)),
    "dma_map": (u64, u64, u32, c_int, u64), "dma_unmap": (u64, u64),
    "buffer_init": (u64, c_size_t, POINTER(Buffer)), "buffer_finish": (POINTER(Buffer),),
    "irq_info": (u32, POINTER(IrqInfo)), "irq_enable": (u32, u32, u32, POINTER(c_int)), "irq_disable": (u32,),
    "irq_wait": (u32, u32, u32, POINTER(u64)), "irq_trigger": (u32, u32, u32),
    "feature": (POINTER(Feature),), "feature_probe": (u16, u32),
    "feature_get": (u16, c_char_p, c_size_t), "feature_set": (u16, c_char_p, c_size_t),
    "pasid_offer": (POINTER(Pasid),), "pasid": (u32, u32), "space_create": (POINTER(u32),), "space_destroy": (u32,),
    "space_map": (u32, u64, u64, u64, u32), "space_unmap": (u32, u64, u64), "pasid_attach": (u32, u32),
    "pasid_detach": (u32,), "page_requests": (POINTER(PageRequest), u32, POINTER(u32)),
    "page_respond": (POINTER(PageResponse), u32, POINTER(u32)), "faults": (POINTER(Fault), u32, POINTER(u32)),
    "event_enable": (c_int,), "event_disable": (), "event_lost": (POINTER(u32),),
}


@functools.cache
def library():
    """Each function as ARGUMENTS has it."""
    try:
        loaded = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise RuntimeError(f"{error}; build all of it, or name the library with PCIGATE_LIBRARY (where sanitizers are "
                           "on, that is BUILD/tests/libpcigate-plain.so)") from error
    functions = {name: getattr(loaded, "pcg_client_" + name)
                 for name in (*ARGUMENTS, "create", "create_fd", "destroy", "limits", "region_finish")}
    for name, arguments in ARGUMENTS.items():
        functions[name].argtypes = (c_void_p, *arguments)
    functions["create"].argtypes = POINTER(c_void_p), c_char_p, u32, POINTER(Log)
    functions["create_fd"].argtypes = POINTER(c_void_p), c_int, u32, POINTER(Log)
    functions["limits"].argtypes, functions["limits"].restype = (c_void_p,), POINTER(Limits)
    functions["destroy"].argtypes = (c_void_p,)
    functions["region_finish"].argtypes = (POINTER(Region),)
    return functions


def script(path, *arguments):
    """A shell command that runs a file of Python, which can import this, elsewhere (in a room, for one)."""
    words = [f"PYTHONPATH={TESTS}", "PCIGATE_LIBRARY=" + os.path.abspath(LIBRARY), "python3", "-B", path]
    return "env " + shlex.join([*words, *map(str, arguments)])


class ClientError(OSError):
    """The library returned an error: errno, and the note that it had to say."""


class Mapping:
    """A piece of a region as memory; slices of it are bytes."""

    def __init__(self, address, length):
        self.address, self.length = address, length
        self.view = memoryview((u8 * length).from_address(address)).cast("B")

    def __getitem__(self, piece):
        return bytes(self.view[piece])

    def __setitem__(self, piece, data):
        self.view[piece] = data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.view.release()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.munmap(c_void_p(self.address), c_size_t(self.length)) != 0:
            raise OSError(ctypes.get_errno(), "munmap")


class Client:
    """One connection to one function."""

    def __init__(self, where, timeout_ms=0):
        self.client, self.note, self.kept = None, "", None
        self.functions = library()
        self.log = Log(Hook(self._say))
        client = c_void_p()
        # Of a socket it takes a duplicate: the library closes what it is given.
        if isinstance(where, socket.socket):
            result = self.functions["create_fd"](byref(client), os.dup(where.fileno()), timeout_ms, byref(self.log))
        else:
            result = self.functions["create"](byref(client), os.fsencode(where), timeout_ms, byref(self.log))
        self._check(result)
        self.client = client

    def _say(self, _, note):
        self.note = note.contents.text.decode(errors="replace")

    def _check(self, result):
        if result < 0:
            raise ClientError(-result, self.note or os.strerror(-result) + ", without a note")
        return result

    def _call(self, name, *arguments):
        self.note = ""
        return self._check(self._raw(name, *arguments))

    def _raw(self, name, *arguments):
        if self.client is None:
            raise ValueError("this client is closed")
        return self.functions[name](self.client, *arguments)

    def _ask(self, name, kind, *arguments, otherwise=0):
        """What it sets by its last argument; None where it says, without a note, that there is none."""
        value = kind()
        try:
            self._call(name, *arguments, byref(value))
        except ClientError as error:
            if error.errno != otherwise or self.note or self.dead():
                raise
            return None
        return value

    def __getattr__(self, name):
        """What takes numbers and returns one."""
        if name not in ARGUMENTS:
            raise AttributeError(name)
        return functools.partial(self._call, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """pcg_client_destroy()"""
        client, self.client = self.client, None
        self.functions["destroy"](client)

    # the connection

    def limits(self):
        return self._raw("limits").contents

    def dead(self):
        """0, or the negative errno that ended it: no error of this call."""
        return self._raw("dead")

    def timeout(self, timeout_ms):
        self._raw("timeout", timeout_ms)

    def memory(self, start, memory):
        """A bytearray answers for what is mapped without a descriptor."""
        def place(iova, length):
            return iova - start if start <= iova and iova + length <= start + len(memory) else None

        def read(_, iova, data, length):
            at = place(iova, length)
            if at is None:
                return -errno.ENODEV
            ctypes.memmove(data, bytes(memory[at:at + length]), length)
            return 0

        def write(_, iova, data, length):
            at = place(iova, length)
            if at is None:
                return -errno.ENODEV
            memory[at:at + length] = ctypes.string_at(data, length)
            return 0

        self.kept = Memory(None, Reach(read), Reach(write))
        self._raw("memory", byref(self.kept))

    # the function and its regions

    def info(self):
        return self._ask("info", Info)

    def region_init(self, index):
        return self._ask("region_init", Region, index)

    def region_finish(self, region):
        self.functions["region_finish"](byref(region))

    def region_map(self, region, offset, length):
        return Mapping(self._ask("region_map", c_void_p, region, offset, length).value, length)

    def read(self, region, offset, length):
        data = ctypes.create_string_buffer(length)
        self._call("read", region, offset, data, length)
        return data.raw

    def write(self, region, offset, data):
        self._call("write", region, offset, data, len(data))

    def post(self, region, offset, data):
        self._call("post", region, offset, data, len(data))

    def read8(self, region, offset):
        return self._ask("read8", u8, region, offset).value

    def read16(self, region, offset):
        return self._ask("read16", u16, region, offset).value

    def read32(self, region, offset):
        return self._ask("read32", u32, region, offset).value

    def read64(self, region, offset):
        return self._ask("read64", u64, region, offset).value

    def poll32(self, region, offset, mask, want, timeout_ms):
        return self._ask("poll32", u32, region, offset, mask, want, timeout_ms).value

    def config_read16(self, offset):
        return self.read16(CONFIG, offset)

    def config_read32(self, offset):
        return self.read32(CONFIG, offset)

    def config_write16(self, offset, value):
        self.write16(CONFIG, offset, value)

    def config_write32(self, offset, value):
        self.write32(CONFIG, offset, value)

    def find(self, number, extended=False):
        """None: there is no such capability."""
        return self._ask("find", Cap, number, extended, otherwise=errno.ENOENT)

    # memory and interrupts

    def dma_map(self, iova, size, fd=-1, offset=0, flags=DMA_READ | DMA_WRITE):
        self._call("dma_map", iova, size, flags, fd, offset)

    def buffer_init(self, iova, size):
        return self._ask("buffer_init", Buffer, iova, size)

    def irq_info(self, index):
        return self._ask("irq_info", IrqInfo, index)

    def irq_enable(self, index, start, fds):
        """Eventfds of the caller's; a number of them: the library makes them."""
        if isinstance(fds, int):
            self._call("irq_enable", index, start, fds, None)
        else:
            self._call("irq_enable", index, start, len(fds), (c_int * len(fds))(*fds))

    def irq_wait(self, index, vector, timeout_ms):
        """How often it was raised; 0: it was not."""
        count = self._ask("irq_wait", u64, index, vector, timeout_ms, otherwise=errno.ETIMEDOUT)
        return count.value if count is not None else 0

    # features

    def feature(self, flags, data=b"", room=0):
        """The bytes of the answer."""
        answer = ctypes.create_string_buffer(room) if room else None
        feature = Feature(flags, data or None, len(data), ctypes.cast(answer, c_void_p), room, 0, -1)
        self._call("feature", byref(feature))
        if feature.fd >= 0:
            os.close(feature.fd)
        return answer.raw[:feature.length] if room else b""

    def feature_get(self, index, data):
        """What is asked with; the answer, of the same length."""
        answer = ctypes.create_string_buffer(data, len(data))
        self._call("feature_get", index, answer, len(data))
        return answer.raw

    def feature_set(self, index, data):
        self._call("feature_set", index, data, len(data))

    # PASIDs

    def pasid_offer(self):
        return self._ask("pasid_offer", Pasid)

    def space_create(self):
        return self._ask("space_create", u32).value

    def page_requests(self, room=BATCH):
        entries = (PageRequest * room)()
        return list(entries[:self._ask("page_requests", u32, entries, room).value])

    def page_respond(self, responses):
        """(PASID, group, code, flags) each; how many were answered."""
        entries = (PageResponse * len(responses))(*responses)
        return self._ask("page_respond", u32, entries, len(responses)).value

    def faults(self, room=BATCH):
        entries = (Fault * room)()
        return list(entries[:self._ask("faults", u32, entries, room).value])

    def event_lost(self):
        return self._ask("event_lost", u32).value


class ByLibrary:
    """For a test case: its clients, and what a server refuses them."""

    def client(self, where=None, timeout_ms=0):
        client = Client(where or self.server.path, timeout_ms)
        self.addCleanup(client.close)
        return client

    def refused(self, error, call, *arguments, **keywords):
        with self.assertRaises(ClientError) as caught:
            call(*arguments, **keywords)
        self.assertEqual(caught.exception.errno, error, str(caught.exception))
        self.assertIn("the server refuses", str(caught.exception))
