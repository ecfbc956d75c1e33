# SPDX-License-Identifier: BSD-3-Clause
"""DEVICE_FEATURE: what is ours, and that everything else is said to be not there."""

import errno
import struct
import unittest

from vfio_user import *

DEVICE_FEATURE = 16
GET, SET, PROBE = 1 << 16, 1 << 17, 1 << 18
REGION_MEMORY = 0x8000
PAYLOAD = 120
CONFIG = 7
MAPPED = 2  # a BAR of the endpoint that clients map


class Feature(Case):
    def setUp(self):
        super().setUp()
        self.one = self.client()

    def feature(self, flags, payload=b"", argsz=None):
        argsz = 8 + len(payload) if argsz is None else argsz
        return self.one.call(DEVICE_FEATURE, struct.pack("=II", argsz, flags) + payload).body

    def memory(self, region, attribute=0):
        return struct.pack("=IIII", region, attribute, 0, 0) + bytes(PAYLOAD - 16)

    def test_features_of_vfio_are_not_there(self):
        for number in (0, 1, 3, 11, 13, 0x7fff, 0x8fff, 0xffff):
            with self.subTest(number=number):
                self.refused(errno.ENOTTY, self.feature, number | PROBE)
                self.refused(errno.ENOTTY, self.feature, number | GET, bytes(8))

    def test_ours_can_be_asked_for(self):
        for flags in (0, GET, SET, GET | SET):
            self.assertEqual(self.feature(REGION_MEMORY | PROBE | flags),
                             struct.pack("=II", 8, REGION_MEMORY | PROBE | flags))

    def test_what_is_and_what_can_be(self):
        answer = self.feature(REGION_MEMORY | GET, self.memory(MAPPED))
        argsz, flags, region, memory, possible, reserved = struct.unpack_from("=IIIIII", answer)
        self.assertEqual((argsz, flags, region, memory, possible, reserved),
                         (8 + PAYLOAD, REGION_MEMORY | GET, MAPPED, 0, 1, 0))
        self.assertEqual(len(answer), 8 + PAYLOAD)
        self.assertRegex(answer[24:].rstrip(b"\0").decode(), "one kind of mapping")

    def test_a_region_that_is_not_mapped_says_so(self):
        answer = self.feature(REGION_MEMORY | GET, self.memory(CONFIG))
        self.assertEqual(struct.unpack_from("=I", answer, 16)[0], 0)
        self.assertRegex(answer[24:].rstrip(b"\0").decode(), "by messages")

    def test_what_cannot_be_had_is_refused(self):
        self.feature(REGION_MEMORY | SET, self.memory(MAPPED))
        self.refused(errno.EOPNOTSUPP, self.feature, REGION_MEMORY | SET, self.memory(MAPPED, 1))
        self.refused(errno.EINVAL, self.feature, REGION_MEMORY | SET, self.memory(MAPPED, 2))

    def test_regions_that_are_not_there(self):
        for region in (8, 9, 0xffffffff):
            self.refused(errno.EINVAL, self.feature, REGION_MEMORY | GET, self.memory(region))

    def test_flags_and_sizes_that_make_no_sense(self):
        self.refused(errno.EINVAL, self.feature, REGION_MEMORY, self.memory(0))
        self.refused(errno.EINVAL, self.feature, REGION_MEMORY | GET | SET, self.memory(0))
        self.refused(errno.EINVAL, self.feature, REGION_MEMORY | GET | 1 << 19, self.memory(0))
        self.refused(errno.EINVAL, self.feature, REGION_MEMORY | GET, self.memory(0)[:-1])
        self.refused(errno.EINVAL, self.feature, REGION_MEMORY | GET, self.memory(0), PAYLOAD)
        self.refused(errno.EINVAL, self.one.call, DEVICE_FEATURE, bytes(7))
        self.one.info()


if __name__ == "__main__":
    unittest.main()
