"""Where NSD, Knot and BIND agree about an answer, Gemel gives the same one.

    GEMEL_SEED=N            the seed of zones and questions (1)
    GEMEL_QUESTIONS=N       how many questions (80000)
"""
import itertools
import os
import random
import struct
import time
import unittest

import referee_servers as servers
import referee_zones as zones
from func import Scratch, main
from referee_ask import OUTSTANDING, Channel, ask_batch
from referee_compare import Tally, compare
from referee_questions import Question, questions
from referee_traps import worlds
from referee_wire import Answer

DEFAULTS = (1, 80000)
SEED = int(os.environ.get("GEMEL_SEED", DEFAULTS[0]))
QUESTIONS = int(os.environ.get("GEMEL_QUESTIONS", DEFAULTS[1]))
SHARES = (0.87, 0.13)   # of the questions, for each world
BROKEN_BATCH = 16
BROKEN_A_SECOND = 80    # NSD gives at most about 100 error answers a second
AGREED_MIN = 0.8        # or the test would be blind


def batches(asked, size):
    return [asked[i:i + size] for i in range(0, len(asked), size)]


class World:
    """Four servers with the same zones, and channels to them."""

    def __init__(self, folder, world):
        self.apexes = {zones.wire(z.apex).lower() for z in world}
        self.sentinel = Question(zones.wire(world[0].apex), 6).octets()
        self.world = world
        self.servers = servers.start_all(folder, world, self.is_ready)
        self.channels = {tcp: [Channel(s.address, tcp) for s in self.servers] for tcp in (False, True)}

    def is_ready(self, server):
        channel = [Channel(server.address, False)]
        wanted = [Question(zones.wire(z.apex), 6).octets() for z in self.world]
        got = ask_batch(channel, wanted, self.sentinel)[0]
        channel[0].close()
        answers = [Answer(m) for m in got.values()]
        return len(answers) == len(wanted) and all(a.rcode == 0 and a.aa and a.answer for a in answers)

    def stop(self):
        for channels in self.channels.values():
            for c in channels:
                c.close()
        for s in self.servers:
            s.stop()

    def play(self, tally, asked):
        """Asks all questions. Broken ones are asked no faster than NSD answers them, among the others; when those are over,
        they are asked again."""
        broken = sorted((q for q in asked if q.note), key=lambda q: q.note)    # one kind of silence at a time
        broken = [b for tcp in (False, True) for b in batches([q for q in broken if q.tcp == tcp], BROKEN_BATCH)]
        plain = [b for tcp in (False, True) for b in batches([q for q in asked if q.tcp == tcp and not q.note], OUTSTANDING)]
        next_broken = time.monotonic()
        for k, batch in enumerate(itertools.cycle(plain)):
            if k >= len(plain) and not broken:
                break
            self.batch(tally, batch, self.channels[batch[0].tcp], k < len(plain))
            if broken and time.monotonic() >= next_broken:
                next_broken = time.monotonic() + BROKEN_BATCH / BROKEN_A_SECOND
                batch = broken.pop()
                self.batch(tally, batch, self.channels[batch[0].tcp])

    def batch(self, tally, asked, channels, counts=True):
        got = ask_batch(channels, [q.octets() for q in asked], self.sentinel, dropped=bool(asked[0].note))
        for i, q in enumerate(asked):
            answers = [Answer(g[i], k == 0) if i in g else None for k, g in enumerate(got)]
            for a in answers:
                if a:
                    a.drop_apex_ns(self.apexes)
            if counts:
                tally.add(q, answers[0], answers[1:])


def example():
    """A question and an answer with something in each section, names compressed."""
    www = b"\3www\4Test\0"
    q = Question(www, 1, 1, 0x100, 1232)
    record = lambda owner, t, ttl, data: owner + struct.pack(">HHIH", t, 1, ttl, len(data)) + data  # noqa: E731
    soa = b"\2ns\xc0\x10\1r\0" + struct.pack(">IIIII", 1, 2, 3, 4, 5)
    answer = [record(b"\xc0\x0c", 5, 60, b"\1b\xc0\x10"), record(b"\1b\xc0\x10", 1, 300, bytes([192, 0, 2, 1])),
              record(b"\1b\xc0\x10", 1, 300, bytes([192, 0, 2, 2]))]
    return q, b"\0\1" + struct.pack(">HHHHH", 0x8500, 1, 3, 1, 2), [
        www + b"\0\1\0\1", *answer, record(b"\xc0\x10", 6, 900, soa), record(b"\2ns\xc0\x10", 28, 300, bytes(16)),
        b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)]


class Comparer(unittest.TestCase):
    """The judge is judged: what differs is seen, and told with all four answers."""

    def setUp(self):
        self.question, self.head, self.parts = example()
        self.wire = self.head + b"".join(self.parts)

    def cases(self, mine, theirs=None):
        theirs = theirs or [self.wire] * 3
        return compare(self.question, Answer(mine, True), [Answer(t) for t in theirs])[0]

    def test_what_is_the_same_is_the_same(self):
        self.assertIsNone(Answer(self.wire, True).fault)
        swapped = [self.parts[i] for i in (0, 1, 3, 2, 4, 5, 6)]
        self.assertEqual(self.cases(self.wire), [])
        self.assertEqual(self.cases(self.head + b"".join(swapped)), [])

    def test_every_bit_counts(self):
        ignored = {0, 1}                                # the id
        size_at = len(self.wire) - 8
        ignored |= {size_at, size_at + 1}               # OPT: what the server takes
        behind = len(self.head) + sum(len(p) for p in self.parts[:4])   # letters count up to here
        for bit in range(8 * len(self.wire)):
            m = bytearray(self.wire)
            m[bit // 8] ^= 1 << bit % 8
            is_letter = bit // 8 >= behind and bytes(m).lower() == self.wire.lower()
            if bit // 8 not in ignored and not is_letter:
                self.assertTrue(self.cases(bytes(m)), f"octet {bit // 8}, bit {bit % 8}")

    def test_harm_of_all_kinds_is_seen(self):
        rng = random.Random(SEED)
        for turn in range(2000):
            m = bytearray(self.wire)
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(2, len(m) - 8)
                kind = rng.randrange(3)
                if kind == 0:
                    m[at] = rng.randrange(256)
                elif kind == 1:
                    del m[at:at + rng.randint(1, 12)]
                else:
                    m[at:at] = m[at:at + rng.randint(1, 12)]
                if len(m) < 40:
                    break
            if bytes(m).lower() != self.wire.lower():
                self.assertTrue(self.cases(bytes(m)), f"seed {SEED}, turn {turn}: {m.hex()}")

    def test_silence_and_records_that_lack(self):
        self.assertTrue(compare(self.question, None, [Answer(self.wire)] * 3)[0])
        self.assertTrue(compare(self.question, Answer(self.wire), [None] * 3)[0])
        for section, part in ((0, 1), (0, 3), (1, 4), (2, 5), (2, 6)):
            counts = [3, 1, 2]
            counts[section] -= 1
            m = self.head[:6] + struct.pack(">HHH", *counts) + b"".join(p for i, p in enumerate(self.parts) if i != part)
            self.assertTrue(self.cases(m), f"without part {part}")

    def test_two_of_three_are_enough_but_excused_more_easily(self):
        other = bytearray(self.wire)
        other[3] = 3                                    # NXDOMAIN
        other = bytes(other)
        self.assertEqual([c.voters for c in self.cases(self.wire, [other, self.wire, other])], [[0, 2]])
        self.assertEqual(self.cases(self.wire, [self.wire, self.wire, other]), [])
        for theirs, count in (([other] * 3, 1), ([other, other, self.wire], 0)):
            t = Tally([("a reason", 2, lambda c: c.aspect == "rcode")])
            t.add(self.question, Answer(self.wire, True), [Answer(x) for x in theirs])
            self.assertEqual(len(t.mismatches), count)
        t = Tally([])
        t.add(self.question, Answer(self.wire, True), [Answer(other)] * 3)
        story = t.story(["Gemel", "NSD", "Knot", "BIND"])
        for words in ("www.Test. IN A over UDP", "Gemel: NOERROR", "status NXDOMAIN", "b.Test. 300 IN A 192.0.2.1"):
            self.assertIn(words, story)


class Referees(unittest.TestCase):
    def setUp(self):
        lacking = servers.missing()
        if lacking:
            self.skipTest(f"missing, so that there is nobody to compare with: {' '.join(lacking)}")
        self.scratch = Scratch()
        self.addCleanup(self.scratch.cleanup)

    def test_gemel_answers_as_they_do_where_they_agree(self):
        tally, start = Tally(), time.monotonic()
        for k, (world, share) in enumerate(zip(worlds(SEED), SHARES)):
            w = World(self.scratch.path(str(k)), world)
            self.addCleanup(w.stop)
            w.play(tally, questions(f"{SEED}/{k}", world, int(QUESTIONS * share)))
            w.stop()
        print(f"seed {SEED}: {tally.summary(time.monotonic() - start)}", flush=True)
        if tally.mismatches:
            names = ["Gemel"] + [r.name for r in servers.REFEREES]
            self.fail(f"seed {SEED}: {len(tally.mismatches)} classes of mismatch\n{tally.story(names)}")
        self.assertGreaterEqual(tally.share(), AGREED_MIN)
        self.assertGreaterEqual(tally.asked, min(QUESTIONS, 50000))
        if (SEED, QUESTIONS) == DEFAULTS:
            self.assertEqual([w for w, _, _ in tally.table if not tally.intended[w]], [], "these excuses excuse nothing")


if __name__ == "__main__":
    main()
