"""Two nodes in namespaces of their own, a bad wire for what they tell each other, and a good network for all else.

         wire (wire.py)  10.98.0.1 ─ ─ ─ 10.98.0.2
                             │                │
                            ns1              ns2
                             │ 10.99.0.1      │ 10.99.0.2
                             └──── bridge ────┘  here: back ends 10.99.0.11 … .14 (switchable.py), clients (clients.py)

A program that uses it calls spaces.enter_own() first: "here" is a namespace of its own.
"""
import json
import os
import signal
import tempfile
import time

from clients import Clients
from func import GEMELD, Case
from gemelkit import addresses, is_alive, write_key
from history import collect
from history_check import faults
from spaces import Namespace, NodeInside, run
from switchable import Backends
from wire import ADDRESSES, Wire

A, B, C, D = "10.99.0.11", "10.99.0.12", "10.99.0.13", "10.99.0.14"
BACKENDS = (A, B, C, D)
NODES = ("ns1", "ns2")
PORT = 8080
WWW, API = "www.example.test", "api.example.test"
TIERS = {WWW: [[A, B], [C]], API: [[D], [B]]}
INTERVAL_MS = 200  # of the twins' heartbeats
# Back ends answer at once, be it with an error; who takes time is not down but kept from running by the machine.
STEADY_CHECK = "interval = \"400ms\", timeout = \"2s\", retry = \"100ms\", fall = 2, rise = 2"


def ip(*words):
    run("ip", *words)



class Lab(Case):
    interval_ms = INTERVAL_MS

    def setUp(self):
        super().setUp()
        ip("link", "add", "br0", "address", "02:00:00:00:00:63", "type", "bridge")  # its own: else it changes with its ports
        self.addCleanup(ip, "link", "del", "br0")
        for a in ("10.99.0.100", *BACKENDS):
            ip("address", "add", f"{a}/24", "dev", "br0")
        ip("link", "set", "br0", "up")
        self.spaces = {n: self.attach(i, n) for i, n in enumerate(NODES, 1)}
        self.wire = Wire(self, *self.spaces.values(), seed=self.id())
        self.backends = Backends(self, PORT, BACKENDS)
        self.clients = None
        self.deaths = {n: [] for n in NODES}
        self.lives = {n: [] for n in NODES}  # [begin, end] of each stretch in which a node had to answer
        self.overrides = []
        self.steps = {n: [0] for n in NODES}  # all that a node's wall clock was ahead by, in seconds
        write_key(self.scratch.path("pair.key"))
        self.config = self.write_config()

    def attach(self, number, name):
        space = Namespace(self)
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(space.pid))
        self.addCleanup(ip, "link", "del", name)
        ip("link", "set", name, "master", "br0", "up")
        space.ip("address", "add", f"10.99.0.{number}/24", "dev", "eth0")
        space.ip("link", "set", "eth0", "up")
        return space

    def peer_addresses(self, i):
        """As the configuration has those of node number i, from 0."""
        return f'"{ADDRESSES[i]}:5400"'

    def wire_history(self):
        return self.wire.history

    def node_blocks(self):
        return "".join(f'node "{n}" {{ id = {i}, listen = "10.99.0.{i}:5300", peer = {self.peer_addresses(i - 1)}, '
                         f'control = "run/{n}.sock", state = "run/{n}", workers = 1 }}\n' for i, n in enumerate(NODES, 1))

    def write_config(self, name="gemel.lua", key="pair.key", check=STEADY_CHECK):
        services = "".join(f'service "{n}" {{ check = "web", tiers = {{ '
                           + ", ".join("{ " + ", ".join(f'"{a}"' for a in t) + " }" for t in tiers) + " } }\n"
                           for n, tiers in TIERS.items())
        return self.scratch.write(name, self.node_blocks() + f"""
pair {{ name = "test", key = "{key}", interval = "{self.interval_ms}ms", agree = "any-up" }}
limits {{ rrl = {{ exempt = "10.99.0.0/24" }} }}
zone "example.test" {{ file = "example.test.zone" }}
check "web" {{ script = "http", args = {{ port = {PORT}, path = "/" }}, {check}, flap = false }}
""" + services)

    # ---- nodes ----

    def start(self, name, config=None, **more):
        if name not in self.nodes:
            self.nodes[name] = NodeInside(self.spaces[name], GEMELD, config or self.config, name,
                                          log=self.scratch.path(f"{name}.log"), **more)
            self.addCleanup(self.nodes[name].kill)
        elif config:
            self.nodes[name].config = config
        if self.clients:
            self.clients.dead(name)
        self.nodes[name].start()
        self.lives[name].append([time.time(), None])

    def close_life(self, name):
        self.lives[name][-1][1] = time.time()

    def kill(self, name):
        self.close_life(name)
        self.nodes[name].kill()

    def stop_processes(self, name, sign):
        """SIGSTOP or SIGCONT to all processes of a node."""
        if sign == signal.SIGSTOP:
            self.close_life(name)
        os.killpg(self.nodes[name].process.pid, sign)
        if sign == signal.SIGCONT:
            self.lives[name].append([time.time(), None])

    def begin(self, **more):
        for n in NODES:
            self.start(n, **more)
        self.assert_linked("active")
        self.assert_all(up=BACKENDS)
        self.ask_on()

    def ask_on(self):
        self.clients = Clients(self, self.scratch.path("clients"), {n: self.server(n) for n in NODES}, list(TIERS))

    def server(self, name):
        return (f"10.99.0.{NODES.index(name) + 1}", 5300)

    # ---- what is seen ----

    def document(self, node, *words):
        status, out, _ = self.ctl(node, "--json", *words)
        return json.loads(out) if out else {}

    def link(self, node):
        """The state of its link to the twin; None while its coordinator does not answer."""
        peers = self.document(node, "peers").get("peers")
        return peers[0]["link"] if peers else None

    def assert_linked(self, *states, nodes=NODES):
        for n in nodes:
            self.assert_soon(lambda n=n: self.link(n) in states, f"{n}'s link is {' or '.join(states)}, not {self.link(n)}")

    def own(self, node):
        """{back end: up or down} as the node sees it by itself; where it is in two services, that is two checks."""
        found = {}
        for s in TIERS:
            for m in self.document(node, "service", s).get("members", []):
                found[m["address"]] = m["own"] if found.get(m["address"], m["own"]) == m["own"] else "differs"
        return found

    def assert_all(self, up=(), down=(), nodes=NODES):
        want = {**{a: "up" for a in up}, **{a: "down" for a in down}}
        for n in nodes:
            self.assert_soon(lambda n=n: {a: s for a, s in self.own(n).items() if a in want} == want, f"{n} sees {want}")

    def assert_answers(self, service, *expected, nodes=NODES):
        for n in nodes:
            self.assert_soon(lambda n=n: addresses(self.server(n), service) == sorted(expected), f"{n} answers {expected}")

    # ---- what is done ----

    def override(self, node, verb, target, *words):
        """--force: what a node sees at that moment of the other members is not what such a story is about."""
        begun = time.time()
        status, out, err = self.ctl(node, verb, target, "--reason", "story", "--force", *words)
        self.assertEqual(status, 0, out + err)
        self.overrides.append([begun, time.time(), node, target, verb])

    # ---- what comes of it ----

    def assert_explained(self, recorded=True):
        """Ends the clients; every answer that they had is one that a state explains which was current. Where nothing could be
        recorded, the verdicts are those that the nodes told of."""
        h = collect(self, TIERS, self.interval_ms / 1000, recorded)
        found = faults(h)
        if found:
            fd, kept = tempfile.mkstemp(".json", "gemel-history-")  # our pid is 1, and that of others too
            with open(fd, "w", encoding="utf-8") as f:
                json.dump(h, f)
            self.fail_with_logs(f"{len(found)} of {len(h['answers'])} answers are wrong; {kept} is the history:\n" + "\n".join(found[:20]))
        return h


class Story(Lab):
    def some_life(self):
        """Verdicts that both see, one that only one node sees, and an override: all that can differ between the two."""
        self.backends.set(A, "failing")
        self.assert_all(down=[A])
        self.backends.set(D, "failing", "10.99.0.1")  # to ns1 alone
        self.assert_all(down=[D], nodes=["ns1"])
        self.override("ns2", "down", B)
        self.backends.set(A, "up")
        self.assert_all(up=[A])
        self.backends.set(D, "up")
        self.override("ns1", "auto", B)

    def heal(self):
        self.wire.clear()
        self.wire.up()
        self.assert_linked("active")
        for n in NODES:
            self.assert_echoes(n)

    def assert_echoes(self, node):
        """One echo makes a link active, be it as old as the cut was long: who cuts it again then sees the state that old echo leads to.
        Phi rises until a newer one comes; the second that does is of a packet that was sent since."""
        seen = []

        def fell_twice():
            peers = self.document(node, "peers").get("peers")
            if peers and peers[0]["phi"] is not None:
                seen.append(peers[0]["phi"])
            return sum(b < a for a, b in zip(seen, seen[1:])) >= 2
        self.assert_soon(fell_twice, f"{node}'s echoes are young again")

    def close(self):
        """All is well again: so both answer the first tiers, and all that was answered before is explained."""
        self.assert_all(up=BACKENDS)
        self.assert_answers(WWW, A, B)
        self.assert_answers(API, D)
        self.assert_explained()


class Killing(Story):
    """kill -9 of processes of ns1, which are back before anything else is done."""

    def bring_back(self, role):
        old = self.assert_soon(lambda: self.nodes["ns1"].children().get(role), f"there is a {role}")  # /proc may miss one while another goes
        begun = time.time()
        os.kill(old, signal.SIGKILL)
        self.assert_soon(lambda: not is_alive(old), f"the {role} is dead")
        if role == "responder":
            self.deaths["ns1"].append([begun, time.time()])
        self.assert_soon(lambda: self.nodes["ns1"].children().get(role, old) != old, f"the {role} is back")

    def bring_back_all(self):
        """The supervisor is killed alone: the others end with it, and all starts anew."""
        children = self.nodes["ns1"].children().values()
        self.close_life("ns1")
        self.nodes["ns1"].process.kill()
        self.nodes["ns1"].process.wait()
        self.assert_soon(lambda: not any(is_alive(pid) for pid in children), "none is left")
        self.nodes["ns1"].process = None
        self.start("ns1")
