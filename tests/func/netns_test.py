"""Addresses that come, and networks of IPv6, in a network namespace of our own; skipped where there can be none."""
import os
import shutil
import socket
import subprocess
import sys

from func import Case, main
from gemelkit import Message, ask, encode_query

INSIDE = "GEMEL_TEST_NETNS"
SKIP = 77  # automake's word for it


def run(*words):
    subprocess.run(words, check=True, timeout=60)


class Namespace(Case):
    def begin(self, listen, limits=""):
        port = 5300
        self.ports = {"solo": port}
        quoted = ", ".join(f'"{a}"' for a in listen)
        config = self.scratch.write("gemel.lua", f"""
node "solo" {{ listen = {{ {quoted} }}, control = "run/solo.sock", state = "run/solo", workers = 1 }}
{limits}
zone "example.test" {{ file = "example.test.zone" }}
""")
        return self.node(config, "solo")

    def answers(self, address, **how):
        try:
            reply = ask((address, 5300), "static.example.test", **how)
        except OSError:
            return False
        return reply is not None and reply.addresses() == ["192.0.2.10"]


class Late(Namespace):
    """The configuration names addresses that the machine does not have."""

    def test_an_address_is_answered_once_it_is_there(self):
        node = self.begin(["127.0.0.1:5300", "192.0.2.53:5300", "[2001:db8::53]:5300"])
        self.assertTrue(self.answers("127.0.0.1", timeout=5))
        for address, length in (("192.0.2.53", 32), ("2001:db8::53", 128)):
            self.assertIn("no address of " + (f"[{address}]" if ":" in address else address) + ":5300 yet", node.log())
            self.assertFalse(self.answers(address, timeout=0.2))
            run("ip", "addr", "add", f"{address}/{length}", "dev", "lo", *(["nodad"] if ":" in address else []))
            self.addCleanup(run, "ip", "addr", "del", f"{address}/{length}", "dev", "lo")
            for tcp in (False, True):
                self.assert_soon(lambda: self.answers(address, tcp=tcp), f"{address}, tcp={tcp}")
        self.assertNotIn("no address of 127.0.0.1", node.log())
        self.assertEqual(node.stop(), 0)

    def test_an_address_that_moves(self):
        """It goes and comes back, as one that two machines share; nothing needs to start anew."""
        self.begin(["192.0.2.53:5300"])
        for _ in range(2):
            run("ip", "addr", "add", "192.0.2.53/32", "dev", "lo")
            self.assert_soon(lambda: self.answers("192.0.2.53"), "it is there")
            run("ip", "addr", "del", "192.0.2.53/32", "dev", "lo")
            self.assertFalse(self.answers("192.0.2.53", timeout=0.2))

    def test_a_second_server_is_refused_there_too(self):
        """With SO_REUSEPORT both would share the queries without a word."""
        self.begin(["192.0.2.53:5300"])
        with open(self.scratch.path("gemel.lua")) as f:
            config = self.scratch.write("second.lua", f.read().replace("run/", "second/"))
        status, _, err = self.run_gemeld("-c", config)
        self.assertEqual(status, 1)
        self.assertIn("another server is there", err)


class Networks(Namespace):
    """Rate limiting by /56 of IPv6, over real sockets."""
    SAME = ("2001:db8:0:100::1", "2001:db8:0:1ff:ffff::1")
    OTHER = "2001:db8:0:200::1"

    def setUp(self):
        super().setUp()
        for a in (*self.SAME, self.OTHER, "2001:db8::53"):
            run("ip", "addr", "add", f"{a}/128", "dev", "lo", "nodad")
            self.addCleanup(run, "ip", "addr", "del", f"{a}/128", "dev", "lo")

    def whole(self, source, count):
        """Of so many questions, how many have a whole answer; the others are sent truncated, so that none is waited for."""
        found = 0
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.bind((source, 0))
            s.connect(("2001:db8::53", 5300))
            for _ in range(count):
                s.send(encode_query("static.example.test"))
                found += not Message(s.recv(4096)).tc
        return found

    def test_a_network_has_one_account(self):
        node = self.begin(["[2001:db8::53]:5300"], 'limits { rrl = { rate = 5, slip = 1 } }')
        self.assertLess(self.whole(self.SAME[0], 100), 50)
        self.assertLess(self.whole(self.SAME[1], 100), 50)
        self.assertEqual(self.whole(self.OTHER, 5), 5)
        self.assert_soon(lambda: "responses to 2001:db8:0:100::/56 are limited" in node.log(), "people are told")

    def test_exempt_networks(self):
        self.begin(["[2001:db8::53]:5300"], 'limits { rrl = { rate = 5, slip = 1, exempt = "2001:db8:0:100::/64" } }')
        self.assertEqual(self.whole(self.SAME[0], 100), 100)
        self.assertLess(self.whole(self.SAME[1], 100), 50)


if __name__ == "__main__":
    if INSIDE in os.environ:
        run("ip", "link", "set", "lo", "up")
        main()
    enter = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    tools = shutil.which("unshare") and shutil.which("ip")
    if not tools or subprocess.run([*enter, "ip", "link"], capture_output=True, check=False).returncode:
        print("skipped: no network namespace can be made here")
        sys.exit(SKIP)
    os.execvpe("unshare", [*enter, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})
