# SPDX-License-Identifier: BSD-3-Clause
"""sim:vmd, whose client has a whole fabric: what its functions have under way when the client resets it or goes."""

import os
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
import client as library
from vfio_user import *

# In the window of BAR 0: bus 27:20, device and function 19:12.
PORT, ENDPOINT = 0, 1 << 20
CONFIG_WINDOW, LOW_WINDOW, HIGH_WINDOW = 0, 2, 4
OWN_SIZE = 0x2000
LOW_BASE, MEMORY = 0xc0000000, 0x200000


class Vmd(Case):
    def setUp(self):
        handle, path = tempfile.mkstemp(prefix="pcigate-test-", suffix=".fabric")
        self.addCleanup(os.unlink, path)
        os.write(handle, b"root-port rp\nendpoint-test nic below=rp msi=1\n")
        os.close(handle)
        self.FUNC = f"sim:vmd,file={path}"
        super().setUp()

    def host(self):
        """A client that has set up the way to the endpoint."""
        c = self.client()
        c.command(6)
        self.bring_up(c)
        return c

    def bring_up(self, c):
        c.write32(CONFIG_WINDOW, PORT + 0x18, 0x010100)
        c.write32(CONFIG_WINDOW, PORT + 0x20, 0xc000c000)
        c.write32(CONFIG_WINDOW, PORT + 0x04, 6)
        c.write32(CONFIG_WINDOW, ENDPOINT + 0x10, LOW_BASE)
        c.write32(CONFIG_WINDOW, ENDPOINT + 0x04, 6)
        self.assertNotEqual(c.read32(LOW_WINDOW, EP_FLAGS), 0xffffffff)

    def ask(self, c, command, size=4096):
        """A command of the endpoint's; what it asks of the client's memory first."""
        for register, value in ((EP_SRC, MEMORY), (EP_SRC + 4, 0), (EP_DST, MEMORY), (EP_DST + 4, 0),
                                (EP_SIZE, size), (EP_IRQ_TYPE, 0), (EP_IRQ_NUMBER, 1)):
            c.write32(LOW_WINDOW, register, value)
        c.write32(LOW_WINDOW, EP_COMMAND, command)
        message = c.receive()
        self.assertEqual(message.flags & 0xf, 0)
        return message

    def answer(self, c, message):
        body = message.body[:16]
        if message.command == DMA_READ:
            body += bytes(struct.unpack_from("=Q", body, 8)[0])
        c.send_raw(HEADER.pack(message.id, message.command, 16 + len(body), REPLY, 0) + body)

    def test_a_transfer_reaches_the_client(self):
        c = library.Client(self.server.path)
        self.addCleanup(c.close)
        memory = bytearray(b"x" * 4096 + bytes(4096))
        c.memory(MEMORY, memory)
        c.config_write16(4, 6)
        self.bring_up(c)
        c.write(LOW_WINDOW, EP_SRC, struct.pack("<QQI", MEMORY, MEMORY + 4096, 4096))
        c.write32(LOW_WINDOW, EP_COMMAND, EP_COPY)
        c.poll32(LOW_WINDOW, EP_STATUS, 0x30, 0x10, 5000)
        self.assertEqual(memory, b"x" * 8192)

    def test_a_reset_gives_up_what_is_under_way(self):
        c = self.host()
        for command in (EP_READ, EP_WRITE):
            with self.subTest(command):
                message = self.ask(c, command)
                c.reset()
                # Nobody waits for it any more.
                self.answer(c, message)
                self.assertTrue(self.server.said("a reply that nobody waits for"))
                c.command(6)
                self.assertEqual(c.read32(CONFIG_WINDOW, PORT + 0x18) & 0xffffff, 0)
                self.bring_up(c)
                self.assertEqual(c.read32(LOW_WINDOW, EP_STATUS), 0)

    def test_a_reset_gives_up_interrupts(self):
        c = self.host()
        # MSI that leads into memory which nobody has mapped: it waits for the client as other writes do.
        cap = c.read32(CONFIG_WINDOW, ENDPOINT + 0x34) & 0xff
        while c.read32(CONFIG_WINDOW, ENDPOINT + cap) & 0xff != 5:
            cap = c.read32(CONFIG_WINDOW, ENDPOINT + cap) >> 8 & 0xff
        c.write32(CONFIG_WINDOW, ENDPOINT + cap + 4, MEMORY)
        c.write32(CONFIG_WINDOW, ENDPOINT + cap, 1 << 16)
        c.write32(LOW_WINDOW, EP_IRQ_TYPE, 1)
        c.write32(LOW_WINDOW, EP_IRQ_NUMBER, 1)
        c.write32(LOW_WINDOW, EP_COMMAND, EP_RAISE_MSI)
        message = c.receive()
        self.assertEqual((message.command, struct.unpack_from("=QQ", message.body)), (DMA_WRITE, (MEMORY, 4)))
        c.reset()
        self.answer(c, message)
        self.assertTrue(self.server.said("a reply that nobody waits for"))

    def test_the_high_window_begins_behind_its_own_registers(self):
        c = self.host()
        c.write(HIGH_WINDOW, OWN_SIZE - 4, b"0123" + b"4567")
        self.assertEqual(c.read(HIGH_WINDOW, OWN_SIZE - 4, 8), b"0123" + b"\xff" * 4)
        self.assertEqual(c.read32(HIGH_WINDOW, OWN_SIZE + 8), 0xffffffff)

    def test_the_next_client_meets_nothing_of_it(self):
        c = self.host()
        self.ask(c, EP_READ, 1 << 16)
        c.close()
        time.sleep(0.1)
        c = self.host()
        c.memory[MEMORY] = bytearray(4096)
        c.serve(self.ask(c, EP_COPY))
        self.assertEqual(c.receive().command, DMA_WRITE)


if __name__ == "__main__":
    unittest.main()
