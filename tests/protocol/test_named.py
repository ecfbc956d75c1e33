# SPDX-License-Identifier: BSD-3-Clause
"""Faults that other mediators have had, of the protocol; the others are in tests/unit/test_named.c."""

import errno
import struct
import unittest

from vfio_user import *


class Named(Case):
    def test_row_23_no_reply(self):
        """Writes that want no reply get none, errors included; a question that wants none is refused."""
        client = self.client()
        client.command(2)
        client.write32(2, 0, 0x11223344, NO_REPLY)
        client.write(99, 0, b"x", NO_REPLY)
        self.assertTrue(client.quiet())
        self.assertEqual(client.read32(2, 0), 0x11223344)
        client.send(GET_REGION_INFO, struct.pack("=IIII", 32, 0, 0, 0) + bytes(16), flags=NO_REPLY)
        self.refused(errno.EINVAL, client.reply)


if __name__ == "__main__":
    unittest.main()
