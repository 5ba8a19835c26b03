"""DNS cookies between real processes: what one twin made the other accepts, over restarts and a change of the key.

Whether a server accepts a cookie shows without any zone: a query with no question but a cookie is answered BADCOOKIE where the
server's half is not good (RFC 7873 5.4)."""
import os
import re
import shutil
import socket
import struct
import subprocess
import unittest

from func import Case, main
from gemelkit import Message, encode_query, write_key

HALF = bytes.fromhex("2464c4abcf10c957")
COOKIE, KEEPALIVE = 10, 11
DIG = shutil.which("dig")


def option(code, content=b""):
    return struct.pack(">HH", code, len(content)) + content


def options_of(message):
    """{code: content} of the OPT, and the whole rcode."""
    found = {}
    for _, rtype, ttl, data in message.additional:
        if rtype != 41:
            continue
        rcode = (ttl >> 24) << 4 | message.wire[3] & 15
        while data:
            code, length = struct.unpack(">HH", data[:4])
            found[code] = data[4:4 + length]
            data = data[4 + length:]
        return found, rcode
    return found, message.wire[3] & 15


class Cookies(Case):
    def exchange(self, name, query):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(self.server(name))
            for _ in range(4):
                try:
                    s.send(query)
                    return Message(s.recv(4096))
                except (socket.timeout, ConnectionError):
                    continue
        self.fail_with_logs(f"{name} does not answer")
        return None

    def cookie(self, name, sent=HALF):
        """The cookie that comes with an answer."""
        reply = self.exchange(name, encode_query("static.example.test", options=option(COOKIE, sent)))
        found, rcode = options_of(reply)
        self.assertEqual((rcode, reply.addresses()), (0, ["192.0.2.10"]))
        self.assertEqual((len(found[COOKIE]), found[COOKIE][:8]), (24, HALF))
        return found[COOKIE]

    def accepts(self, name, cookie):
        opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 4 + len(cookie)) + option(COOKIE, cookie)
        found, rcode = options_of(self.exchange(name, struct.pack(">HHHHHH", 77, 0, 0, 0, 0, 1) + opt))
        self.assertIn(rcode, (0, 23))
        self.assertEqual(len(found[COOKIE]), 24)
        return rcode == 0


class Pair(Cookies):
    def setUp(self):
        super().setUp()
        self.config = self.pair_config("", 80)
        self.ns1, self.ns2 = self.node(self.config, "ns1"), self.node(self.config, "ns2")

    def test_a_cookie_of_one_twin_is_good_at_the_other(self):
        for maker, other in (("ns1", "ns2"), ("ns2", "ns1")):
            cookie = self.cookie(maker)
            self.assertTrue(self.accepts(maker, cookie))
            self.assertTrue(self.accepts(other, cookie))
            self.assertEqual(self.cookie(other, cookie), cookie)  # a fresh one comes back as it was
            forged = cookie[:-1] + bytes([cookie[-1] ^ 1])
            self.assertFalse(self.accepts(maker, forged))
            self.assertFalse(self.accepts(other, forged))

    def test_a_cookie_outlives_a_restart(self):
        cookie = self.cookie("ns1")
        self.assertEqual(self.ns1.stop(), 0)
        self.ns1.start()
        self.assertTrue(self.accepts("ns1", cookie))

    def test_a_new_key_keeps_the_cookies_of_the_old_one(self):
        cookie = self.cookie("ns1")
        os.unlink(self.scratch.path("pair.key"))
        write_key(self.scratch.path("pair.key"))
        status, out, err = self.ctl("ns1", "reload")
        self.assertEqual(status, 0, out + err)
        new = self.cookie("ns1")
        self.assert_soon(lambda: not self.accepts("ns2", self.cookie("ns1")), "ns1 makes them with its new key")
        self.assertTrue(self.accepts("ns1", cookie))
        self.assertTrue(self.accepts("ns1", new))
        self.assertTrue(self.accepts("ns2", cookie))
        self.assertEqual(self.ctl("ns2", "reload")[0], 0)
        self.assert_soon(lambda: self.accepts("ns2", self.cookie("ns1")), "ns2 has the new key, too")
        self.assertTrue(self.accepts("ns2", cookie))

    def test_class_ch_brings_one_too(self):
        """The coordinator answers, with the cookie that the responder made."""
        def told(options=b""):  # SERVFAIL where the coordinator does not come to it
            found, rcode = options_of(self.exchange("ns1", encode_query("id.server", "TXT", "CH", options=options)))
            return rcode != 2 and (found, rcode)
        found, rcode = self.assert_soon(lambda: told(option(COOKIE, HALF)), "the coordinator answers")
        self.assertEqual(rcode, 0)
        self.assertEqual(found[COOKIE][:8], HALF)
        self.assertTrue(self.accepts("ns2", found[COOKIE]))
        self.assertEqual(self.assert_soon(told, "the coordinator answers")[0], {})

    @unittest.skipUnless(DIG, "there is no dig")
    def test_dig(self):
        def dig(name, *words):
            out = subprocess.run([DIG, "@127.0.0.1", "-p", str(self.ports[name]), "+norecurse", "static.example.test", *words],
                                 capture_output=True, text=True, check=True, timeout=60).stdout
            self.assertIn("status: NOERROR", out)
            return out

        first = re.search(r"; COOKIE: ([0-9a-f]{48}) \(good\)", dig("ns1", f"+cookie={HALF.hex()}"))
        self.assertTrue(first)
        for name in ("ns1", "ns2"):
            self.assertIn(f"; COOKIE: {first[1]} (good)", dig(name, f"+cookie={first[1]}"))
        self.assertNotIn("COOKIE", dig("ns1", "+nocookie"))
        self.assertRegex(dig("ns1", "+tcp", "+keepalive"), r"TCP.KEEPALIVE: 30\.0")
        self.assertNotIn("KEEPALIVE", dig("ns1", "+notcp", "+keepalive"))
        self.assertRegex(dig("ns1", "+subnet=198.51.100.0/24"), r"CLIENT-SUBNET: 198\.51\.100\.0/24/0")


class Alone(Cookies):
    def test_without_a_pair_the_supervisor_keeps_the_secret(self):
        solo = self.node(self.single_config(), "solo")
        cookie = self.cookie("solo")
        solo.kill_child("responder")
        self.assertTrue(self.accepts("solo", cookie))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.assertTrue(self.accepts("solo", cookie))
        self.assertEqual(solo.stop(), 0)
        solo.start()
        self.assertFalse(self.accepts("solo", cookie))  # another start, another secret

    def test_strict_and_off(self):
        config = self.single_config('limits { cookies = "strict" }\n')
        self.node(config, "solo")
        query = encode_query("static.example.test", options=option(COOKIE, HALF))
        found, rcode = options_of(self.exchange("solo", query))
        self.assertEqual(rcode, 23)
        self.assertEqual(self.cookie("solo", found[COOKIE]), found[COOKIE])
        self.assertEqual(self.exchange("solo", encode_query("static.example.test")).addresses(), ["192.0.2.10"])
        with open(config, encoding="utf-8") as f:
            text = f.read()
        self.scratch.write("gemel.lua", text.replace("strict", "off"))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.assert_soon(lambda: options_of(self.exchange("solo", query)) == ({}, 0), "no more cookies")


if __name__ == "__main__":
    main()
