"""The edges of a running server: a full disk, a generation that kills, a stop at the wrong moment, paths that are not its own."""
import json
import os
import pwd
import resource
import signal
import socket
import threading
import time

from func import PATIENCE_S, Case, main
from gemelkit import addresses, ask, free_port

OURSELVES = pwd.getpwuid(os.geteuid()).pw_name
A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"
ROLES = ("responder", "coordinator", "prober")


class Limited(Case):
    """A node whose children stay our own user, so that we may limit them."""

    def single_config(self, body=""):
        path = super().single_config(body)
        text = open(path).read()
        return self.scratch.write("gemel.lua", text.replace('node "solo" {', f'node "solo" {{ user = "{OURSELVES}",'))


class Served(Limited):
    """A single node with one service."""

    def setUp(self):
        super().setUp()
        self.port = free_port()
        for a in (A, B):
            self.backend(a, self.port)
        self.config = self.single_config(self.body())
        self.solo = self.node(self.config, "solo")
        self.answered([A, B], "the service is answered")

    def body(self, members=(A, B), extra=""):
        tier = ", ".join(f'"{m}"' for m in members)
        return (f'check "web" {{ script = "tcp", args = {{ port = {self.port} }}, interval = "500ms", timeout = "2s" }}\n'
                f'service "{NAME}" {{ check = "web", tiers = {{ {{ {tier} }} }} }}\n' + extra)

    def answered(self, wanted, text):
        self.assert_soon(lambda: addresses(self.server("solo"), NAME) == wanted, text)

    def rewrite(self, **changes):
        port = self.ports["solo"]
        self.single_config(self.body(**changes))
        text = open(self.config).read().replace(str(self.ports["solo"]), str(port))
        self.ports["solo"] = port
        self.scratch.write("gemel.lua", text)


class Counters(Served):
    def queries(self):
        code, out, _ = self.ctl("solo", "--json", "status")
        return json.loads(out)["queries"] if code == 0 else {}

    def test_what_is_asked_is_counted_as_what_it_was(self):
        for edns, tcp in ((1232, False), (1232, False), (None, False), (1232, True)):
            self.assertIsNotNone(ask(self.server("solo"), NAME, tcp=tcp, edns=edns, timeout=PATIENCE_S))
        # each worker tells of its own when it comes to it
        self.assert_soon(lambda: (now := self.queries()).get("tcp") == 1 and now["edns"] >= 3 and now["total"] >= 4,
                         f"one query over TCP, three with EDNS, four in all: {self.queries()}")


class FullDisk(Served):
    def limit(self, length):
        resource.prlimit(self.solo.child("coordinator"), resource.RLIMIT_FSIZE, (length, resource.RLIM_INFINITY))

    def test_a_verb_is_refused_with_the_reason(self):
        self.assertEqual(self.ctl("solo", "down", A)[0], 0)
        self.answered([B], "down is in force")
        old = self.solo.child("coordinator")
        self.limit(0)
        status, _, err = self.ctl("solo", "down", B, "--force")
        self.assertEqual(status, 1, err)
        self.assertIn("journal", err)
        self.assertIn("nothing was changed", err)
        self.assert_answer("solo", NAME, [B])
        self.limit(resource.RLIM_INFINITY)
        self.assertEqual(self.ctl("solo", "auto", A)[0], 0)
        self.answered([A, B], "auto is in force")
        self.assertEqual(self.solo.child("coordinator"), old, "nothing had to start anew")

    def test_verdicts_still_move_answers_and_what_was_synced_survives(self):
        self.assertEqual(self.ctl("solo", "down", A)[0], 0)
        self.limit(0)
        extra = self.backend("127.0.0.13", self.port)
        self.rewrite(members=(A, B, "127.0.0.13"))
        self.solo.reload()
        self.answered([B, "127.0.0.13"], "a reload needs no room")
        extra.kill()
        self.answered([B], "a verdict takes effect without being remembered")
        old = self.solo.kill_child("coordinator")
        self.assert_soon(lambda: self.solo.children().get("coordinator", old) != old, "a new coordinator")
        self.assert_soon(lambda: A in self.ctl("solo", "overrides")[1], "the override is there again")
        self.answered([B], "and in force")


class Generations(Served):
    def crash_responder(self):
        old = self.solo.child("responder")
        os.kill(old, signal.SIGSEGV)
        self.assert_soon(lambda: self.solo.children().get("responder", old) != old, "a new responder")

    def test_one_that_the_responder_dies_of_twice_is_put_aside(self):
        self.rewrite(members=(A,))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.answered([A], "the new generation")
        self.crash_responder()
        self.answered([A], "once is bad luck")
        # and again where it lived for some seconds before the test came to it: then that is the first
        self.assert_soon(lambda: self.crash_responder() or "is put aside" in self.solo.log(), "twice is its fault")
        self.answered([A, B], "the generation before")
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.answered([A], "and the next is a new try")

    def test_kills_put_nothing_aside(self):
        self.rewrite(members=(A,))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        for _ in range(3):
            old = self.solo.kill_child("responder")
            self.assert_soon(lambda: self.solo.children().get("responder", old) != old, "a new responder")
            self.answered([A], "the new generation")

    def test_every_reload_is_answered(self):
        """Many at a time: each caller hears an outcome, and the last configuration counts."""
        results = []

        def ask():
            results.append(self.ctl("solo", "reload")[0])
        threads = [threading.Thread(target=ask) for _ in range(8)]
        self.rewrite(members=(B,))
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(len(results), 8)
        self.assertIn(0, results)
        self.answered([B], "the last one")

    def test_children_may_die_in_the_middle_of_a_reload(self):
        for i in range(12):
            members = (A,) if i % 2 == 0 else (A, B)
            self.rewrite(members=members)
            self.solo.reload()
            role = ("responder", "coordinator", "prober", "loader")[i % 4]
            pid = self.solo.children().get(role)
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if role == "loader":
                self.solo.reload()
            self.answered(sorted(members), f"reload {i}, the {role} was killed")


class Ends(Served):
    def test_a_stop_while_a_loader_runs(self):
        self.solo.reload()
        self.assertEqual(self.solo.stop(), 0)

    def test_a_term_for_every_process(self):
        before = {role: self.solo.child(role) for role in ROLES}
        for pid in before.values():
            os.kill(pid, signal.SIGTERM)
        self.answered([A, B], "children wait for the supervisor's word")
        self.assertEqual({role: self.solo.child(role) for role in ROLES}, before)
        os.killpg(self.solo.process.pid, signal.SIGTERM)
        self.assertEqual(self.solo.process.wait(15), 0)
        self.assertNotIn("killed", self.solo.log())

    def test_no_descriptor_is_left_behind(self):
        """Reloads and restarts over and over: the supervisor's table of files does not grow."""
        def count():
            return len(os.listdir(f"/proc/{self.solo.process.pid}/fd"))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)  # from now on it keeps the generation before
        self.assert_soon(lambda: "loader" not in self.solo.children(), "what was loaded is saved")
        before = count()
        for _ in range(5):
            self.assertEqual(self.ctl("solo", "reload")[0], 0)
            for role in ROLES:
                old = self.solo.kill_child(role)
                self.assert_soon(lambda: self.solo.children().get(role, old) != old, f"a new {role}")
            self.answered([A, B], "answered")
        self.assert_soon(lambda: count() <= before, f"{count()} descriptors, {before} before")

    def test_children_hold_no_descriptor_of_others(self):
        for role in ("prober", "coordinator"):
            links, folder = [], f"/proc/{self.solo.child(role)}/fd"
            for fd in os.listdir(folder):
                try:
                    links.append(os.readlink(f"{folder}/{fd}"))
                except OSError:
                    pass
            self.assertFalse([l for l in links if "/lock" in l or "gemel-image" in l], links)
            if role == "prober":
                self.assertFalse([l for l in links if "journal" in l], links)


class Paths(Case):
    def setUp(self):
        super().setUp()
        self.config = self.single_config()
        os.makedirs(self.scratch.path("run"), exist_ok=True)
        self.socket_path = self.scratch.path("run", "solo.sock")

    def test_a_plain_file_at_the_control_path_stays(self):
        with open(self.socket_path, "w") as f:
            f.write("mine")
        status, _, err = self.run_gemeld("-c", self.config)
        self.assertEqual(status, 1)
        self.assertIn("solo.sock", err)
        self.assertEqual(open(self.socket_path).read(), "mine")

    def test_a_busy_server_keeps_its_socket(self):
        """Its queue is full, so that a connection is not even refused."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket_path)
            listener.listen(0)
            waiting = []
            for _ in range(4):
                s = socket.socket(socket.AF_UNIX)
                s.setblocking(False)
                waiting.append(s)
                try:
                    s.connect(self.socket_path)
                except BlockingIOError:
                    break
            status, _, err = self.run_gemeld("-c", self.config)
            self.assertEqual(status, 1)
            self.assertIn("another server is there", err)
            for s in waiting:
                s.close()
        self.assertTrue(os.path.exists(self.socket_path))

    def test_a_socket_of_a_dead_server_is_taken_over(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket_path)
        solo = self.node(self.config, "solo")
        self.assertEqual(self.ctl("solo", "status")[0], 0)
        self.assertEqual(solo.stop(), 0)
        self.assertFalse(os.path.exists(self.socket_path))


class Wildcards(Case):
    """An answer leaves from the address that was asked, which a wildcard socket must be told. Connected clients hear no other."""

    def ask_all(self, listen, targets):
        from gemelkit import ask
        port = free_port()
        self.ports = {"solo": port}
        config = self.scratch.write("gemel.lua", f"""
node "solo" {{ listen = {{ "{listen}:{port}" }}, control = "run/solo.sock", state = "run/solo", workers = 2 }}
zone "example.test" {{ file = "example.test.zone" }}
""")
        self.node(config, "solo")
        for target in targets:
            for words in (("static.example.test",), ("id.server", "TXT", "CH")):  # the hot path and the cold one
                for tcp in (False, True):
                    def answered():  # a cold one is SERVFAIL where the coordinator does not come to it
                        reply = ask((target, port), *words, tcp=tcp, timeout=5)
                        return reply and reply.rcode != "SERVFAIL" and reply
                    self.assertEqual(len(self.assert_soon(answered, f"{words} from {target}, tcp={tcp}").answer), 1)

    def test_ipv4(self):
        self.ask_all("0.0.0.0", ("127.0.0.1", "127.0.0.2", "127.0.0.77"))

    def test_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
                s.bind(("::1", 0))
        except OSError:
            self.skipTest("this machine has no IPv6 loopback")
        self.ask_all("[::]", ("::1",))


if __name__ == "__main__":
    main()
