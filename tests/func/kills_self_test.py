"""kill -9 in every state that a node can be in by itself (`gemelctl peers`: "self"), under the eyes of clients that ask both nodes all the
time: history_check.py judges what they were told. For the states of a link see kills_test.py.

In each state once the coordinator is killed, and once all processes of the node are.
"""
import signal
import time

from func import main
from lab import API, A, B, BACKENDS, C, D, INTERVAL_MS, WWW, Killing
from spaces import enter_own

# What BOOT waits for at most, and two intervals, which TILT lasts, are seconds: long enough to be seen on a slow machine.
BOOT_CHECK = 'interval = "5s", timeout = "4500ms", retry = "100ms", fall = 2, rise = 2'
TILT_CHECK = 'interval = "2s", timeout = "1900ms", retry = "100ms", fall = 2, rise = 2'
STANDSTILL_S = 12 * INTERVAL_MS / 1000  # TILT is told by 10
NOBODY = "02:00:00:00:00:ee"  # an address on the bridge that no machine has: what is sent there is lost, without a word


class SelfStates(Killing):
    def own_state(self):
        return self.document("ns1", "peers").get("self")

    def assert_own_state(self, state):
        self.assert_soon(lambda: self.own_state() == state, f"ns1 is {state}, not {self.own_state()}")

    def kill_all(self):
        self.kill("ns1")
        self.start("ns1")

    def kill_in(self, enter, leave=lambda: None):
        """The twin finds a back end down of which ns1 in that state must not, or cannot, know by itself; later both do."""
        self.begin()
        self.assert_own_state("normal")
        for kill in (lambda: self.bring_back("coordinator"), self.kill_all):
            enter()
            kill()
            self.assert_soon(self.own_state, "the coordinator speaks")
            self.backends.set(A, "failing")
            self.assert_all(down=[A], nodes=["ns2"])
            leave()
            self.assert_own_state("normal")
            self.assert_linked("active")
            self.assert_all(down=[A])
            self.override("ns1", "down", B)  # its words are taken again, by both
            self.assert_answers(WWW, C)
            self.override("ns2", "auto", B)
            self.backends.set(A, "up")
            self.assert_all(up=BACKENDS)
        self.close()

    def kill_in_boot(self, kill):
        """A node that has never found anything: its back ends take connections and say nothing. What it answers is its twin's word."""
        self.config = self.write_config(check=BOOT_CHECK)
        for a in BACKENDS:
            self.backends.set(a, "silent", "10.99.0.1")
        self.start("ns2")
        self.assert_all(up=BACKENDS, nodes=["ns2"])
        self.override("ns2", "down", B)
        self.start("ns1")
        self.assert_own_state("boot")
        self.ask_on()
        kill()
        self.assert_answers(WWW, A)
        self.assert_answers(API, D)
        for a in BACKENDS:
            self.backends.set(a, "up", "10.99.0.1")
        self.kill_all()
        self.assert_own_state("normal")
        self.override("ns1", "auto", B)
        self.assert_linked("active")
        self.close()

    def test_boot_of_the_coordinator(self):
        self.kill_in_boot(lambda: self.bring_back("coordinator"))

    def test_boot_of_all(self):
        self.kill_in_boot(self.kill_all)

    def test_tilt(self):
        def enter():
            self.stop_processes("ns1", signal.SIGSTOP)
            begun = time.monotonic()
            self.assert_soon(lambda: time.monotonic() - begun > STANDSTILL_S, "it does not run for so long")  # that is the fault
            self.stop_processes("ns1", signal.SIGCONT)
            return self.assert_soon(self.own_state, "it runs on")
        self.config = self.write_config(check=TILT_CHECK)
        self.kill_in(lambda: self.assert_soon(lambda: enter() == "tilt", "it is in TILT before that is over"))

    def test_isolated(self):
        """Nobody answers it, neither back ends nor the twin, and no error tells why. Clients reach it all the while."""
        def enter():
            for a in BACKENDS:
                self.spaces["ns1"].ip("neighbor", "replace", a, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent")
            self.wire.set("both", cut=True)
            self.assert_own_state("isolated")

        def leave():
            for a in BACKENDS:
                self.spaces["ns1"].ip("neighbor", "del", a, "dev", "eth0")
            self.wire.clear()
        self.kill_in(enter, leave)

    def test_maint(self):
        """It ends with the process that was told of it, so that no node stays in it that nobody remembers to take out."""
        def enter():
            status, out, err = self.ctl("ns1", "maint", "on", "--reason", "story")
            self.assertEqual(status, 0, out + err)
            self.assert_own_state("maint")
        self.kill_in(enter)


if __name__ == "__main__":
    enter_own()
    main()
