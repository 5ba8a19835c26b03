"""Two nodes that reach each other by two addresses each, over two wires: whatever happens to one of them changes nothing.

    wire  10.98.0.1 ─ ─ ─ 10.98.0.2        both bad as lab.py's only one is; all else as there
          10.97.0.1 ─ ─ ─ 10.97.0.2
"""
from func import main
from lab import API, A, B, D, NODES, WWW, Story
from spaces import enter_own, is_connected
from wire import ADDRESSES, DIRECTIONS, GOOD, Wire

SECOND = ("10.97.0.1", "10.97.0.2")
BEATS = 12  # a link is LOST after nine heartbeats that do not come, on a machine that is on time


def together(one, two):
    """What a packet meets that is sent over both: it is cut where each is."""
    udp = [s["cut"] or s["udp_cut"] for s in (one, two)]
    return {**GOOD, "cut": one["cut"] and two["cut"], "udp_cut": all(udp)}


class Both(Story):
    def setUp(self):
        super().setUp()
        self.second = Wire(self, *self.spaces.values(), seed=self.id() + "/2", device="wire1", addresses=SECOND)
        self.wires = (self.wire, self.second)

    def peer_addresses(self, i):
        return f'{{ "{ADDRESSES[i]}:5400", "{SECOND[i]}:5400" }}'

    def wire_history(self):
        """Of both as if they were one, which is what the nodes are to make of them."""
        found, now = [], {(w, n): dict(GOOD) for w in range(2) for n in DIRECTIONS}
        for i, h in sorted(((i, h) for i, w in enumerate(self.wires) for h in w.history), key=lambda x: x[1]["begun"]):
            now[i, h["way"]] = h["settings"]
            found.append({**h, "settings": together(now[0, h["way"]], now[1, h["way"]])})
        return found

    def heal(self):
        for w in self.wires:
            w.clear()
            w.up()
        self.assert_linked("active")

    def passed(self, wire):
        counts = self.wires[wire].counts()
        return {n: counts[n]["passed"] for n in DIRECTIONS}

    def assert_beats(self, wire, ways=DIRECTIONS):
        """So many packets pass in each of these directions from now on."""
        before = self.passed(wire)
        self.assert_soon(lambda: all(self.passed(wire)[n] >= before[n] + BEATS for n in ways), f"packets pass on wire {wire}: {ways}")


class Paths(Both):
    def test_heartbeats_go_over_both(self):
        self.begin()
        for wire in range(2):
            self.assert_beats(wire)
        self.close()

    def test_both_are_cut(self):
        self.begin()
        self.wires[0].set("both", cut=True)
        self.assert_beats(1)
        self.assert_linked("active")
        self.wires[1].set("both", cut=True)
        self.assert_linked("lost")
        self.some_life()
        self.wires[1].clear()  # the second alone is enough
        self.assert_linked("active")
        self.assert_answers(WWW, A, B)
        self.assert_answers(API, D)
        self.wires[1].set("ab", cut=True)
        self.assert_linked("lost", nodes=["ns2"])
        self.heal()
        self.close()

    def test_tcp_by_the_second(self):
        """UDP is blocked, and nothing at all gets through to the first address: a connection by the second is what is left."""
        self.begin()
        self.wires[0].set("both", cut=True)
        self.wires[1].set("both", udp_cut=True)
        self.assert_linked("tcp-only")
        self.assertTrue(any(is_connected(self.spaces["ns1"].pid, a, 5400) for a in SECOND))
        self.some_life()
        self.heal()
        self.close()

    def test_tcp_leaves_a_path_that_dies_for_the_other(self):
        """The connection in use stands on a path that swallows all from now on; nobody closes it, and the other address is well."""
        self.begin()
        self.wires[0].set("both", cut=True)
        self.wires[1].set("both", udp_cut=True)
        self.assert_linked("tcp-only")
        self.wires[1].set("both", cut=True)
        self.wires[0].clear(udp_cut=True)
        self.assert_soon(lambda: any(is_connected(self.spaces["ns1"].pid, a, 5400) for a in ADDRESSES), "there is a connection by the first address")
        self.assert_linked("tcp-only")
        self.some_life()
        self.heal()
        self.close()


class Unmoved(Both):
    """What happens to one path is not even told of."""
    interval_ms = 500  # a link is lost after eight of them, which are more than the machine stands still for

    def told(self):
        """What the nodes say of verdicts, answers and the link. SUSPECT and HALF, and verdicts that grow old, pass by themselves: a pause
        of the machine is enough."""
        found = {}
        for n in NODES:
            events = [e for e in self.document(n, "events", "-n", "1000")["events"] if e["observer"] == n]
            found[n] = [(e["kind"], e["subject"], e["new"]) for e in events if e["kind"] == "answer"
                        or (e["kind"] == "verdict" and "unknown" not in (e["old"], e["new"]))
                        or (e["kind"] == "link" and e["new"] not in ("suspect", "half", "active"))]
        return found

    def assert_nothing_changes(self, fault, wire, ways=DIRECTIONS):
        """While as many packets pass by the ways that are left as would be missed if they were not taken in."""
        before = self.told()
        fault()
        self.assert_beats(wire, ways)
        self.assert_linked("active")
        self.assertEqual(self.told(), before)

    def test_one_of_two_is_cut(self):
        self.begin()
        for wire in range(2):
            for way in ("both", "ab"):
                self.assert_nothing_changes(lambda w=wire, d=way: self.wires[w].set(d, cut=True), 1 - wire)
                self.wires[wire].clear()
        self.wires[0].set("ba", cut=True)
        self.some_life()
        self.assert_linked("active")
        self.heal()
        self.close()

    def test_one_device_goes_down(self):
        self.begin()
        self.assert_nothing_changes(lambda: self.wires[0].cut_link(0), 1)
        self.assert_nothing_changes(self.heal, 0)
        self.close()

    def test_each_carries_one_way(self):
        """Neither brings an answer back, and together they are a whole link."""
        self.begin()
        self.assert_nothing_changes(lambda: self.wires[0].set("ab", cut=True), 1)
        self.assert_nothing_changes(lambda: self.wires[1].set("ba", cut=True), 1, ["ab"])
        self.assert_beats(0, ["ba"])
        self.some_life()
        self.assert_linked("active")
        self.heal()
        self.close()


if __name__ == "__main__":
    enter_own()
    main()
