# SPDX-License-Identifier: BSD-3-Clause
"""VERSION, and who gets the function."""

import errno
import json
import struct
import time
import unittest

from vfio_user import *


class Version(Case):
    def test_answer_is_exactly_what_qemu_takes(self):
        client = self.client(version=False)
        message = client.version()
        self.assertEqual(message.body[:4], struct.pack("=HH", 0, 0))
        self.assertEqual(message.body[4:], OUR_JSON.encode() + b"\0")

    def test_no_json_at_all(self):
        client = self.client(version=False)
        self.assertEqual(client.version(None).body[4:], OUR_JSON.encode() + b"\0")

    def test_empty_text_and_empty_object(self):
        for text in ("", "{}", '{"capabilities":{}}'):
            client = self.client(version=False)
            client.version(text)
            client.close()

    def test_minor_1_is_answered_with_0(self):
        client = self.client(version=False)
        self.assertEqual(client.version('{"capabilities":{"max_msg_fds":1}}', minor=1).body[:4], bytes(4))

    def test_unknown_keys_and_nested_junk(self):
        client = self.client(version=False)
        client.version('{"frob":[1,{"a":[[[[["x"]]]]]}],"capabilities":{"twin_socket":{"supported":true},'
                       '"max_msg_fds":3,"x":null,"y":{"z":[true,1e300]}}}')
        self.assertEqual(client.info()[2:], (9, 5))

    def test_bad_text_is_refused_and_the_connection_ends(self):
        bad = [b"{", b"[]", b"3", b'{"capabilities":3}', b'{"capabilities":{"max_msg_fds":"many"}}',
               b'{"capabilities":{"max_msg_fds":-1}}', b"{\xff}", b"[" * 1000, b"{}x"]
        for text in bad:
            with self.subTest(text=text[:40]):
                client = self.client(version=False)
                self.refused(errno.EINVAL, client.call, VERSION, bytes(4) + text + b"\0")
                self.assertTrue(client.closed())

    def test_missing_nul(self):
        client = self.client(version=False)
        self.refused(errno.EINVAL, client.call, VERSION, bytes(4) + b"{}")
        self.assertTrue(client.closed())

    def test_major_1(self):
        client = self.client(version=False)
        self.refused(errno.EINVAL, client.version, QEMU_JSON, major=1)
        self.assertTrue(client.closed())

    def test_body_too_short(self):
        for size in range(4):
            client = self.client(version=False)
            self.refused(errno.EINVAL, client.call, VERSION, bytes(size))
            self.assertTrue(client.closed())

    def test_text_too_long(self):
        client = self.client(version=False)
        text = json.dumps({"x": "y" * 60000})
        self.refused(errno.E2BIG, client.version, text)
        self.assertTrue(client.closed())

    def test_without_reply(self):
        client = self.client(version=False)
        client.send(VERSION, bytes(4), flags=NO_REPLY)
        self.refused(errno.EINVAL, client.reply)
        self.assertTrue(client.closed())

    def test_something_else_first(self):
        client = self.client(version=False)
        self.refused(errno.EINVAL, client.info)
        self.assertTrue(client.closed())

    def test_twice(self):
        client = self.client()
        self.refused(errno.EINVAL, client.version)
        self.assertEqual(client.info()[2:], (9, 5))


class Clients(Case):
    def test_second_client_is_told_at_once(self):
        first = self.client()
        second = self.client(version=False)
        self.refused(errno.EBUSY, second.version)
        self.assertTrue(second.closed())
        self.assertEqual(first.info()[2:], (9, 5))

    def test_first_to_speak_gets_it(self):
        silent = self.client(version=False)
        client = self.client()
        self.refused(errno.EBUSY, silent.version)
        self.assertEqual(client.info()[2:], (9, 5))

    def test_silent_ones_keep_nobody_out(self):
        silent = [self.client(version=False) for _ in range(60)]
        client = self.client()
        self.assertEqual(client.info()[2:], (9, 5))
        # The oldest had to go.
        self.assertTrue(silent[0].closed())
        self.assertFalse(silent[-1].closed(0.1))

    def test_half_a_version_keeps_nobody_out(self):
        slow = self.client(version=False)
        slow.send_raw(slow.message(VERSION, bytes(4))[:17])
        client = self.client()
        self.assertEqual(client.info()[2:], (9, 5))

    def test_silent_one_goes_after_five_seconds(self):
        silent = self.client(version=False)
        began = time.monotonic()
        self.assertTrue(silent.closed(8))
        self.assertGreater(time.monotonic() - began, 4)

    def test_next_client_after_the_first(self):
        for _ in range(3):
            client = self.client()
            client.command(6)
            self.assertEqual(client.read(CONFIG, 4, 2), b"\6\0")
            client.close()
        # As just opened: nothing of the one before is left.
        self.assertEqual(self.client().read(CONFIG, 4, 2), b"\0\0")

    def test_coming_back_never_meets_itself(self):
        for _ in range(300):
            client = Client(self.server)
            client.send(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0))
            client.close()

    def test_a_hundred_reconnects_leak_nothing(self):
        self.client().close()
        time.sleep(0.1)
        before = self.server.fds()
        fd, trigger = self.memfd(65536), self.eventfd()
        for n in range(100):
            client = Client(self.server)
            client.map(0, 65536, fd=fd)
            client.set_irqs(EVENTFD | TRIGGER, INTX, 0, 1, fds=[trigger])
            if n % 2:
                client.info()
            client.close()
        self.assertEqual(self.server.settled_fds(before), before)


if __name__ == "__main__":
    unittest.main()
