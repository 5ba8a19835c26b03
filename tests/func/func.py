"""What the functional tests share: a pair (or a single node) on loopback with its own ports, and a test case that cleans up."""
import faulthandler
import json
import os
import subprocess
import sys
import unittest

SRC = os.path.abspath(os.environ.get("srcdir", os.path.join(os.path.dirname(__file__), "..", "..")))
BUILD = os.path.abspath(os.environ.get("builddir", os.path.join(SRC, "build")))
sys.path.insert(0, os.path.join(SRC, "contrib", "py"))
os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(SRC, "lua"))

from gemelkit import Backend, Node, Scratch, free_port, resolve, write_key  # noqa: E402  (needs the path above)

GEMELD = os.path.join(BUILD, "gemeld")
GEMELCTL = os.path.join(BUILD, "gemelctl")
HANGS_S = 600    # no test takes a third of it: one that waits for what never comes ends, and says where it stood
PATIENCE_S = 30  # a bound for conditions on a loaded machine, never a thing that is measured

ZONE = """$TTL 300
@   SOA ns1 hostmaster 1 3600 600 86400 60
    NS  ns1
    NS  ns2
ns1 A   127.0.0.1
ns2 A   127.0.0.2
static A 192.0.2.10
alias CNAME static
*.wild A 192.0.2.20
big TXT {big}
""".replace("{big}", " ".join('"' + "x" * 250 + '"' for _ in range(8)))


class Case(unittest.TestCase):
    """Gives each test a scratch folder, and ends every process it started."""

    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.cleanup)
        self.nodes = {}
        self.scratch.write("example.test.zone", ZONE)

    def backend(self, address, port):
        b = Backend(address, port)
        self.addCleanup(b.kill)
        return b.start()

    def pair_config(self, body, check_port, interval="200ms"):
        """A configuration of two twins; body adds services. Ports are chosen here. A back end that is dead refuses at once: one
        that takes time only waits for the machine, and is not down."""
        self.ports = {n: free_port() for n in ("ns1", "ns2")}
        peers = {n: free_port() for n in ("ns1", "ns2")}
        write_key(self.scratch.path("pair.key"))
        blocks = "".join(
            f'node "{n}" {{ id = {i}, listen = {{ "127.0.0.1:{self.ports[n]}" }}, peer = "127.0.0.1:{peers[n]}", '
            f'control = "run/{n}.sock", state = "run/{n}" }}\n' for i, n in ((1, "ns1"), (2, "ns2")))
        return self.scratch.write("gemel.lua", blocks + f"""
pair {{ name = "test", key = "pair.key", interval = "{interval}" }}
zone "example.test" {{ file = "example.test.zone" }}
check "web" {{ script = "http", args = {{ port = {check_port}, path = "/" }}, interval = "1s", timeout = "5s",
              retry = "200ms", fall = 3, rise = 2 }}
""" + body)

    def single_config(self, body=""):
        self.ports = {"solo": free_port()}
        return self.scratch.write("gemel.lua", f"""
node "solo" {{ listen = {{ "127.0.0.1:{self.ports['solo']}" }}, control = "run/solo.sock", state = "run/solo" }}
zone "example.test" {{ file = "example.test.zone" }}
""" + body)

    def node(self, config, name, start=True):
        n = Node(GEMELD, config, name, ("127.0.0.1", self.ports[name]), log=self.scratch.path(f"{name}.log"))
        self.nodes[name] = n
        self.addCleanup(n.kill)
        return n.start() if start else n

    def server(self, name):
        return ("127.0.0.1", self.ports[name])

    def assert_answer(self, name, service, expected):
        """What it answers now, whenever that comes."""
        self.assertEqual(resolve(self.server(name), service).addresses(), sorted(expected))

    def ctl(self, node, *words):
        """Runs gemelctl against the node's socket; gives back (exit status, stdout, stderr)."""
        run = subprocess.run([GEMELCTL, "-s", self.scratch.path("run", f"{node}.sock"), *words], capture_output=True, text=True,
                             check=False, timeout=60)
        return run.returncode, run.stdout, run.stderr

    def run_gemeld(self, *words):
        run = subprocess.run([GEMELD, *words], capture_output=True, text=True, check=False, timeout=60)
        return run.returncode, run.stdout, run.stderr

    def confined(self, node):
        """{role: how it is confined}, from when each process has told; the loader, which goes by itself, has gone by then."""
        def told():
            roles = {p["role"]: p["confined"] for p in json.loads(self.ctl(node, "--json", "status")[1])["processes"]}
            silent = [r for r, by in roles.items() if by == "no" and f"process={r} message=" not in self.nodes[node].log()]  # or says why not
            return roles if len(set(roles.values())) == 1 and not silent and "loader" not in self.nodes[node].children() else None
        return self.assert_soon(told, f"every process of {node} has told how it is confined, and all alike")

    def fail_with_logs(self, text):
        logs = "".join(f"\n--- {n}\n{node.log()}" for n, node in self.nodes.items())
        self.fail(text + logs)

    def assert_soon(self, condition, text):
        from gemelkit import wait_until
        value = wait_until(condition, PATIENCE_S)
        if not value:
            self.fail_with_logs(f"not within {PATIENCE_S} s: {text}")
        return value


def main():
    faulthandler.dump_traceback_later(HANGS_S, exit=True)
    unittest.main(verbosity=1)
