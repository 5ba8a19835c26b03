"""Sockets that a service manager opened (sd_listen_fds(3)): handed over by a small fake of one, and once by systemd's own tool."""
import json
import os
import shutil
import socket
import subprocess
import sys
import unittest

from func import GEMELD, Case
from gemelkit import Node, ask, encode_query, free_port

# Puts its descriptors at 3 and up, says so, and becomes the server.
LAUNCHER = """
import os, sys
fds, names, pid, words = [int(f) for f in sys.argv[1].split(",") if f], sys.argv[2], sys.argv[3], sys.argv[4:]
high = [os.dup(f) for f in fds]
high = [os.dup2(f, 100 + i) for i, f in enumerate(high)]
for i, f in enumerate(high):
    os.dup2(f, 3 + i)
os.closerange(3 + len(fds), 100 + len(fds))
os.environ["LISTEN_PID"] = pid or str(os.getpid())
os.environ["LISTEN_FDS"] = os.environ.get("SAY_FDS") or str(len(fds))
os.environ["LISTEN_FDNAMES"] = names
os.execv(words[0], words)
"""


class Activated(Node):
    sockets, names, pid, say = (), "", "", None

    def start(self, ready=20.0):
        self.seen = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        fds = [s.fileno() for s in self.sockets]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, ",".join(map(str, fds)), self.names, self.pid, self.gemeld, "-c", self.config, "-n", self.name],
                stdout=log, stderr=log, start_new_session=True, pass_fds=fds, env={**os.environ, "SAY_FDS": self.say or ""})
        if ready and not self.wait_log("process=supervisor message=ready", ready):
            raise RuntimeError(f"{self.name} did not become ready:\n{self.log()}")
        return self


class Given(Case):
    def open(self, kind, address, family=socket.AF_INET, reuse=False, backlog=8):
        s = socket.socket(family, kind)
        self.addCleanup(s.close)
        if kind == socket.SOCK_STREAM and family != socket.AF_UNIX:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(address)
        if kind == socket.SOCK_STREAM:
            s.listen(backlog)
        return s

    def udp(self, port, **more):
        return self.open(socket.SOCK_DGRAM, ("127.0.0.1", port), **more)

    def tcp(self, port):
        return self.open(socket.SOCK_STREAM, ("127.0.0.1", port))

    def configure(self, workers=2, more=""):
        self.port, self.http = free_port(), free_port()
        self.ports = {"solo": self.port}
        return self.scratch.write("gemel.lua", f"""
node "solo" {{ listen = {{ "127.0.0.1:{self.port}" }}, http = "127.0.0.1:{self.http}", control = "run/solo.sock", state = "run/solo",
  workers = {workers} }}
zone "example.test" {{ file = "example.test.zone" }}
""" + more)

    def begin(self, config, *sockets, names="", start=True, pid="", say=None):
        n = Activated(GEMELD, config, "solo", ("127.0.0.1", self.port), log=self.scratch.path("solo.log"))
        n.sockets, n.names, n.pid, n.say = sockets, names, pid, say
        self.nodes["solo"] = n
        self.addCleanup(n.kill)
        return n.start() if start else n

    def held(self, node, role):
        """The sockets that a process holds: inode numbers."""
        folder = f"/proc/{node.child(role)}/fd"
        links = []
        for fd in os.listdir(folder):
            try:
                links.append(os.readlink(f"{folder}/{fd}"))
            except OSError:
                pass
        return {int(x[8:-1]) for x in links if x.startswith("socket:[")}

    def inode(self, s):
        return os.fstat(s.fileno()).st_ino

    def assert_answers(self, tcp=False):
        self.assertEqual(ask(("127.0.0.1", self.port), "static.example.test", tcp=tcp, timeout=10).addresses(), ["192.0.2.10"])


class Activation(Given):
    def test_all_of_them_are_used(self):
        config = self.configure()
        os.mkdir(self.scratch.path("run"))
        mine = [self.udp(self.port), self.tcp(self.port), self.tcp(self.http),
                self.open(socket.SOCK_STREAM, self.scratch.path("run", "solo.sock"), socket.AF_UNIX)]
        node = self.begin(config, *mine, names="dns:dns:status:control")
        self.assert_answers()
        self.assert_answers(tcp=True)
        status, out, err = self.ctl("solo", "--json", "status")
        self.assertEqual(status, 0, err)
        self.assertEqual(json.loads(out)["node"], "solo")
        with socket.create_connection(("127.0.0.1", self.http), 10) as c:
            c.sendall(b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 200 ", c.recv(4096))
        for s in mine[:2]:
            self.assertIn(self.inode(s), self.held(node, "responder"))
        for s in mine[2:]:
            self.assertIn(self.inode(s), self.held(node, "coordinator"))
        self.assertNotIn("alarm", node.log())
        self.assertEqual(node.stop(), 0)
        self.assertTrue(os.path.exists(self.scratch.path("run", "solo.sock")), "the path is not ours")

    def test_what_waits_while_nobody_runs_is_answered(self):
        config = self.configure()
        udp, tcp = self.udp(self.port), self.tcp(self.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as early:
            early.settimeout(30)
            for generation in range(2):
                early.sendto(encode_query("static.example.test", ident=4711 + generation), ("127.0.0.1", self.port))
                node = self.begin(config, udp, tcp)
                self.assertEqual(early.recv(4096)[:2], (4711 + generation).to_bytes(2, "big"))
                self.assertEqual(node.stop(), 0)

    def test_one_socket_is_read_by_every_worker(self):
        node = self.begin(self.configure(workers=4), self.udp(self.port), self.tcp(self.port))
        threads = f"/proc/{node.child('responder')}/task"
        self.assert_soon(lambda: len(os.listdir(threads)) >= 5, "there are four workers and the main thread")
        for _ in range(50):
            self.assert_answers()

    def test_a_group_is_read_whole(self):
        config = self.configure(workers=3)
        group = [self.udp(self.port, reuse=True) for _ in range(5)]
        node = self.begin(config, *group, self.tcp(self.port))
        self.assertLessEqual({self.inode(s) for s in group}, self.held(node, "responder"))
        for _ in range(100):  # from ports of the system's choice: the kernel spreads them over all five
            self.assert_answers()

    def test_what_was_not_given_is_opened(self):
        node = self.begin(self.configure(), self.tcp(self.port))
        self.assert_answers()
        self.assert_answers(tcp=True)
        self.assertNotIn("alarm", node.log())

    def test_what_matches_nothing_is_told(self):
        other = free_port()
        config = self.configure()
        path = self.scratch.path("elsewhere")
        node = self.begin(config, self.udp(other), self.tcp(other), self.open(socket.SOCK_STREAM, path, socket.AF_UNIX),
                          self.open(socket.SOCK_SEQPACKET, "\0gemel-test-" + path, socket.AF_UNIX), self.udp(self.port),
                          names="old:old:::dns")
        self.assert_answers()
        lines = [line for line in node.said().splitlines() if "alarm:" in line]
        self.assertEqual(len(lines), 4, lines)
        self.assertIn(f'socket 3 of the service manager ("old") is UDP 127.0.0.1:{other}: nothing reads it', lines[0])
        self.assertIn(f'socket 4 of the service manager ("old") is TCP 127.0.0.1:{other}: nothing reads it', lines[1])
        self.assertIn(f"socket 5 of the service manager is the path {path}: nothing reads it", lines[2])
        self.assertIn("socket 6 of the service manager is neither UDP, TCP nor a listening Unix socket", lines[3])
        for line in lines:
            self.assertIn("expected an address of listen, peer, http or control of this node", line)

    def test_a_socket_of_both_families_is_refused(self):
        port = free_port("::")
        config = self.scratch.write("gemel.lua", f"""
node "solo" {{ listen = {{ "[::]:{port}" }}, control = "run/solo.sock", state = "run/solo" }}
zone "example.test" {{ file = "example.test.zone" }}
""")
        self.port = port
        both = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.addCleanup(both.close)
        both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        both.bind(("::", port))
        both.listen(8)
        node = self.begin(config, both, start=False)
        node.start(ready=0)
        self.assertEqual(node.process.wait(30), 1)
        self.assertIn(f"socket 3 of the service manager, [::]:{port}, takes IPv4 too", node.log())
        self.assertIn("expected BindIPv6Only=ipv6-only", node.log())

    def test_meant_for_another(self):
        held = self.udp(free_port())
        node = self.begin(self.configure(), held, pid="1")
        self.assert_answers()
        self.assertNotIn("service manager", node.log())

    def test_children_are_told_nothing_of_it(self):
        node = self.begin(self.configure(), self.udp(self.port), names="dns")
        for role in ("responder", "coordinator", "prober"):
            with open(f"/proc/{node.child(role)}/environ", "rb") as f:
                self.assertNotIn(b"LISTEN_", f.read())

    def test_hostile_words(self):
        config = self.configure()
        for say, status, text in (("2", 1, "LISTEN_FDS says 2, but descriptor 4 is not open"), ("-1", 1, 'LISTEN_FDS is "-1"'),
                                  ("4294967297", 1, "expected a number up to"), ("3x", 1, "expected a number up to"),
                                  ("99999", 1, "expected a number up to")):
            with self.subTest(say):
                node = self.begin(config, self.udp(free_port()), start=False, say=say)
                node.start(ready=0)
                self.assertEqual(node.process.wait(30), status)
                self.assertIn(text, node.said())
        with self.subTest("none"):
            node = self.begin(config, say="0")
            self.assert_answers()
            self.assertEqual(node.stop(), 0)
        for names in (":" * 5000, "x" * 5000, "a\x1b[31m:b", "\u00fc"):
            with self.subTest(names[:8]):
                node = self.begin(config, self.udp(free_port()), names=names)
                self.assertNotIn("\x1b", node.log())
                self.assertEqual(node.stop(), 0)


@unittest.skipUnless(shutil.which("systemd-socket-activate"), "systemd-socket-activate is not installed")
class BySystemd(Given):
    def test_as_systemd_does(self):
        config = self.configure()
        log_path = self.scratch.path("solo.log")
        with open(log_path, "ab") as log:
            p = subprocess.Popen(["systemd-socket-activate", "-d", "-l", f"127.0.0.1:{self.port}", "--fdname=dns",
                                  "-E", "GEMEL_LUA_DIR", GEMELD, "-c", config, "-n", "solo"], stdout=log, stderr=log, start_new_session=True)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.assert_soon(lambda: ask(("127.0.0.1", self.port), "static.example.test"), "systemd's socket answers")
        with open(log_path, encoding="utf-8", errors="replace") as f:
            self.assertNotIn("alarm", f.read())
        p.terminate()
        self.assertEqual(p.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
