"""Reloads under full load: every answer is wholly of one version, and none is lost.

Two names of one zone change together in one file, and so do the two records of each: a version shows in the second and third octet of
every address. Whoever asks one name after the other may see a newer version the second time, never an older one.
"""
import os
import select
import socket
import struct
import threading

from func import Case, main
from gemelkit import Message, encode_query, read_tcp, wait_until

RELOADS = 20
NAMES = ("one.example.test", "two.example.test")
WINDOW = 32  # questions outstanding on one socket: far below what its buffer holds, so a lost one is a dropped one
SILENT_S = 10.0

ZONE = """$TTL 300
@   SOA ns1 hostmaster {v} 3600 600 86400 60
    NS  ns1
ns1 A   127.0.0.1
one A   10.{hi}.{lo}.1
one A   10.{hi}.{lo}.2
two A   10.{hi}.{lo}.3
two A   10.{hi}.{lo}.4
{more}"""


def version_of(reply):
    """The version that both records of the answer are of, or a ValueError."""
    if reply.rcode != "NOERROR" or reply.tc or len(reply.answer) != 2:
        raise ValueError(f"{reply.rcode}, tc {reply.tc}, answer {reply.answer}")
    found = {tuple(int(x) for x in a.split(".")[:3]) for a in reply.addresses()}
    if len(found) != 1:
        raise ValueError(f"two versions in one answer: {reply.addresses()}")
    _, hi, lo = found.pop()
    return hi * 256 + lo


class Asker(threading.Thread):
    """Asks without pause until told to stop. A fault ends it and stays in `fault`."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.done = server, threading.Event()
        self.asked = self.answered = 0
        self.seen = {}  # version: answers
        self.fault = None

    def run(self):
        try:
            self.ask_on()
        except Exception as e:  # whatever it is, the test must tell it
            self.fault = f"{type(self).__name__}: {type(e).__name__}: {e}"

    def take(self, wire):
        """Counts an answer; gives back its version and identifier."""
        reply = Message(wire)
        version = version_of(reply)
        self.answered += 1
        self.seen[version] = self.seen.get(version, 0) + 1
        return version, reply.ident

    def newest(self):
        return max(self.seen, default=0)


class UdpWindow(Asker):
    """A full window on one socket: what was sent is answered, each question once, before the socket may end."""

    def ask_on(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(self.server)
            waiting = set()
            while waiting or not self.done.is_set():
                while len(waiting) < WINDOW and not self.done.is_set():
                    ident = self.asked & 0xFFFF
                    s.send(encode_query(NAMES[self.asked & 1], ident=ident))
                    waiting.add(ident)
                    self.asked += 1
                if not select.select([s], [], [], SILENT_S)[0]:
                    raise TimeoutError(f"{len(waiting)} questions have no answer")
                _, ident = self.take(s.recv(65535))
                waiting.remove(ident)  # a KeyError is an answer that came twice


class UdpTurns(Asker):
    """One name after the other on a fresh socket each time, so that every worker and socket is met; versions never go back."""

    def ask_on(self):
        last = 0
        while not self.done.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(SILENT_S)
                s.connect(self.server)
                for name in NAMES:
                    self.asked += 1
                    s.send(encode_query(name))
                    version, _ = self.take(s.recv(65535))
                    if version < last:
                        raise ValueError(f"version {version} after {last}")
                    last = version


class Tcp(Asker):
    """Pipelined questions on one connection that stays open over all reloads."""

    def ask_on(self):
        with socket.create_connection(self.server, SILENT_S) as s:
            while not self.done.is_set():
                for k in range(8):
                    query = encode_query(NAMES[k & 1], ident=k)
                    s.sendall(struct.pack(">H", len(query)) + query)
                self.asked += 8
                idents = sorted(self.take(read_tcp(s))[1] for _ in range(8))
                if idents != list(range(8)):
                    raise ValueError(f"answers to {idents}")


class TcpConnections(Asker):
    """A connection a question."""

    def ask_on(self):
        while not self.done.is_set():
            for name in NAMES:
                with socket.create_connection(self.server, SILENT_S) as s:
                    query = encode_query(name)
                    s.sendall(struct.pack(">H", len(query)) + query)
                    self.asked += 1
                    self.take(read_tcp(s))


class ReloadUnderLoad(Case):
    def setUp(self):
        super().setUp()
        self.write_version(1)
        os.mkdir(self.scratch.path("more"))
        for i in range(200):  # zones that never change: a reload keeps them where they are
            self.scratch.write(f"more/z{i}.test.zone", f"$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.{i}\n")
        self.solo = self.node(self.single_config('limits { rrl = false }\nzones "more"\n'), "solo")

    def write_version(self, v):
        """By rename, as an editor does: a reload that SIGHUP begins may read at any time."""
        names = "".join(f"h{i} A 192.0.2.{i % 250}\n" for i in range(v % 7 * 300))  # the zone's size and its table change too
        self.scratch.write("example.new", ZONE.format(v=v, hi=v // 256, lo=v % 256, more=names))
        os.rename(self.scratch.path("example.new"), self.scratch.path("example.test.zone"))

    def start(self, *kinds):
        self.askers = [k(self.server("solo")) for k in kinds]
        for a in self.askers:
            a.start()
        self.addCleanup(self.stop)
        self.each("answers", lambda a: a.answered > 50)

    def stop(self):
        for a in self.askers:
            a.done.set()
        for a in self.askers:
            a.join(2 * SILENT_S)

    def each(self, text, condition):
        """Waits until it holds for every asker; a fault of one ends the wait."""
        def settled():
            return any(a.fault for a in self.askers) or all(condition(a) for a in self.askers)
        if not wait_until(settled, 30):
            self.fail_with_logs(f"not for every asker within 30 s: {text}")
        self.check_faults()

    def check_faults(self):
        faults = [a.fault for a in self.askers if a.fault]
        if faults:
            self.fail_with_logs("; ".join(faults))

    def finish(self, versions):
        self.stop()
        self.check_faults()
        for a in self.askers:
            self.assertFalse(a.is_alive())
            self.assertEqual(a.answered, a.asked, type(a).__name__)  # zero lost
            self.assertLessEqual(set(a.seen), set(range(1, versions + 1)))
            self.assertIn(versions, a.seen)

    def test_by_the_verb(self):
        self.start(UdpWindow, UdpTurns, Tcp, TcpConnections)
        pids = self.solo.lasting()
        for v in range(2, RELOADS + 2):
            self.write_version(v)
            status, out, err = self.ctl("solo", "reload")
            self.assertEqual(status, 0, out + err)
            self.each(f"version {v} is answered", lambda a, v=v: a.newest() >= v)
        self.finish(RELOADS + 1)
        self.assertEqual(self.solo.lasting(), pids)  # nobody died on the way

    def test_by_signals_that_overtake_each_other(self):
        """SIGHUP upon SIGHUP, several loads under way or begun anew: in the end the last version is there, and nothing was lost."""
        self.start(UdpWindow, UdpTurns, Tcp)
        pids = self.solo.lasting()
        for v in range(2, RELOADS + 2):
            self.write_version(v)
            self.solo.reload()
            if v % 3:  # else the next comes upon its heels
                self.each("answers go on", lambda a, n={a: a.answered + 20 for a in self.askers}: a.answered >= n[a])
        self.each("the last version is answered", lambda a: a.newest() == RELOADS + 1)
        self.finish(RELOADS + 1)
        self.assertEqual(self.solo.lasting(), pids)

    def test_a_broken_version_in_between(self):
        self.start(UdpWindow, Tcp)
        for v in range(2, 8):
            self.write_version(v)
            if v % 2:
                with open(self.scratch.path("example.test.zone"), "a") as f:
                    f.write("bad A 192.0.2.256\n")
            self.assertEqual(self.ctl("solo", "reload")[0], v % 2)
        self.write_version(8)
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.each("the last version is answered", lambda a: a.newest() == 8)
        self.finish(8)
        for a in self.askers:
            self.assertFalse({3, 5, 7} & set(a.seen))


if __name__ == "__main__":
    main()
