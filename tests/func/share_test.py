"""Twins that share probes: half of them while all is well, and nobody notices when it is not."""
import json
import socket
import threading
import time

from func import Case, main
from gemelkit import addresses, close_listener, free_port, wait_until

NAME = "www.example.test"
A, B = "127.0.0.81", "127.0.0.82"
INTERVAL = 0.5
LOOKS = 10


class Counter:
    """Answers HTTP, and notes when it was asked."""

    def __init__(self, address, port):
        self.times = []
        self.listener = socket.create_server((address, port), backlog=64)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.times.append(time.monotonic())
            with conn:
                try:
                    conn.recv(4096)
                    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                except OSError:
                    pass

    def took(self, looks):
        """How long the next looks take, in intervals."""
        first = len(self.times)
        if not wait_until(lambda: len(self.times) > first + looks, 60):
            raise AssertionError(f"{looks} looks do not come")
        return (self.times[first + looks] - self.times[first]) / INTERVAL

    def close(self):
        close_listener(self.listener, self.thread)


class Share(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.counters = {a: Counter(a, self.port) for a in (A, B)}
        for c in self.counters.values():
            self.addCleanup(c.close)
        body = (f'check "fast" {{ script = "http", args = {{ port = {self.port}, path = "/" }}, interval = "500ms", timeout = "400ms", '
                f'retry = "100ms", fall = 3, rise = 2 }}\nservice "{NAME}" {{ check = "fast", tiers = {{ {{ "{A}", "{B}" }} }} }}\n')
        config = self.pair_config(body, self.port)
        with open(config) as f:
            text = f.read()
        assert text.count('key = "pair.key",') == 1
        with open(config, "w") as f:
            f.write(text.replace('key = "pair.key",', 'key = "pair.key", share = true,'))
        for n in ("ns1", "ns2"):
            self.node(config, n)
        self.assert_soon(lambda: self.shared("ns1") == {A, B} and self.shared("ns2") == {A, B}, "both share both targets")

    def shared(self, node):
        status, out, err = self.ctl(node, "--json", "targets")
        self.assertEqual(status, 0, err)
        return {t["address"] for t in json.loads(out)["targets"] if t["shared"]}

    def answers(self, node):
        return set(addresses(self.server(node), NAME) or ())

    def test_each_target_gets_half_the_probes(self):
        # Without sharing there are two in an interval, so that ten take five. Looks that wait for us to go on come at one time.
        self.assert_soon(lambda: self.counters[A].took(LOOKS) > LOOKS * 0.75, "half the looks")
        # and both of the twins look: each has results that are younger than two intervals and a bit, again and again
        for node in ("ns1", "ns2"):
            before = json.loads(self.ctl(node, "--json", "targets")[1])["targets"][0]["last"]
            self.assert_soon(lambda n=node, b=before: json.loads(self.ctl(n, "--json", "targets")[1])["targets"][0]["last"] != b, f"{node} looks")
        self.assert_soon(lambda: "shared" in self.ctl("ns1", "targets")[1], "people are told")

    def test_a_dead_target_leaves_both_answers(self):
        self.counters[A].close()
        self.assert_soon(lambda: self.answers("ns1") == {B} and self.answers("ns2") == {B}, "the dead one is out of both answers")
        self.assert_soon(lambda: self.shared("ns1") == {A, B} and self.shared("ns2") == {A, B}, "they share what is down, too")
        self.counters[A] = Counter(A, self.port)
        self.addCleanup(self.counters[A].close)
        self.assert_soon(lambda: self.answers("ns1") == {A, B} and self.answers("ns2") == {A, B}, "it is back in both answers")

    def test_a_lone_survivor_looks_at_the_full_rate(self):
        self.nodes["ns2"].kill()
        self.assert_soon(lambda: not self.shared("ns1"), "nothing is shared with the dead")
        # at half its rate four looks would take eight intervals; few, so that for as long nobody stands still
        self.assert_soon(lambda: self.counters[A].took(4) < 4 * 1.5, "the survivor looks at every interval")
        self.assert_soon(lambda: self.answers("ns1") == {A, B}, "both are in the answer")
        self.nodes["ns2"].start()
        self.assert_soon(lambda: self.shared("ns1") == {A, B} and self.shared("ns2") == {A, B}, "its return ends that")

    def test_a_twin_that_is_stopped_says_so(self):
        self.nodes["ns2"].stop()
        self.assert_soon(lambda: not self.shared("ns1"), "nothing is shared with one that left")
        self.assert_soon(lambda: self.answers("ns1") == {A, B}, "both are in the answer")


if __name__ == "__main__":
    main()
