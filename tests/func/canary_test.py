"""The own network is lost, for real: nodes and back ends in network namespaces of their own, and a link that is cut.

    ns1 ──veth──┐                 ┌── 10.99.0.11, .12 (first tier), .13 (standby): back ends, which take connections
                ├── bridge, world ┤
    ns2 ──veth──┘                 └── 10.99.0.100, .101: canaries (the second refuses)

The kernel takes the connections: a process that did not get its turn on this machine would be silent, and rightly be down.
The namespaces belong to processes that the test holds: with them they end. Needs root, unshare and nsenter.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

from func import GEMELD, PATIENCE_S, Case, main
from gemelkit import wait_until, write_key
from spaces import Namespace, NodeInside, run

# Listens on a port of each of the addresses; what was taken is ended when it comes to it.
LISTENER = """
import selectors, socket, sys
waiting = selectors.DefaultSelector()
for address in sys.argv[2:]:
    waiting.register(socket.create_server((address, int(sys.argv[1])), backlog=4096), selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in waiting.select():
        key.fileobj.accept()[0].close()
"""
FIRST, SECOND, STANDBY = "10.99.0.11", "10.99.0.12", "10.99.0.13"
CANARY, REFUSING = "10.99.0.100", "10.99.0.101"
PING_RANGE = "/proc/sys/net/ipv4/ping_group_range"
NAME = "www.example.test"
PORT = 8080
CONNECTED = (f"{CANARY}:{PORT}", f"{REFUSING}:{PORT}")
PINGED = (CANARY, REFUSING)
CUT_S = 3.0   # six intervals, and longer than it takes to be isolated
BACK_S = 1.5  # three intervals


@unittest.skipUnless(os.geteuid() == 0, "needs root, to make network namespaces")
@unittest.skipUnless(all(shutil.which(w) for w in ("unshare", "nsenter", "ip")), "needs unshare, nsenter and ip")
class CutLinks(Case):
    def setUp(self):
        super().setUp()
        self.world = Namespace(self)
        self.world.ip("link", "add", "br0", "address", "02:00:00:00:00:63", "type", "bridge")  # its own: else it changes with its ports
        for a in (FIRST, SECOND, STANDBY, CANARY, REFUSING):
            self.world.ip("address", "add", f"{a}/24", "dev", "br0")
        self.world.ip("link", "set", "br0", "up")
        p = subprocess.Popen([*self.world.enter, sys.executable, "-c", LISTENER, str(PORT), FIRST, SECOND, STANDBY, CANARY],
                             stdout=subprocess.PIPE)
        self.addCleanup(lambda: (p.kill(), p.wait(), p.stdout.close()))
        self.assertEqual(p.stdout.readline(), b"ready\n")

    def attach(self, number):
        """A namespace for node number, on the bridge."""
        space = Namespace(self)
        self.world.ip("link", "add", f"ns{number}", "type", "veth", "peer", "name", "eth0", "netns", str(space.pid))
        self.world.ip("link", "set", f"ns{number}", "master", "br0", "up")
        space.ip("address", "add", f"10.99.0.{number}/24", "dev", "eth0")
        space.ip("link", "set", "eth0", "up")
        return space

    def begin(self, count, canaries=(), fall=3, ping="1 0", without=(), pair="", hook=""):
        """ping: the groups that may open ping sockets, here none; without: words before the command that take a privilege."""
        words = "canaries = { %s }, " % ", ".join(f'"{a}"' for a in canaries) if canaries else ""
        words += f"on_event = {{ {hook} }}, " if hook else ""
        blocks = "".join(f'node "ns{i}" {{ id = {i}, listen = "10.99.0.{i}:5300", peer = "10.99.0.{i}:5400", {words}'
                         f'control = "run/ns{i}.sock", state = "run/ns{i}" }}\n' for i in range(1, count + 1))
        pair = 'pair { name = "test", key = "pair.key", agree = "any-up"' + pair + ' }\n' if count > 1 else ""
        write_key(self.scratch.path("pair.key"))
        config = self.scratch.write("gemel.lua", blocks + pair + f"""
zone "example.test" {{ file = "example.test.zone" }}
check "port" {{ script = "tcp", args = {{ port = {PORT} }}, interval = "500ms", timeout = "400ms", retry = "100ms",
               fall = {fall}, rise = 2 }}
service "{NAME}" {{ check = "port", tiers = {{ {{ "{FIRST}", "{SECOND}" }}, {{ "{STANDBY}" }} }} }}
""")
        self.spaces = [self.attach(i) for i in range(1, count + 1)]
        for i, space in enumerate(self.spaces, 1):
            run(*space.enter, "sh", "-c", f"echo {ping} > {PING_RANGE}")
            n = NodeInside(space, GEMELD, config, f"ns{i}", before=without, log=self.scratch.path(f"ns{i}.log"))
            self.nodes[f"ns{i}"] = n
            self.addCleanup(n.kill)
            n.start()
        for name in self.nodes:
            self.assert_soon(lambda n=name: all(self.states(n, key) == [(a, "up") for a in (FIRST, SECOND, STANDBY)]
                                                for key in ("state", "own")), f"all is up at {name}")

    # ---- what is seen ----

    def document(self, node, *words):
        return json.loads(self.ctl(node, "--json", *words)[1] or "{}")

    def states(self, node, key="state"):
        return [(m["address"], m[key]) for m in self.document(node, "service", NAME).get("members", [])]

    def state(self, node, address):
        return dict(self.states(node)).get(address)

    def network(self, node="ns1"):
        return self.document(node, "status")["network"]

    # ---- what happens ----

    def cut(self):
        self.world.ip("link", "set", "ns1", "nomaster")

    def heal(self):
        self.world.ip("link", "set", "ns1", "master", "br0")

    def watch_a_loss(self, cut, heal):
        """Nothing goes down, at no node, neither while the network is away nor as it comes back."""
        cut()
        self.assert_all_up(CUT_S, "isolated")
        status, out, _ = self.ctl("ns1", "status", "--check")
        self.assertEqual((status, "isolated" in out), (2, True), out)
        heal()
        self.assert_all_up(BACK_S, "ok")

    def assert_all_up(self, seconds, network):
        """For so long, and until the network of ns1 is held to be what it is."""
        end = time.monotonic() + seconds

        def is_over():
            for node in self.nodes:
                if ("down" in dict(self.states(node)).values()) or "down" in dict(self.states(node, "own")).values():
                    self.fail_with_logs(f"{node} sees {self.states(node)}, {self.states(node, 'own')} by itself")
            return time.monotonic() >= end and self.network()["state"] == network
        if not wait_until(is_over, PATIENCE_S, 0.05):
            self.fail_with_logs(f"the network is {self.network()}, not {network}")

    def assert_goes_down(self, address, node="ns1"):
        self.assert_soon(lambda: self.state(node, address) == "down", f"{address} goes down at {node}")

    @staticmethod
    def verdicts(log):
        """[(line, whether the network was known to be away then)]"""
        found, is_away = [], False
        for line in log.splitlines():
            if "event=network" in line:
                is_away = "state=back" not in line
            elif "event=verdict" in line:
                found.append((line, is_away))
        return found

    def stop(self, address):
        self.world.ip("rule", "add", "from", address, "blackhole")  # it is there, and silent

    # ---- stories ----

    def test_canaries_alone(self):
        self.begin(1, CONNECTED, fall=1)
        self.assert_soon(lambda: self.network()["answering"] == 2, "both canaries answer, one by refusing")
        self.assertEqual(self.network()["state"], "ok")
        self.watch_a_loss(self.cut, self.heal)
        self.watch_a_loss(lambda: self.spaces[0].ip("link", "set", "eth0", "down"), lambda: self.spaces[0].ip("link", "set", "eth0", "up"))
        self.watch_a_loss(lambda: self.world.ip("link", "set", "ns1", "down"), lambda: self.world.ip("link", "set", "ns1", "up"))  # no carrier
        log = self.nodes["ns1"].log()
        self.assertEqual(log.count("own network seems lost: "), 1)
        self.assertEqual(log.count("no route or no carrier to anybody: "), 2, "the machine knew")
        self.assertIn("event=network", log)
        verdicts = self.verdicts(log)
        self.assertEqual([line for line, is_away in verdicts if is_away], [], "not a line for each target")
        aged = sum("state=unknown" in line for line, _ in verdicts)  # where results were late, before the loss was seen: told, and back
        self.assertEqual(len(verdicts), 3 + 2 * aged, "each came up once")
        self.stop(FIRST)
        self.assert_goes_down(FIRST)
        self.stop(STANDBY)  # probed as all others, though it serves nobody
        self.assert_goes_down(STANDBY)
        self.world.ip("address", "del", f"{SECOND}/24", "dev", "br0")  # gone, not even its machine answers
        self.assert_goes_down(SECOND)
        self.assertEqual(self.network()["state"], "ok")

    def look_at_pings(self):
        self.assert_soon(lambda: self.network()["answering"] == 2, "both canaries answer")
        self.watch_a_loss(self.cut, self.heal)
        self.world.ip("address", "del", f"{SECOND}/24", "dev", "br0")
        self.assert_goes_down(SECOND)
        self.assertEqual(self.network()["state"], "ok")

    def test_canaries_that_are_pinged(self):
        self.begin(1, PINGED, ping="0 2147483647")
        self.look_at_pings()

    def test_canaries_that_are_pinged_by_a_raw_socket(self):
        self.begin(1, PINGED)
        self.look_at_pings()

    @unittest.skipUnless(shutil.which("setpriv"), "needs setpriv")
    def test_canaries_that_cannot_be_pinged(self):
        """They are told of and count for nothing: neither as a witness nor as a loss."""
        self.begin(1, PINGED, without=("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"))
        node = self.nodes["ns1"]
        for a in PINGED:
            self.assertTrue(node.wait_log(f"canary {a} cannot be asked: ping needs net.ipv4.ping_group_range", 10), node.log())
        self.assertEqual(self.network()["state"], "unwatched")
        status, out, _ = self.ctl("ns1", "status", "--check")
        self.assertEqual((status, "no canary answers" in out), (1, True), out)
        self.assertIn("ping needs net.ipv4.ping_group_range", self.ctl("ns1", "targets")[1])
        self.stop(FIRST)
        self.assert_goes_down(FIRST)
        self.assertEqual(node.log().count("cannot be asked"), 2, "once for each")

    def test_the_twin_alone(self):
        self.begin(2)
        self.assert_soon(lambda: self.document("ns1", "status")["peers"][0]["link"] == "active", "the twins are in step")
        self.watch_a_loss(self.cut, self.heal)
        self.stop(FIRST)
        self.assert_goes_down(FIRST)
        self.assert_goes_down(FIRST, "ns2")
        # without its twin a node still finds a failure: the others that live are its witnesses
        self.nodes.pop("ns2").kill()
        self.assert_soon(lambda: self.document("ns1", "status")["peers"][0]["link"] == "lost", "the twin is lost")
        self.stop(SECOND)
        self.assert_goes_down(SECOND)

    def rcode(self, space, name):
        """What the node in there answers to somebody beside it, who asks until it answers."""
        def answered():
            out = subprocess.run([*space.enter, "dig", "+tries=1", "+time=2", "-p", "5300", "@10.99.0.1", name, "A"],
                                 capture_output=True, text=True, check=False, timeout=60).stdout
            found = re.search(r"status: (\w+)", out)
            return found and found.group(1) + (" not ready" if "EDE: 14" in out else "")
        return wait_until(answered, PATIENCE_S)

    @unittest.skipUnless(shutil.which("dig"), "needs dig")
    def test_isolated_servfail(self):
        """Services send resolvers to the twin, zones answer; the program of on_event hears of both ends."""
        told = self.scratch.write("told", "")
        os.chmod(told, 0o666)
        self.begin(2, pair=', isolated = "servfail"', hook=f'"{shutil.which("tee")}", "-a", "{told}", kinds = "network"')
        self.assert_soon(lambda: self.document("ns1", "status")["peers"][0]["link"] == "active", "the twins are in step")
        self.assertEqual(self.rcode(self.spaces[0], NAME), "NOERROR")
        self.world.ip("link", "set", "ns1", "down")
        self.assert_soon(lambda: self.rcode(self.spaces[0], NAME) == "SERVFAIL not ready", "the service is withheld")
        self.assertEqual(self.rcode(self.spaces[0], "static.example.test"), "NOERROR")
        self.assertIn("services answer SERVFAIL", self.ctl("ns1", "status", "--check")[1])
        self.assertIn('isolated = "servfail"', self.ctl("ns1", "explain", NAME)[1])
        self.assertIn("event=network", self.nodes["ns1"].log())
        self.world.ip("link", "set", "ns1", "up")
        self.assert_soon(lambda: self.rcode(self.spaces[0], NAME) == "NOERROR", "the service answers again")
        self.assertEqual(self.rcode(self.spaces[0], NAME), "NOERROR")
        self.assert_soon(lambda: '"back"' in pathlib.Path(told).read_text(), "the program is told")
        self.assertIn('"isolated"', pathlib.Path(told).read_text())

    def test_without_either(self):
        """The loss can be seen: so those above prove something."""
        self.begin(1)
        self.assertEqual(self.network()["state"], "unwatched")
        self.cut()
        self.assert_goes_down(FIRST)
        self.heal()
        self.assert_soon(lambda: self.state("ns1", FIRST) == "up", "it is back")
        status, _, err = self.run_gemeld("-c", self.scratch.path("gemel.lua"), "-t")
        self.assertEqual(status, 0)
        self.assertIn("neither canary nor twin on IPv4", err)

    def test_processes_that_are_stopped(self):
        """Our own lateness is nobody's failure."""
        self.begin(1, CONNECTED)
        children = {role: self.nodes["ns1"].child(role) for role in ("prober", "coordinator", "responder")}
        for role in ("prober", "coordinator"):
            os.kill(children[role], signal.SIGSTOP)
            time.sleep(2)  # four intervals: that it passes is the point
            os.kill(children[role], signal.SIGCONT)
            self.assert_all_up(BACK_S, "ok")
        self.assertEqual({role: self.nodes["ns1"].child(role) for role in children}, children, "nobody was started anew")


if __name__ == "__main__":
    main()
