"""kill -9 of each child: it comes back, no answer changes, and no query is lost beyond the batch a worker had read."""
import contextlib
import os
import socket
import threading
import time

from func import Case, main
from gemelkit import addresses, encode_query, free_port

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"
BATCH = 64    # what one worker may have read when it dies; two workers at most on this machine
SINCE = 2000  # queries while a new one is there
WINDOW = 250  # queries that are out, those that were lost among them: sockets hold so many, ours their answers too, on any machine


class Asker(threading.Thread):
    """Sends numbered queries at a steady pace until it is over, and keeps every answer's id and addresses."""

    def __init__(self, server, pace_s):
        super().__init__(daemon=True)
        self.server, self.count, self.pace_s = server, 0, pace_s
        self.answers, self.bodies = set(), set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.connect(server)
        self.over = threading.Event()

    def run(self):
        query = bytearray(encode_query("static.example.test", ident=0))
        while not self.over.is_set() and self.count < 65536:
            if self.count - len(self.answers) >= WINDOW:
                self.drain(self.pace_s * 20)
                continue
            query[0:2] = self.count.to_bytes(2, "big")
            self.socket.send(query)
            self.count += 1
            if self.count % 20 == 0:
                self.drain(self.pace_s * 20)

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                reply = self.socket.recv(2048)
                self.answers.add(int.from_bytes(reply[:2], "big"))
                self.bodies.add(bytes(reply[2:]))
            except (socket.timeout, BlockingIOError):
                pass
            except ConnectionRefusedError:
                self.bodies.add(b"refused")

    def finish(self, case):
        self.over.set()
        self.join()
        case.assert_soon(lambda: (self.drain(0.2), len(self.answers) >= self.count - 2 * BATCH)[1],
                         f"{self.count - len(self.answers)} of {self.count} queries lost")
        self.socket.close()


class Processes(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        for a in (A, B):
            self.backend(a, self.port)
        config = self.pair_config(f'service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }} }}\n', self.port)
        self.ns1 = self.node(config, "ns1")
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A, B], "the service is answered")

    def kill_under_load(self, role):
        asker = Asker(self.server("ns1"), 0.0005)
        asker.start()
        self.assert_soon(lambda: asker.answers, "queries flow")
        old = self.ns1.kill_child(role)
        self.assert_soon(lambda: self.ns1.children().get(role, old) != old, f"a new {role} runs")
        enough = asker.count + SINCE
        self.assert_soon(lambda: self.check_answer() and asker.count >= enough, "they flow on")
        asker.finish(self)
        self.assertEqual(len(asker.bodies), 1, "every answer was the same")
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A, B], "the service is answered as before")
        self.assertIsNone(self.ns1.process.poll(), "the supervisor lives")

    def check_answer(self):
        got = addresses(self.server("ns1"), NAME, timeout=2)
        if got is not None:
            self.assertEqual(got, [A, B])
        return got

    def test_responder(self):
        self.kill_under_load("responder")

    def test_coordinator(self):
        self.kill_under_load("coordinator")

    def test_prober(self):
        self.kill_under_load("prober")

    def test_responder_and_coordinator_at_once(self):
        """The supervisor alone knows the last overlay then."""
        os.kill(self.ns1.child("coordinator"), 19)  # SIGSTOP: it can tell nobody anything
        self.kill_under_load("responder")
        self.ns1.kill_child("coordinator")
        self.assert_soon(lambda: self.ctl("ns1", "status")[0] == 0, "the coordinator is back")

    def test_supervisor_takes_all_with_it(self):
        pids = list(self.ns1.children().values())
        os.kill(self.ns1.process.pid, 9)
        self.ns1.process.wait()

        def gone(pid):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    return f.read().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                return True
        self.assert_soon(lambda: all(gone(p) for p in pids), "the children are gone")

    def kernel_says(self, pid):
        with open(f"/proc/{pid}/status") as f:
            return {k: v.split() for k, v in (line.rstrip("\n").split(":", 1) for line in f)}

    def test_every_process_is_confined(self):
        """What `status` says of each is what the kernel says; the answers above were got through it."""
        claims = self.confined("ns1")
        self.assertEqual(set(claims), {"responder", "coordinator", "prober", "loader"})
        for role, pid in self.ns1.children().items():
            is_so = self.kernel_says(pid)
            self.assertIn(claims[role], ("no", "landlock", "seccomp", "landlock, seccomp"))
            self.assertEqual(is_so["Seccomp"], ["2" if "seccomp" in claims[role] else "0"], role)
            self.assertEqual(is_so["NoNewPrivs"], ["1"], role)
            for caps in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(is_so[caps][0], 16), 0, caps)
            if os.geteuid() == 0:
                self.assertNotIn("0", is_so["Uid"] + is_so["Gid"] + is_so["Groups"], role)
            self.assertIn("landlock, seccomp" if claims[role] == "landlock, seccomp" else f"process={role} message=",
                          claims[role] + self.ns1.log(), "what is missing stands in the log")

    def test_threads_of_the_responder_are_confined(self):
        pid = self.ns1.child("responder")
        threads = set()
        for t in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                threads.add(self.kernel_says(f"{pid}/task/{t}")["Seccomp"][0])
        self.assertEqual(threads, {self.kernel_says(pid)["Seccomp"][0]})

    def test_supervisor_keeps_only_what_it_needs(self):
        is_so = self.kernel_says(self.ns1.process.pid)
        self.assertEqual(is_so["NoNewPrivs"], ["1"])
        for caps in ("CapPrm", "CapEff"):
            self.assertEqual(int(is_so[caps][0], 16) & (1 << 21 | 1 << 19 | 1 << 16), 0, "CAP_SYS_ADMIN, _PTRACE, _MODULE")
        self.assertEqual(is_so["CapInh"], ["0" * 16])

    def test_stop_in_good_order(self):
        self.assertEqual(self.ns1.stop(), 0)
        self.assertFalse(os.path.exists(self.scratch.path("run", "ns1.sock")))


if __name__ == "__main__":
    main()
