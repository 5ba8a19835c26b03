"""DNS over TCP: what clients do to a connection, and what others notice of it."""
import os
import pwd
import resource
import socket
import struct
import threading
import time

from func import Case, main
from gemelkit import Message, encode_query, read_tcp, resolve

OURSELVES = pwd.getpwuid(os.geteuid()).pw_name
OPTION_NSID, OPTION_KEEPALIVE, OPTION_PADDING = 3, 11, 12


def framed(query):
    return struct.pack(">H", len(query)) + bytes(query)


def option(code, data=b""):
    return struct.pack(">HH", code, len(data)) + data


def options_of(message):
    """{code: data} of an answer's OPT."""
    found, data = {}, next(r for r in message.additional if r[1] == 41)[-1]
    at = 0
    while at < len(data):
        code, length = struct.unpack(">HH", data[at:at + 4])
        found[code] = data[at + 4:at + 4 + length]
        at += 4 + length
    return found


class Served(Case):
    """Children stay our own user, so that we may limit them."""
    limits = ""

    def setUp(self):
        super().setUp()
        path = self.single_config(self.limits)
        with open(path) as f:
            text = f.read()
        self.scratch.write("gemel.lua", text.replace('node "solo" {', f'node "solo" {{ user = "{OURSELVES}",'))
        self.node(path, "solo")
        self.query = framed(encode_query("static.example.test", ident=7))

    def connect(self):
        s = socket.create_connection(self.server("solo"), 10)
        self.addCleanup(s.close)
        return s

    def read(self, s):
        return read_tcp(s)


class Tcp(Served):
    def test_octet_by_octet(self):
        s = self.connect()
        for octet in self.query:
            s.sendall(bytes([octet]))
        self.assertEqual(self.read(s)[:2], b"\0\7")

    def test_half_closed_after_many_questions(self):
        s = self.connect()
        s.sendall(self.query * 500)
        s.shutdown(socket.SHUT_WR)
        for _ in range(500):
            self.assertEqual(self.read(s)[:2], b"\0\7")
        self.assertEqual(s.recv(1), b"")

    def test_status_on_a_half_closed_connection(self):
        s = self.connect()
        s.sendall(framed(encode_query("id.server", "TXT", "CH", ident=9)))
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read(s)[:2], b"\0\x09")
        self.assertEqual(s.recv(1), b"")

    def test_one_that_never_reads_stops_nobody(self):
        """It is not read from any more once it is far behind; others are answered meanwhile."""
        slow = self.connect()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        sent, stuck = 0, None
        while sent < (256 << 20):
            try:
                sent += slow.send(self.query * 1000)
                stuck = None
            except BlockingIOError:
                stuck = stuck or time.monotonic()
                if time.monotonic() - stuck > 1:
                    break
                time.sleep(0.01)
            except ConnectionError:  # closed as idle already: it took no answer for so long
                stuck = time.monotonic()
                break
        self.assertIsNotNone(stuck, "the server reads without end from one who does not")
        s = self.connect()
        s.sendall(self.query)
        self.assertEqual(self.read(s)[:2], b"\0\7")

    def test_closed_while_answers_are_on_their_way(self):
        for _ in range(50):
            s = self.connect()
            s.sendall(self.query * 200)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            s.close()
        s = self.connect()
        s.sendall(self.query)
        self.assertEqual(self.read(s)[:2], b"\0\7")
        self.assertNotIn("died", self.nodes["solo"].log())

    def test_out_of_descriptors(self):
        """The idlest gives way; the process neither spins nor dies."""
        node = self.nodes["solo"]
        pid = node.child("responder")
        used = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 8, used + 8))
        held = [self.connect() for _ in range(40)]
        s = self.connect()
        s.sendall(self.query)
        self.assertEqual(self.read(s)[:2], b"\0\7")
        self.assertEqual(node.child("responder"), pid)
        del held

    def test_the_cold_path_among_others(self):
        """Answers may overtake each other (RFC 7766 6.2.1.1); each question has one."""
        s = self.connect()
        cold = [framed(encode_query("id.server", "TXT", "CH", ident=1000 + i)) for i in range(50)]
        hot = [framed(encode_query("static.example.test", ident=i)) for i in range(50)]
        s.sendall(b"".join(c + h for c, h in zip(cold, hot)))
        s.shutdown(socket.SHUT_WR)
        seen = sorted(struct.unpack(">H", self.read(s)[:2])[0] for _ in range(100))
        self.assertEqual(seen, [*range(50), *range(1000, 1050)])
        self.assertEqual(s.recv(1), b"")

    def test_a_flood_of_class_ch_is_bounded(self):
        """More than may wait at a time, from several sides, over TCP and UDP: each is answered, SERVFAIL where there is no room, and
        other questions are answered meanwhile."""
        count = 2000
        flood = b"".join(framed(encode_query("id.server", "TXT", "CH", ident=i)) for i in range(count))
        conns = [self.connect() for _ in range(4)]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(udp.close)
        udp.connect(self.server("solo"))
        for s in conns:
            threading.Thread(target=s.sendall, args=(flood,)).start()
        for _ in range(count):
            udp.send(encode_query("id.server", "TXT", "CH"))
        other = self.connect()
        other.sendall(self.query)
        self.assertEqual(self.read(other)[:2], b"\0\7")
        rcodes = set()
        for s in conns:
            replies = [self.read(s) for _ in range(count)]
            self.assertEqual(sorted(int.from_bytes(r[:2], "big") for r in replies), list(range(count)))
            rcodes |= {r[3] & 15 for r in replies}
        self.assertLessEqual(rcodes, {0, 2})
        last = lambda: resolve(self.server("solo"), "id.server", "TXT", qclass="CH").rcode  # noqa: E731
        self.assert_soon(lambda: last() == "NOERROR", "there is room again")

    def test_odd_messages_are_passed_by(self):
        """Empty, too short, an answer: nothing comes back, and what follows is answered."""
        s = self.connect()
        answer = bytearray(encode_query("static.example.test"))
        answer[2] |= 0x80
        s.sendall(framed(b"") + framed(b"abc") + framed(answer) + self.query)
        self.assertEqual(self.read(s)[:2], b"\0\7")

    def test_the_longest_message(self):
        s = self.connect()
        query = encode_query("static.example.test", ident=7)
        long = framed(query + b"\0" * (65535 - len(query)))
        for at in range(0, len(long), 9999):
            s.sendall(long[at:at + 9999])
        s.sendall(self.query)
        for _ in range(2):
            self.assertEqual(self.read(s)[:2], b"\0\7")

    def test_half_a_message_and_the_end(self):
        s = self.connect()
        s.sendall(self.query + self.query[:9])
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read(s)[:2], b"\0\7")
        self.assertEqual(s.recv(1), b"")

    def resident(self):
        with open(f"/proc/{self.nodes['solo'].child('responder')}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def test_a_slow_reader_gets_all_and_costs_no_memory(self):
        """40 MB of answers to one who reads when it has asked everything, and has closed its side by then."""
        count = 20000
        slow = self.connect()
        before = self.resident()
        query = bytearray(framed(encode_query("big.example.test", "TXT", ident=0)))

        def ask_all():
            for i in range(count):
                query[2:4] = i.to_bytes(2, "big")
                slow.sendall(query)
            slow.shutdown(socket.SHUT_WR)
        asker = threading.Thread(target=ask_all)
        asker.start()
        for i in range(count):
            if i % 1000 == 0:
                other = self.connect()
                other.sendall(self.query)
                self.assertEqual(self.read(other)[:2], b"\0\7")
                other.close()
            if i == count // 2:
                self.assertLess(self.resident() - before, 8 << 10)
            self.assertEqual(int.from_bytes(self.read(slow)[:2], "big"), i)
        self.assertEqual(slow.recv(1), b"")
        asker.join()

    def test_padding_hides_nothing_here(self):
        """RFC 7830 6: padded answers only over encrypted transports. The option is ignored, and what stands beside it is not."""
        plain = resolve(self.server("solo"), "static.example.test", tcp=True)
        query = encode_query("static.example.test", options=option(OPTION_PADDING, bytes(100)))
        s = self.connect()
        s.sendall(framed(query))
        over_tcp = Message(self.read(s))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
            u.settimeout(10)
            u.connect(self.server("solo"))
            u.send(query)
            over_udp = Message(u.recv(4096))
        for reply in (over_tcp, over_udp):
            self.assertEqual(reply.addresses(), ["192.0.2.10"])
            self.assertEqual(options_of(reply), {})
            self.assertEqual(len(reply.wire), len(plain.wire))

    def test_keepalive_over_tcp_alone(self):
        """RFC 7828 3: the idle time in tenths of a second; over UDP the option is ignored."""
        query = encode_query("static.example.test", options=option(OPTION_KEEPALIVE))
        s = self.connect()
        s.sendall(framed(query))
        self.assertEqual(options_of(Message(self.read(s))), {OPTION_KEEPALIVE: struct.pack(">H", 300)})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
            u.settimeout(10)
            u.connect(self.server("solo"))
            u.send(query)
            self.assertEqual(options_of(Message(u.recv(4096))), {})


class Idle(Tcp):
    """The same with a server of less patience: what is busy in any way is never cut off. It has more than this machine lets us
    stand still, for then it is we who are idle."""
    IDLE_S = 8
    limits = f'limits {{ tcp = {{ idle = "{IDLE_S}s" }} }}\n'

    def test_keepalive_over_tcp_alone(self):
        query = encode_query("static.example.test", options=option(OPTION_KEEPALIVE))
        s = self.connect()
        s.sendall(framed(query))
        self.assertEqual(options_of(Message(self.read(s))), {OPTION_KEEPALIVE: struct.pack(">H", 10 * self.IDLE_S)})

    def test_who_asks_on_is_never_cut_off(self):
        s = self.connect()
        over = time.monotonic() + 1.5 * self.IDLE_S
        while time.monotonic() < over:
            s.sendall(self.query * 50)
            for _ in range(50):
                self.assertEqual(self.read(s)[:2], b"\0\7")


class Octets(Served):
    limits = 'limits { tcp = { idle = "1s" } }\n'

    def test_single_octets_keep_nobody_young(self):
        s = self.connect()
        began = time.monotonic()
        with self.assertRaises(OSError):
            while time.monotonic() - began < 30:
                s.send(b"\1")
                s.settimeout(0.1)
                try:
                    if s.recv(1) == b"":
                        raise ConnectionError
                except socket.timeout:
                    pass
        self.assertLess(time.monotonic() - began, 30)


if __name__ == "__main__":
    main()
