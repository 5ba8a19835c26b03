"""ping: in a network namespace of its own, where the kernel's word on ping sockets can be set and addresses come and go."""
import json
import os
import socket
import subprocess
import sys

from func import PATIENCE_S, Case, main
from gemelkit import wait_until

RANGE = "/proc/sys/net/ipv4/ping_group_range"
CHECKS = {"one": "", "three": "count = 3, size = 1400", "slow": "rtt = 0.000001", "bad": "count = 11"}


def sh(command):
    return subprocess.run(command, shell=True, check=False, capture_output=True).returncode == 0


class Ping(Case):
    def setUp(self):
        super().setUp()
        sh("ip addr add 192.0.2.77/32 dev lo; ip -6 addr add 2001:db8::77/128 dev lo nodad")

    def set_range(self, text):
        with open(RANGE, "w") as f:
            f.write(text)

    def start(self, of_node="", checks=CHECKS):
        body = "".join(
            f'service "{n}.example.test" {{ tiers = {{ {{ "{a}" }} }}, check = {{ script = "ping", args = {{ {args} }}, '
            'interval = "300ms", timeout = "1s", fall = 2, rise = 1 } }\n'
            for name, args in checks.items() for n, a in ((f"{name}4", "192.0.2.77"), (f"{name}6", "2001:db8::77")))
        config = self.single_config(body)
        with open(config) as f:
            text = f.read()
        with open(config, "w") as f:
            f.write(text.replace('listen =', of_node + 'listen =', 1))
        self.solo = self.node(config, "solo")

    def member(self, name):
        status, out, _ = self.ctl("solo", "--json", "service", f"{name}.example.test")
        return json.loads(out)["members"][0] if status == 0 else {"state": None, "reason": None}

    def expect(self, name, state, reason):
        def so():
            m = self.member(name)
            return m["reason"] and m["state"] == state and reason in m["reason"]
        if not wait_until(so, PATIENCE_S, 0.05):
            self.fail_with_logs(f"{name}: expected {state}, {reason}; is {self.member(name)}")

    def look(self):
        for v in "46":
            self.expect(f"one{v}", "up", " ms")
            self.expect(f"three{v}", "up", " ms")
            self.expect(f"slow{v}", "down", "the mean time is")
            self.expect(f"bad{v}", "unknown", "count must be an integer from 1 to 10")
        self.ignore_echoes("1")
        for v in "46":  # silence alone: whether it counts is another matter
            self.assert_soon(lambda: "read timeout: no echo" in (self.member(f"one{v}")["reason"] or ""), f"no echo any more, IPv{v}")
        self.ignore_echoes("0")
        for v in "46":
            self.expect(f"one{v}", "up", " ms")

    @staticmethod
    def ignore_echoes(word):
        for path in ("/proc/sys/net/ipv4/icmp_echo_ignore_all", "/proc/sys/net/ipv6/icmp/echo_ignore_all"):
            with open(path, "w") as f:
                f.write(word)

    def leaves_from(self):
        """Who asks 192.0.2.77 for an echo: the machine's own ICMP is heard by a raw socket."""
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
            s.settimeout(PATIENCE_S)
            while True:
                packet, peer = s.recvfrom(2048)
                if packet[20] == 8 and packet[16:20] == socket.inet_aton("192.0.2.77"):
                    return peer[0]

    def look_at_the_source(self):
        there = 'probe_source = { "192.0.2.78", "2001:db8::78" }, '
        sh("ip addr add 192.0.2.78/32 dev lo; ip -6 addr add 2001:db8::78/128 dev lo nodad")
        self.start(there, {"one": ""})
        for v in "46":
            self.expect(f"one{v}", "up", " ms")
        self.assertEqual(self.leaves_from(), "192.0.2.78")
        sh("ip addr del 192.0.2.78/32 dev lo; ip -6 addr del 2001:db8::78/128 dev lo")
        # It cannot be left from, which says nothing of the target: an alarm, one for both, and no verdict.
        self.assertTrue(self.solo.wait_log("check ping stays unknown", PATIENCE_S))
        self.assertRegex(self.solo.log(), "stays unknown: .*probe_source (192.0.2.78|2001:db8::78): Cannot assign requested address")
        self.assertNotIn("state=down", self.solo.log())
        with open(self.solo.config) as f:
            text = f.read()
        with open(self.solo.config, "w") as f:
            f.write(text.replace(there, ""))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        for v in "46":
            self.expect(f"one{v}", "up", " ms")
        self.assertNotEqual(self.leaves_from(), "192.0.2.78")

    def test_source_with_ping_sockets(self):
        self.set_range("0 2147483647")
        self.look_at_the_source()

    def test_source_with_raw_sockets(self):
        self.set_range("1 0")
        self.look_at_the_source()

    def test_with_ping_sockets(self):
        self.set_range("0 2147483647")
        self.start()
        self.look()

    def test_with_raw_sockets(self):
        self.set_range("1 0")
        self.start()
        self.look()


if __name__ == "__main__":
    if os.environ.get("GEMEL_IN_NAMESPACE") != "1":
        if os.geteuid() != 0 or not sh("unshare -n true"):
            print("needs root and network namespaces: skipped")
            sys.exit(77)
        os.environ["GEMEL_IN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", sys.executable] + sys.argv)
    main()
