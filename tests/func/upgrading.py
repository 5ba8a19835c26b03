"""What the tests of upgrades share: nodes whose program is a file of their own, and clients that ask all the time meanwhile."""
import json
import os
import re
import shutil
import socket
import struct
import threading
import time

from func import GEMELD, Case
from gemelkit import Message, Node, addresses, encode_query, fetch, free_port, read_tcp

GOOD, DEAD = "127.0.0.31", "127.0.0.32"
CHECKS = free_port()  # two files of these tests may run at a time
STILL_S = 0.9  # almost COLD_MS of src/app
IDLE_S = 0.9  # who says nothing for a second on a connection of before an upgrade idles, also where the machine stands still


class Line:
    """What we say on a connection, and for how long we had said nothing then, at the most."""

    def __init__(self):
        self.since, self.still_s = time.monotonic(), 0.0

    def say(self, s, octets):
        begun = time.monotonic()
        s.sendall(octets)
        self.still_s, self.since = time.monotonic() - self.since, begun


class Flow(threading.Thread):
    """Asks without a pause, one question after the other, over UDP or over new and old TCP connections; keeps what was not as expected."""

    def __init__(self, server, name, expected, tcp=False, ch=False):
        super().__init__(daemon=True)
        self.server, self.name_, self.expected, self.tcp, self.ch = server, name, expected, tcp, ch
        self.over, self.asked, self.wrong = threading.Event(), 0, []
        self.line = Line()

    def one(self, s, ident):
        query = encode_query(self.name_, *(("TXT", "CH") if self.ch else ()), ident=ident)
        if not self.tcp:
            s.send(query)
            while True:
                reply = s.recv(4096)
                if reply[:2] == query[:2]:
                    return Message(reply)
        self.line.say(s, struct.pack(">H", len(query)) + query)
        return Message(read_tcp(s))

    def run(self):
        while not self.over.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM) as s:
                s.settimeout(30)
                try:
                    self.line = Line()
                    s.connect(self.server)
                    for _ in range(20):
                        reply = self.one(s, self.asked % 65536)
                        self.asked += 1
                        found = reply.answer[0][3][0] if self.ch and reply.answer else reply.addresses()
                        if reply.rcode != "NOERROR" or found != self.expected:
                            self.wrong.append((time.time(), reply.rcode, found))
                except (OSError, EOFError) as e:
                    if not self.tcp or self.line.still_s < IDLE_S:  # else it was closed in good order, as one that idles is
                        self.wrong.append((time.time(), self.asked, repr(e)))


class Upgrade(Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.scratch.path("bin"))
        self.program = self.scratch.path("bin", "gemeld")
        self.install(GEMELD)

    # ---- programs ----

    def install(self, path):
        """As a package does: a new file under the old name."""
        shutil.copy(path, self.program + ".new")
        os.rename(self.program + ".new", self.program)

    def install_script(self, text, mode=0o755):
        with open(self.program + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.program + ".new", mode)
        os.rename(self.program + ".new", self.program)

    # ---- nodes ----

    def configure(self, more="", keys=""):
        """What is dead refuses at once: who takes time only waits for the machine, and is not down, be it by its first result."""
        self.http = free_port()
        self.ports = {"solo": free_port()}
        self.backend(GOOD, CHECKS)
        return self.scratch.write("gemel.lua", f"""
node "solo" {{ listen = {{ "127.0.0.1:{self.ports['solo']}" }}, http = "127.0.0.1:{self.http}", control = "run/solo.sock", state = "run/solo",
  workers = 2, canaries = {{ "{GOOD}:{CHECKS}" }} {keys} }}
zone "example.test" {{ file = "example.test.zone" }}
limits {{ rrl = false }}
check "web" {{ script = "tcp", args = {{ port = {CHECKS} }}, interval = "5s", retry = "200ms", timeout = "5s",
              fall = 3, rise = 2, flap = false }}
service "www.example.test" {{ check = "web", tiers = {{ {{ "{GOOD}", "{DEAD}" }} }} }}
service "forced.example.test" {{ check = "web", tiers = {{ {{ "{GOOD}", "127.0.0.33" }} }}, need = 1 }}
""" + more)

    def node(self, config, name, start=True):
        n = Node(self.program, config, name, ("127.0.0.1", self.ports[name]), log=self.scratch.path(f"{name}.log"))
        self.nodes[name] = n
        self.addCleanup(n.kill)
        return n.start() if start else n

    def begin(self, more="", keys=""):
        self.config = self.configure(more, keys)
        self.solo = self.node(self.config, "solo")
        self.assert_soon(lambda: addresses(self.server("solo"), "www.example.test") == [GOOD], "the dead one is out")
        self.settle("solo")
        return self.solo

    def settle(self, node):
        """Until what was loaded is saved an upgrade is refused: a reload is running. It runs until its loader is buried, too."""
        def settled(n=self.nodes[node]):
            roles = [role for role, _ in n.roles()]
            return "loader" not in roles and len(roles) == len(n.below())
        self.assert_soon(settled, "what was loaded is saved")

    def flows(self, *more):
        server = self.server("solo")
        flows = [Flow(server, "static.example.test", ["192.0.2.10"]), Flow(server, "www.example.test", [GOOD]),
                 Flow(server, "static.example.test", ["192.0.2.10"], tcp=True), *more]
        for f in flows:
            f.start()
            self.addCleanup(f.over.set)
        self.assert_soon(lambda: all(f.asked > 50 for f in flows), "questions are answered")
        return flows

    def end_flows(self, flows):
        before = [f.asked for f in flows]
        self.assert_soon(lambda: all(f.asked > b + 50 for f, b in zip(flows, before)), "questions are still answered")
        for f in flows:
            f.over.set()
        for f in flows:
            f.join()
        # Who asks for status while the coordinator stands still for a second is told so. On one flow the next is a second later.
        late = [w[0] for f in flows if f.ch for w in f.wrong if w[1] == "SERVFAIL"]
        was_still = late and max(late) - min(late) < STILL_S
        for f in flows:
            wrong = [w for w in f.wrong if not (was_still and f.ch and w[1] == "SERVFAIL")]
            if wrong:
                self.fail_with_logs(f"{'TCP' if f.tcp else 'UDP'} {f.name_}: {wrong[:10]}")

    def inode(self, pid):
        return os.stat(f"/proc/{pid}/exe").st_ino

    def upgrade(self, node="solo"):
        self.settle(node)
        status, out, err = self.ctl(node, "upgrade")
        if status:
            self.fail_with_logs(f"exit {status}: {out}{err}")
        self.assertRegex(out, r"^upgraded from \S+ to \S+ in \d+ ms$")
        return out

    def assert_new(self, node, pid, old):
        self.assertEqual(node.process.poll(), None)
        self.assertEqual(node.process.pid, pid, "the process stays the same")
        new = os.stat(self.program).st_ino
        self.assertEqual(self.inode(pid), new)
        # Old ones, of every upgrade before, leave within their time: connections may keep a responder until then.
        self.assert_soon(lambda: self.programs(node) == sorted((r, new) for r in old), "the old ones are gone, all are new")
        self.assertTrue(set(node.lasting().values()).isdisjoint(old.values()))

    def programs(self, node):
        """[(role, inode of its program)] of all that last; None while one of them goes."""
        try:
            return sorted((r, self.inode(p)) for r, p in node.roles() if r != "loader")
        except OSError:
            return None

    def metrics(self):
        text = fetch(f"http://127.0.0.1:{self.http}/metrics")
        return {m.group(1): float(m.group(2)) for m in re.finditer(r"^(gemel_\S+?(?:{.*})?) (\S+)$", text, re.M)}

    def told(self, *words):
        status, out, err = self.ctl("solo", "--json", *words)
        self.assertEqual(status, 0, err)
        return json.loads(out)
