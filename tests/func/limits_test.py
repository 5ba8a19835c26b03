"""What one client can take: responses over UDP, connections over TCP. All on loopback, whose exemption is taken away."""
import json
import re
import socket
import struct
import time

from func import Case, main
from gemelkit import Message, ask, encode_query, read_tcp

RATE = 20
NOBODY = "exempt = {}"
PATIENCE_S = 20   # for an answer that comes, whenever the machine lets it
ASKED, MARK = 1, 2  # numbers of queries


def cookie_option(cookie):
    return struct.pack(">HH", 10, len(cookie)) + cookie


class Limits(Case):
    def begin(self, limits, node=""):
        config = self.single_config(f"limits {{ {limits} }}\n")
        if node:
            with open(config) as f:
                text = f.read()
            self.scratch.write("gemel.lua", text.replace("state =", node + ", state =", 1))
        self.solo = self.node(config, "solo")

    def status(self):
        code, out, err = self.ctl("solo", "--json", "status")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def counted(self, condition, text):
        return self.assert_soon(lambda: (lambda s: s if condition(s) else None)(self.status()), text)

    def reload_with(self, old, new):
        with open(self.scratch.path("gemel.lua")) as f:
            text = f.read()
        self.assertIn(old, text)
        self.scratch.write("gemel.lua", text.replace(old, new))
        code, out, err = self.ctl("solo", "reload")
        self.assertEqual(code, 0, out + err)


class Rate(Limits):
    """workers = 1: the rate is the node's, and a worker's part of it is all."""

    def setUp(self):
        super().setUp()
        self.cookies = {}

    def cookie(self, source):
        """Of this client; asked for once, with a question whose kind of response has an account of its own."""
        if source not in self.cookies:
            reply = self.exchange(encode_query("nothing.example.test", options=cookie_option(bytes(8))), source)
            self.cookies[source] = reply.additional[0][-1][4:]
        return self.cookies[source]

    def flood(self, source, count, name="static.example.test", qtype="A", qclass="IN"):
        """Asks count times, no more than 50 ahead of the server; (whole, truncated, none) answers. How far that is, a question
        from the same socket tells, which goes the same way, hot or cold, behind those before it: with its cookie, whatever the rate."""
        counts = [0, 0]
        known = ("static.example.test", "A") if qclass == "IN" else (name, qtype)
        mark = encode_query(*known, qclass, ident=MARK, options=cookie_option(self.cookie(source)))
        started = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(PATIENCE_S)
            s.bind((source, 0))
            s.connect(self.server("solo"))
            for i in range(count):
                s.send(encode_query(name, qtype, qclass, ident=ASKED))
                if i % 50 == 49 or i == count - 1:
                    s.send(mark)
                    for flags in iter(lambda: self.flags_of_asked(s), None):
                        counts[bool(flags & 0x200)] += 1
            self.took = time.monotonic() - started
        return *counts, count - sum(counts)

    @staticmethod
    def flags_of_asked(s):
        """Of the next answer; None where it is that to the mark."""
        ident, flags = struct.unpack(">HH", s.recv(4096)[:4])
        return None if ident == MARK else flags

    def assert_cut(self, whole):
        """The second's credit, and what came in while the flood lasted."""
        self.assertLessEqual(whole, RATE * (2 + self.took) + 1)

    def test_a_flood_is_cut_to_the_rate_and_others_are_not_touched(self):
        self.begin(f"rrl = {{ rate = {RATE}, slip = 2, {NOBODY} }}", "workers = 1")
        count = 2000
        whole, truncated, none = self.flood("127.0.1.1", count)
        self.assertGreaterEqual(whole, RATE)
        self.assert_cut(whole)
        limited = count - whole
        self.assertAlmostEqual(truncated, limited / 2, delta=limited / 20 + 2)  # every other one, in order
        self.assertGreater(none, 0)
        self.assertIsNone(self.refused_now("127.0.1.200"))  # the same /24
        for other in ("127.0.2.1", "127.0.0.1"):
            self.assertEqual(ask(self.server("solo"), "static.example.test", source=other, timeout=5).addresses(), ["192.0.2.10"])
        for kind in ("nothing.example.test", "ns1.example.test"):  # accounts by the kind of response
            qtype = "AAAA" if kind.startswith("ns1") else "A"
            self.assertFalse(ask(self.server("solo"), kind, qtype, source="127.0.1.1", timeout=5).tc)
        reply = ask(self.server("solo"), "static.example.test", source="127.0.1.1", tcp=True, timeout=5)
        self.assertEqual(reply.addresses(), ["192.0.2.10"])  # TCP proves who asks
        self.counted(lambda s: s["queries"]["rate_slipped"] >= truncated and s["queries"]["rate_dropped"] >= none - 1, "all are counted")

    def refused_now(self, source):
        """None where two questions in a row get no whole answer."""
        for _ in range(2):
            reply = ask(self.server("solo"), "static.example.test", source=source, timeout=0.3)
            if reply is not None and not reply.tc:
                return reply
        return None

    def test_a_truncated_answer_is_no_larger_than_the_question(self):
        self.begin(f"rrl = {{ rate = 1, slip = 1, {NOBODY} }}", "workers = 1")
        self.flood("127.0.1.1", 20)  # in debt for as long as the window is
        for _ in range(6):
            r = ask(self.server("solo"), "big.example.test", "TXT", source="127.0.1.1", edns=1232, timeout=PATIENCE_S)
            self.assertLessEqual(len(r.wire), len(encode_query("big.example.test", "TXT", "IN", 1232)))
            self.assertTrue(r.tc)
            self.assertEqual((r.answer, r.authority, len(r.additional)), ([], [], 1))  # the OPT

    def test_errors_are_dropped_and_without_slip_all_are(self):
        self.begin(f"rrl = {{ rate = {RATE}, slip = 1, {NOBODY} }}", "workers = 1")
        whole, truncated, none = self.flood("127.0.1.1", 400, "www.other.invalid")  # REFUSED
        self.assertEqual(truncated, 0)
        self.assert_cut(whole)
        self.assertGreaterEqual(whole, RATE)
        whole, truncated, none = self.flood("127.0.3.1", 400)
        self.assertEqual(none, 0)
        self.assert_cut(whole)
        self.reload_with("slip = 1", "slip = 0")
        whole, truncated, none = self.flood("127.0.4.1", 400)
        self.assertEqual(truncated, 0)
        self.assert_cut(whole)

    def test_loopback_is_exempt_unless_said_otherwise_and_a_reload_counts(self):
        self.begin(f"rrl = {RATE}", "workers = 1")
        self.assertEqual(self.flood("127.0.1.1", 500), (500, 0, 0))
        self.reload_with(f"rrl = {RATE}", f'rrl = {{ rate = {RATE}, exempt = "127.0.2.0/24" }}')
        self.assertEqual(self.flood("127.0.2.7", 500), (500, 0, 0))
        self.assert_cut(self.flood("127.0.1.1", 500)[0])
        self.reload_with(f'rrl = {{ rate = {RATE}, exempt = "127.0.2.0/24" }}', "rrl = false")
        self.assertEqual(self.flood("127.0.1.1", 500), (500, 0, 0))

    def test_the_cold_path_too(self):
        self.begin(f"rrl = {{ rate = 1, {NOBODY} }}", "workers = 1")
        whole, _, none = self.flood("127.0.1.1", 15, "id.server", "TXT", "CH")
        self.assertGreaterEqual(whole, 1)
        self.assertGreater(none, 0)
        self.assertIsNotNone(ask(self.server("solo"), "id.server", "TXT", "CH", source="127.0.2.1", timeout=5))

    def exchange(self, query, source):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((source, 0))
            s.connect(self.server("solo"))
            s.settimeout(PATIENCE_S)
            s.send(query)
            return Message(s.recv(4096))

    def test_a_slip_brings_a_cookie_and_a_good_one_is_not_limited(self):
        """RFC 7873 5.1: who has proved its address is answered, whatever is asked in the name of its network."""
        self.begin(f"rrl = {{ rate = 1, slip = 1, {NOBODY} }}", "workers = 1")
        self.flood("127.0.1.1", 20)
        slip = self.exchange(encode_query("static.example.test", options=cookie_option(bytes(8))), "127.0.1.1")
        self.assertTrue(slip.tc)
        cookie = slip.additional[0][-1][4:]
        self.assertEqual(len(cookie), 24)
        with_it = encode_query("static.example.test", options=cookie_option(cookie))
        for _ in range(100):
            self.assertEqual(self.exchange(with_it, "127.0.1.1").addresses(), ["192.0.2.10"])
        cold = encode_query("id.server", "TXT", "CH", options=cookie_option(cookie))  # SERVFAIL where the coordinator does not come to it
        self.assert_soon(lambda: len(self.exchange(cold, "127.0.1.1").answer) == 1, "the cold path knows it, too")
        self.assertTrue(self.exchange(encode_query("static.example.test"), "127.0.1.1").tc)
        self.assertTrue(self.exchange(with_it, "127.0.1.2").tc)  # another's cookie

    def test_people_are_told_once_when_it_begins_and_when_it_ends(self):
        window = "5s"  # a pause of ours is no end of it
        self.begin(f'rrl = {{ rate = {RATE}, slip = 2, window = "{window}", {NOBODY} }}', "workers = 2")
        whole, truncated, none = self.flood("127.0.1.1", 1000)
        limited = 1000 - whole
        text = self.assert_soon(lambda: next((line for line in self.solo.log().splitlines() if "no longer limited" in line), None), "its end")
        self.assertEqual(self.solo.log().count("responses to 127.0.1.0/24 are limited"), 1)
        told = re.search(r"127\.0\.1\.0/24 are no longer limited: (\d+) dropped and (\d+) truncated in \d+ s", text)
        self.assertTrue(told, text)
        self.assertEqual(int(told[1]) + int(told[2]), limited)
        self.assertEqual(int(told[2]), truncated)

    def test_workers_share_the_rate(self):
        self.begin(f"rrl = {{ rate = {RATE}, slip = 0, {NOBODY} }}", "workers = 2")
        total = 0
        started = time.monotonic()
        for _ in range(20):  # ports of 20 sockets: both workers have some, all but surely
            total += self.flood("127.0.1.1", 20)[0]
        took = time.monotonic() - started
        self.assertGreaterEqual(total, RATE // 2)
        self.assertLessEqual(total, RATE * (1 + took) + 2)


class Tcp(Limits):
    def open(self, source):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(s.close)
        s.settimeout(20)
        s.bind((source, 0))
        s.connect(self.server("solo"))
        self.assertTrue(self.is_served(s), "a newcomer is not served")
        return s

    @staticmethod
    def is_served(s):
        query = encode_query("static.example.test", "A")
        try:
            s.sendall(struct.pack(">H", len(query)) + query)
            return read_tcp(s)[:2] == query[:2]
        except (EOFError, ConnectionError):
            return False

    def test_the_idlest_gives_way(self):
        self.begin("tcp = { connections = 6, per_source = 6 }")
        old = [self.open(f"127.0.{i}.1") for i in range(1, 7)]
        self.assertTrue(self.is_served(old[0]))  # so the second is the idlest
        new = self.open("127.0.9.1")
        self.assertFalse(self.is_served(old[1]))
        for s in [old[0], *old[2:], new]:
            self.assertTrue(self.is_served(s))
        s = self.counted(lambda s: s["tcp"]["evicted"] == 1, "the one that gave way is counted")
        self.assertEqual((s["tcp"]["connections"], s["tcp"]["accepted"], s["tcp"]["evicted_source"]), (6, 7, 0))

    def test_one_network_cannot_take_all(self):
        self.begin("tcp = { connections = 8, per_source = 3 }")
        honest = [self.open(f"127.0.{i}.1") for i in range(1, 5)]
        greedy = [self.open(f"127.0.8.{1 + i}") for i in range(20)]  # each is served when it comes
        for s in honest:
            self.assertTrue(self.is_served(s))
        for s in greedy[:17]:
            self.assertFalse(self.is_served(s))
        for s in greedy[17:]:
            self.assertTrue(self.is_served(s))
        s = self.counted(lambda s: s["tcp"]["evicted_source"] == 17, "those that gave way are counted")
        self.assertEqual((s["tcp"]["connections"], s["tcp"]["evicted"]), (7, 0))

    def test_a_quarter_by_default(self):
        self.begin("tcp = 8")
        conns = [self.open("127.0.1.1") for _ in range(3)]
        self.assertFalse(self.is_served(conns[0]))
        self.assertTrue(self.is_served(conns[1]))

    def test_idle_connections_end_and_busy_ones_do_not(self):
        self.begin('tcp = { idle = "5s" }')  # no pause of ours is as long
        started = time.monotonic()
        idle, busy = self.open("127.0.1.1"), self.open("127.0.2.1")
        idle.settimeout(0.2)
        while True:
            self.assertTrue(self.is_served(busy))
            try:
                self.assertEqual(idle.recv(1), b"")
                break
            except socket.timeout:
                self.assertLess(time.monotonic() - started, 30)
        self.assertGreater(time.monotonic() - started, 4.8)
        self.counted(lambda s: s["tcp"]["connections"] <= 1, "it is not counted any more")

    def test_lower_bounds_follow_a_reload(self):
        self.begin("tcp = { connections = 8, per_source = 8 }")
        old = [self.open("127.0.1.1") for _ in range(8)]
        self.reload_with("connections = 8, per_source = 8", "connections = 3, per_source = 2")
        new = self.open("127.0.1.2")
        self.assertTrue(self.is_served(old[7]))
        for s in old[:7]:
            self.assertFalse(self.is_served(s))
        self.assertTrue(self.is_served(new))


if __name__ == "__main__":
    main()
