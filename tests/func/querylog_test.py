"""The log's forms and level, the query log and dnstap, switched while the server runs; and readers that are slow, dead or never come.

dnstap is held against the real fstrm_capture, and what that wrote is read by a small reader of protocol buffers of our own.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import unittest

import func
from gemelkit import Message, ask, encode_query, read_tcp

NAME = "static.example.test"
CONTENT_TYPE = b"protobuf:dnstap.Dnstap"
ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5
AUTH_QUERY, AUTH_RESPONSE = 1, 2
PADDING = 12  # RFC 7830
LONG = 60000  # octets of it: few such queries fill what is bounded in octets
RING, QUEUE = 2 << 20, 16 << 20  # of the tap


# ---- readers of what is written ----

def pairs(line):
    """A line of the log as a dictionary; anything that is no pair fails."""
    found, at = {}, 0
    while at < len(line):
        equals = line.index("=", at)
        key, at = line[at:equals], equals + 1
        assert key and all(c.isalnum() or c == "_" for c in key), line
        value = ""
        if line[at:at + 1] == '"':
            at += 1
            while line[at] != '"':
                if line[at] == "\\":
                    value += line[at]
                    at += 1
                value += line[at]
                at += 1
            at += 1
            assert line[at:at + 1] in ("", " "), line
        else:
            end = line.find(" ", at)
            end = len(line) if end < 0 else end
            value, at = line[at:end], end
        assert key not in found, line
        found[key] = value
        at += 1
    return found


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    """{number: value} of a message; none of ours repeats a field."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 5:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        elif key & 7 == 2:
            n, at = varint(data, at)
            value, at = data[at:at + n], at + n
            assert len(value) == n
        else:
            raise ValueError(f"wire type {key & 7}")
        assert key >> 3 not in found
        found[key >> 3] = value
    return found


def frames(data):
    """(control frames, data frames) of a Frame Streams file or stream; an unfinished end is left out."""
    controls, found, at = [], [], 0
    while at + 4 <= len(data):
        n = struct.unpack_from(">I", data, at)[0]
        if n == 0 and at + 8 <= len(data):
            n = struct.unpack_from(">I", data, at + 4)[0]
            controls.append(data[at + 8:at + 8 + n])
            at += 8 + n
        elif n == 0 or at + 4 + n > len(data):
            break
        else:
            found.append(data[at + 4:at + 4 + n])
            at += 4 + n
    return controls, found


def control(kind, content=True):
    body = struct.pack(">I", kind) + (struct.pack(">II", 1, len(CONTENT_TYPE)) + CONTENT_TYPE if content else b"")
    return struct.pack(">II", 0, len(body)) + body


class Told:
    """A dnstap message."""

    def __init__(self, frame):
        outer = fields(frame)
        self.identity, self.version, kind = outer[1], outer[2], outer[15]
        assert kind == 1, "Dnstap.Type MESSAGE"
        self.f = fields(outer[14])
        self.type = self.f[1]


class Log(func.Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.scratch.name, 0o755)  # the tap may run as another user than root
        self.sockets = []
        self.addCleanup(lambda: [s.close() for s in self.sockets])

    def begin(self, node_keys="", **environment):
        self.ports = {"solo": func.free_port()}
        config = self.scratch.write("gemel.lua", f"""
node "solo" {{ listen = {{ "127.0.0.1:{self.ports['solo']}" }}, control = "run/solo.sock", state = "run/solo" {node_keys} }}
zone "example.test" {{ file = "example.test.zone" }}
""")
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            self.solo = self.node(config, "solo", start=False)
            self.solo.start(ready=0)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.assert_soon(lambda: self.answers(NAME), "it answers")
        return config

    def answers(self, name, qtype="A", tcp=False):
        try:
            return ask(self.server("solo"), name, qtype, tcp=tcp)
        except OSError:
            return None

    def ask(self, name, qtype="A", tcp=False):
        return self.assert_soon(lambda: self.answers(name, qtype, tcp), f"an answer for {name}")

    def lines(self, event):
        return [p for p in (pairs(line) for line in self.solo.log().splitlines()) if p.get("event") == event]

    def told(self, verb):
        status, out, err = self.ctl("solo", "--json", verb)
        self.assertEqual((status, err), (0, ""))
        return json.loads(out)

    def switch(self, *words):
        status, out, err = self.ctl("solo", *words)
        self.assertEqual((status, err), (0, ""), words)
        return out

    def listener(self, name="dnstap.sock"):
        path = self.scratch.path(name)
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.bind(path)
        os.chmod(path, 0o777)
        s.listen(4)
        s.settimeout(func.PATIENCE_S)
        self.sockets.append(s)
        return s, path

    def burst(self, count):
        """Many queries, whose answers nobody waits for one by one; returns how many came."""
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sockets.append(s)
        s.settimeout(func.PATIENCE_S)
        s.connect(self.server("solo"))
        for i in range(0, count, 50):
            for k in range(50):
                s.send(encode_query("big.example.test", "TXT", ident=(i + k) & 0xffff, edns=4096))
            for _ in range(50):
                s.recv(65535)
        return count

    def flood(self, octets):
        """So much or a little more to tell of, each query answered before the next."""
        query = encode_query(NAME, options=struct.pack(">HH", PADDING, LONG) + bytes(LONG))
        with socket.create_connection(self.server("solo"), func.PATIENCE_S) as s:
            for _ in range(octets // LONG + 1):
                s.sendall(struct.pack(">H", len(query)) + query)
                self.assertEqual(Message(read_tcp(s)).rcode, "NOERROR")

    # ---- the log ----

    def test_every_line_is_pairs(self):
        self.begin()
        self.ctl("solo", "down", "nobody=\"x\" y", "--reason", 'a "b" c=d \\ e')
        self.switch("reload")
        self.assert_soon(lambda: "message=ready\n" in self.solo.log(), "it says so")
        for line in self.solo.log().splitlines():
            p = pairs(line)
            self.assertRegex(p["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(p["level"], ("error", "warning", "notice", "info"))
            self.assertTrue(p["process"] and (p.get("event") or p.get("message")), line)
        self.assertIn("ready", [pairs(l).get("message") for l in self.solo.log().splitlines()])

    def test_json(self):
        self.begin(', log = "json", query_log = 1')
        self.ask(NAME)
        self.assert_soon(lambda: '"event":"query"' in self.solo.log(), "the query is logged")
        lines = [line for line in self.solo.log().splitlines() if "process=loader" not in line]  # said before it was read
        for line in lines:
            found = json.loads(line)
            self.assertTrue(found["time"] and found["level"] and found["process"], line)
        queries = [q for q in map(json.loads, lines) if q.get("event") == "query"]
        self.assertEqual((queries[0]["name"], queries[0]["rcode"], type(queries[0]["size"])), (NAME, "NOERROR", int))

    def test_the_environment_and_the_configuration(self):
        self.begin(', log_level = "notice"', GEMEL_LOG="syslog,debug")
        self.assert_soon(lambda: "<5>level=notice process=supervisor message=ready\n" in self.solo.log(), "it says so")
        self.assertNotIn("time=", self.solo.log())
        self.assertEqual(self.told("log"), {"level": "notice", "form": "syslog", "dropped": 0})

    def test_the_level_is_switched_in_all_processes(self):
        self.begin()
        self.assertEqual(self.told("log"), {"level": "info", "form": "text", "dropped": 0})
        self.switch("log", "error")
        self.switch("reload")
        self.switch("reload")
        self.assertNotIn("generation 3 is loaded", self.solo.log())
        self.switch("log", "notice")
        self.switch("reload")
        self.assert_soon(lambda: "generation 4 is loaded" in self.solo.log(), "told again")
        self.assertEqual(self.told("log")["level"], "notice")
        pid = self.solo.kill_child("coordinator")
        self.assert_soon(lambda: self.solo.children().get("coordinator") not in (None, pid), "another coordinator")
        self.assert_soon(lambda: self.ctl("solo", "log")[0] == 0, "it listens")
        self.assert_soon(lambda: self.told("log")["level"] == "notice", "a new process knows it")

    # ---- the query log ----

    def test_the_query_log(self):
        self.begin()
        self.ask(NAME)
        self.assertNotIn("tap", self.solo.children())
        self.assertEqual(self.lines("query"), [])
        self.switch("querylog", "on")
        self.assert_soon(lambda: self.ask(NAME) and self.lines("query"), "it is on")
        self.ask("nothing.example.test", "AAAA")
        self.ask("big.example.test", "TXT")
        self.ask("big.example.test", "TXT", tcp=True)
        self.ask("elsewhere.test", "MX")

        def found():
            return {(q["name"], q["transport"]): q for q in self.lines("query")}
        wanted = {(NAME, "udp"), ("nothing.example.test", "udp"), ("big.example.test", "udp"), ("big.example.test", "tcp"),
                  ("elsewhere.test", "udp")}
        self.assert_soon(lambda: wanted <= set(found()), "all stand there, in the order of the workers' rings")
        found = found()
        q = found[NAME, "udp"]
        self.assertEqual((q["type"], q["class"], q["rcode"], q["answers"], q["bufsize"]), ("A", "IN", "NOERROR", "1", "1232"))
        self.assertEqual(q["server"], f"127.0.0.1#{self.ports['solo']}")
        self.assertRegex(q["client"], r"^127\.0\.0\.1#\d+$")
        self.assertLess(int(q["took_us"]), 1000000 * func.PATIENCE_S)
        self.assertEqual(found["nothing.example.test", "udp"]["rcode"], "NXDOMAIN")
        self.assertEqual(found["big.example.test", "udp"]["truncated"], "yes")
        self.assertGreater(int(found["big.example.test", "tcp"]["size"]), 2000)
        self.assertEqual(found["elsewhere.test", "udp"]["rcode"], "REFUSED")
        self.assert_soon(lambda: (self.told("querylog")["lines"] or 0) >= len(self.lines("query")) - 1, "they are counted")
        self.switch("querylog", "off")
        self.assert_soon(lambda: "tap" not in self.solo.children(), "who wrote it ends")
        count = len(self.lines("query"))
        self.ask(NAME)
        self.assertEqual(len(self.lines("query")), count)
        self.assertNotIn("died", self.solo.log())

    def test_sampling(self):
        self.begin(", query_log = 50")
        self.assertEqual(self.told("querylog")["sample"], 50)
        self.assert_soon(lambda: self.burst(100) and self.lines("query"), "it is in force, and who writes it is there")
        before = len(self.lines("query"))
        asked = self.burst(5000)
        self.switch("querylog", "off")
        self.assert_soon(lambda: "tap" not in self.solo.children(), "all are written")
        logged = len(self.lines("query")) - before
        self.assertGreater(logged, asked / 50 / 3)
        self.assertLess(logged, asked / 50 * 3)

    def test_what_operators_switched_stays(self):
        config = self.begin(", query_log = 1")
        self.switch("querylog", "off")
        self.switch("reload")
        self.assertEqual(self.told("querylog")["querylog"], "off")
        with open(config, encoding="ascii") as f:
            text = f.read()
        self.scratch.write("gemel.lua", text.replace("query_log = 1", "query_log = 3"))
        self.switch("reload")
        self.assert_soon(lambda: self.told("querylog")["sample"] == 3, "unless the configuration says another thing than before")

    def test_a_new_tap_and_a_new_responder(self):
        self.begin(", query_log = 1")
        for role in ("tap", "responder"):
            self.assert_soon(lambda r=role: self.solo.children().get(r), f"there is a {role}")
            pid = self.solo.kill_child(role)
            self.assert_soon(lambda r=role, p=pid: self.solo.children().get(r) not in (None, p), f"another {role}")
            count = len(self.lines("query"))
            self.assert_soon(lambda n=count: self.answers(NAME) and len(self.lines("query")) > n, f"queries are logged after a death of the {role}")

    def test_off_and_on_at_once(self):
        """Who was told to end, and is wanted again before it has, makes room for another: that is no death."""
        self.begin(", query_log = 1")
        pid = self.solo.child("tap")
        os.kill(pid, signal.SIGSTOP)
        try:
            self.switch("querylog", "off")
            self.switch("querylog", "on")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assert_soon(lambda: self.solo.children().get("tap") not in (None, pid), "another tap")
        count = len(self.lines("query"))
        self.assert_soon(lambda: self.answers(NAME) and len(self.lines("query")) > count, "it writes")
        self.assertNotIn("it is started again", self.solo.log())

    def test_hostile_names_make_one_line(self):
        self.begin(", query_log = 1")
        name = b"\x0dx\nevent=fake\x22\x04test\x00"
        query = struct.pack(">HHHHHH", 7, 0, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            s.connect(self.server("solo"))

            def is_logged():
                s.send(query)
                return any("fake" in q.get("name", "") for q in self.lines("query"))
            self.assert_soon(is_logged, "it is logged")
        self.assertEqual(self.lines("fake"), [])

    def test_a_log_that_nobody_reads(self):
        """A tap whose log is stuck loses lines; answers come as ever."""
        self.begin(", query_log = 1")
        pid = self.assert_soon(lambda: self.solo.children().get("tap"), "there is a tap")
        os.kill(pid, signal.SIGSTOP)
        try:
            self.flood(RING)  # it has to be full before the supervisor takes the tap for one that hangs
        finally:
            with contextlib.suppress(ProcessLookupError):  # it was, and is replaced: what did not fit is counted all the same
                os.kill(pid, signal.SIGCONT)
        self.assert_soon(lambda: (self.told("querylog")["lost"] or 0) > 0, "what did not fit is counted")
        self.assert_soon(lambda: self.answers(NAME) and NAME in [q.get("name") for q in self.lines("query")[-50:]], "it goes on")

    # ---- dnstap ----

    def has_dnstap(self):
        self.begin()
        path = self.scratch.path("nobody.sock")
        if self.ctl("solo", "dnstap", "on", path)[0] == 1:
            self.skipTest("this build has no dnstap")
        self.switch("dnstap", "off")

    def test_dnstap_with_fstrm_capture(self):
        self.has_dnstap()
        if not shutil.which("fstrm_capture"):
            self.skipTest("fstrm_capture is not installed")
        path, out = self.scratch.path("capture.sock"), self.scratch.path("capture.fstrm")
        capture = subprocess.Popen(["fstrm_capture", "-t", CONTENT_TYPE.decode(), "-u", path, "-w", out], stderr=subprocess.DEVNULL)
        self.addCleanup(capture.wait)
        self.addCleanup(capture.kill)
        self.assert_soon(lambda: os.path.exists(path), "the reader listens")
        os.chmod(path, 0o777)

        def ends():
            with open("/proc/net/unix", encoding="utf-8") as f:
                return sum(line.endswith(f" {path}\n") for line in f)
        self.switch("dnstap", "on", path)
        self.assert_soon(lambda: self.told("dnstap")["connected"], "it is read")
        self.ask(NAME)
        self.ask("big.example.test", "TXT", tcp=True)
        sent = self.burst(500)
        self.assert_soon(lambda: self.told("dnstap")["frames"] >= 2 * sent + 4, "all are sent")
        self.switch("dnstap", "off")
        self.assert_soon(lambda: "tap" not in self.solo.children(), "the stream is ended")
        self.assert_soon(lambda: ends() == 1, "it is read to its end: none but the listening socket is left")
        capture.terminate()

        def ended():  # it has heard of its end, but comes to it when its loop turns: the signal may have met it just before it sleeps
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.connect(path)
            return capture.poll() is not None
        self.assert_soon(ended, "the reader has ended")
        with open(out, "rb") as f:
            controls, found = frames(f.read())
        self.assertEqual(struct.unpack(">I", controls[0][:4])[0], START)
        told = [Told(f) for f in found]
        self.assert_pairs(told, 2 * sent + 4)
        if shutil.which("dnstap-read"):
            read = subprocess.run(["dnstap-read", out], capture_output=True, text=True, check=False)
            self.assertEqual(read.returncode, 0, read.stderr)
            self.assertEqual(len(read.stdout.splitlines()), len(told))
            self.assertRegex(read.stdout, f"AQ 127.0.0.1:\\d+ -> 127.0.0.1:{self.ports['solo']} UDP \\d+b {NAME}/IN/A")
            self.assertRegex(read.stdout, f"AR 127.0.0.1:\\d+ <- 127.0.0.1:{self.ports['solo']} TCP \\d+b big.example.test/IN/TXT")

    def assert_pairs(self, told, at_least):
        """Each query stands before its response, with the same times and addresses."""
        self.assertGreaterEqual(len(told), at_least)
        self.assertEqual(len(told) % 2, 0)
        for q, r in zip(told[::2], told[1::2]):
            self.assertEqual((q.type, r.type), (AUTH_QUERY, AUTH_RESPONSE))
            self.assertEqual(q.identity, b"solo")
            self.assertTrue(q.version.startswith(b"gemel "))
            self.assertEqual((q.f[2], q.f[4], q.f[5], q.f[7]), (1, socket.inet_aton("127.0.0.1"), socket.inet_aton("127.0.0.1"),
                                                                self.ports["solo"]))
            self.assertEqual([q.f[n] for n in range(2, 10)], [r.f[n] for n in range(2, 10)])
            self.assertEqual(q.f[10][:2], r.f[14][:2], "the same ID")
            self.assertFalse(14 in q.f or 10 in r.f)
            self.assertGreaterEqual((r.f[12], r.f[13]), (q.f[8], q.f[9]))
        self.assertEqual({q.f[3] for q in told}, {1, 2}, "UDP and TCP")

    def accept(self, listener, say=ACCEPT):
        c, _ = listener.accept()
        c.settimeout(func.PATIENCE_S)
        self.sockets.append(c)
        data = b""
        while len(data) < len(control(READY)):
            data += c.recv(len(control(READY)) - len(data))
        self.assertEqual(data, control(READY))
        if say:
            c.sendall(control(say))
        return c

    def test_a_reader_that_does_not_read(self):
        """It takes the stream and then nothing: answers come as ever, what does not fit is counted; another is served afterwards."""
        self.has_dnstap()
        listener, path = self.listener()
        self.switch("dnstap", "on", path)
        c = self.accept(listener)
        self.assert_soon(lambda: self.told("dnstap")["connected"], "the stream began")

        def is_full():
            self.flood(QUEUE // 8)
            return self.told("dnstap")["dropped"] > 0
        self.assert_soon(is_full, "its queue is full")
        self.ask(NAME)
        c.close()
        c = self.accept(listener)
        data = b""
        self.assert_soon(lambda: self.told("dnstap")["connected"], "it is connected again")
        self.ask(NAME)
        while len(frames(data)[1]) < 2:
            data += c.recv(65536)
        controls, found = frames(data)
        self.assertEqual(struct.unpack(">I", controls[0][:4])[0], START)
        self.assertEqual([Told(f).type for f in found[:2]], [AUTH_QUERY, AUTH_RESPONSE])

    def test_a_reader_that_does_not_read_holds_up_no_stop(self):
        """It has a moment to take what is queued; meanwhile nothing is said of it."""
        self.has_dnstap()
        listener, path = self.listener()
        self.switch("dnstap", "on", path)
        self.accept(listener)
        self.assert_soon(lambda: self.told("dnstap")["connected"], "the stream began")
        self.flood(QUEUE // 8)  # more than a socket holds
        self.assertEqual(self.solo.stop(seconds=func.PATIENCE_S), 0)
        log = self.solo.log()
        self.assertNotIn("did not stop in time", log)
        self.assertTrue(all(pairs(line) for line in log.splitlines()))

    def test_readers_that_are_none(self):
        """Nobody there, one that hangs up, one that speaks otherwise, one that wants another type: each is tried again."""
        self.has_dnstap()
        path = self.scratch.path("dnstap.sock")
        self.switch("dnstap", "on", path)
        self.assert_soon(lambda: f"nobody reads {path}" in self.solo.said(), "people are told")
        self.assert_soon(lambda: self.answers(NAME) and (self.told("dnstap")["dropped"] or 0) > 0, "what is dropped is counted")
        listener, _ = self.listener()
        self.accept(listener, say=None).close()
        for words in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", control(FINISH, content=False), b"\0\0\0\0\xff\xff\xff\xff",
                      control(ACCEPT).replace(b"dnstap.Dnstap", b"dnstap.Another")[:len(control(ACCEPT))]):
            c = self.accept(listener, say=None)
            c.sendall(words)
            self.assertEqual(c.recv(100), b"", words)
        self.accept(listener)
        self.assert_soon(lambda: self.told("dnstap")["connected"], "a good one is served")
        self.assertEqual(self.solo.log().count(f"nobody reads {path}"), 1, "told once, not at each attempt")
        self.ask(NAME)

    def test_dnstap_of_the_configuration(self):
        self.has_dnstap()
        self.solo.stop()
        listener, _ = self.listener()
        self.begin(', dnstap = "dnstap.sock"')
        c = self.accept(listener)
        self.assert_soon(lambda: self.told("dnstap")["connected"], "it is connected")
        self.ask(NAME)
        data = b""
        while len(frames(data)[1]) < 2:
            data += c.recv(65536)
        self.assertEqual(Told(frames(data)[1][1]).f[14][3] & 15, 0)
        self.switch("dnstap", "off")
        while control(STOP, content=False) not in data:
            more = c.recv(65536)
            self.assertTrue(more, "the end is said")
            data += more


if __name__ == "__main__":
    unittest.main(verbosity=1)
