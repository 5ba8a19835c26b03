"""kill -9 of each process of a node in every state that its link to the twin can be brought into, under the eyes of clients that ask both
nodes all the time: history_check.py judges what they were told.
"""
from func import main
from gemelkit import write_key
from lab import A, B, BACKENDS, STEADY_CHECK, WWW, Killing
from spaces import enter_own

CHILDREN = ("prober", "responder", "coordinator")  # the coordinator last: it begins every link anew
SHORT = 220  # octets: heartbeats pass, those with records do not


class Judged(Killing):
    def assert_still_good(self):
        """What it answers stays, and it still follows its back ends."""
        self.assert_soon(lambda: self.link("ns1"), "the coordinator speaks")
        self.assert_answers(WWW, A, B, nodes=["ns1"])
        self.backends.set(A, "failing", "10.99.0.1")
        self.assert_all(down=[A], nodes=["ns1"])
        self.backends.set(A, "up")
        self.assert_all(up=BACKENDS, nodes=["ns1"])


class Kills(Judged):
    """kill -9 of each process of ns1 in every state that its link can be brought into, and that lasts."""

    def kill_each(self, state):
        for role in CHILDREN:
            self.assert_linked(state, nodes=["ns1"])
            self.bring_back(role)
        self.assert_still_good()
        self.bring_back_all()
        self.assert_still_good()
        self.heal()
        self.close()

    def restart_twin(self, config=None):
        self.kill("ns2")
        self.start("ns2", config=config)

    def test_active(self):
        self.begin()
        self.kill_each("active")

    def test_waiting(self):
        self.start("ns1")
        self.assert_all(up=BACKENDS, nodes=["ns1"])
        self.ask_on()
        for role in CHILDREN:
            self.assert_linked("waiting", nodes=["ns1"])
            self.bring_back(role)
        self.assert_still_good()
        self.bring_back_all()
        self.assert_still_good()
        self.start("ns2")
        self.heal()
        self.close()

    def test_syncing(self):
        """Records are too long for this wire, heartbeats are not: the link comes no further."""
        self.begin()
        self.kill("ns2")
        self.wire.set("both", longest=SHORT)
        self.start("ns2")
        self.kill_each("syncing")

    def test_half(self):
        self.begin()
        self.wire.set("ab", cut=True)
        self.kill_each("half")

    def test_tcp_only(self):
        self.begin()
        self.wire.set("both", udp_cut=True)
        self.kill_each("tcp-only")

    def test_lost(self):
        self.begin()
        self.wire.set("both", cut=True)
        self.kill_each("lost")

    def test_mismatch(self):
        self.begin()
        self.restart_twin(self.write_config("other.lua", check=STEADY_CHECK.replace("400ms", "390ms")))
        for role in CHILDREN:
            self.assert_linked("mismatch", nodes=["ns1"])
            self.bring_back(role)
        self.assert_still_good()
        self.assert_linked("mismatch", nodes=["ns1"])
        self.bring_back_all()
        self.assert_still_good()
        self.assert_linked("mismatch", nodes=["ns1"])
        self.restart_twin(self.config)
        self.heal()
        self.close()

    def test_incompatible(self):
        self.begin()
        write_key(self.scratch.path("other.key"))
        self.restart_twin(self.write_config("other.lua", key="other.key"))
        for role in CHILDREN:
            self.assert_linked("incompatible", nodes=["ns1"])
            self.bring_back(role)
        self.assert_still_good()
        self.assert_linked("incompatible", nodes=["ns1"])
        self.bring_back_all()
        self.assert_still_good()
        self.assert_linked("incompatible", nodes=["ns1"])
        self.restart_twin(self.config)
        self.heal()
        self.close()


class Suspected(Judged):
    """A state that passes: after four intervals without an echo it comes, and after eight it is over."""
    interval_ms = 1000  # the longest that there is: who looks finds it in time

    def test_suspect(self):
        self.begin()
        for role in CHILDREN:
            self.wire.set("both", cut=True)
            self.assert_linked("suspect", nodes=["ns1"])
            self.bring_back(role)
            self.assert_still_good()
            self.heal()
        self.wire.set("both", cut=True)
        self.assert_linked("suspect", nodes=["ns1"])
        self.bring_back_all()
        self.assert_still_good()
        self.heal()
        self.close()


if __name__ == "__main__":
    enter_own()
    main()
