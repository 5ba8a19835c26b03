"""Where NSD, Knot and BIND agree about an answer from a signed zone, Gemel gives the same one: the zones and names of dnssec_test,
by every type that has a rule of its own, with DO and without."""
import os
import random
import sys
import time
import unittest

import func  # noqa: F401  (says where gemelkit is)
import dnssec_test
import dnssec_zones
import referee_servers as servers
import referee_zones
from gemelkit import Scratch
from referee_ask import OUTSTANDING
from referee_compare import Tally
from referee_intended import CNAME, INTENDED, RRSIG, types
from referee_questions import Question
from referee_test import World

SEED = int(os.environ.get("GEMEL_SEED", "1"))
QUESTIONS = int(os.environ.get("GEMEL_QUESTIONS", "30000"))
TYPES = [1, 2, 5, 6, 15, 16, 28, 39, 43, 46, 47, 48, 50, 51, 65, 255]
WITHOUT_DO = {1, 43, 46, 50, 255}
AGREED_MIN = 0.6
NSEC3 = 50
SIGNATURE = 110     # octets of an RRSIG of these zones


def signatures(sets):
    return {t for t in types(sets) if t >> 16 == RRSIG}


def leaves_no_room_for_a_signature(c):
    return max(len(c.others[i].wire) for i in c.voters) + SIGNATURE > c.question.limit()


SIGNED = [
    ("addresses are added with their signatures or not at all, and behind an alias to a delegation without (RFC 4035 3.1.1)", 2,
     lambda c: c.aspect == "additional" and c.mine < c.theirs and (
         signatures(c.theirs - c.mine) or leaves_no_room_for_a_signature(c))),
    ("RFC 1034 4.3.2: a CNAME is followed for NSEC3 as for any type (as K)", 2,
     lambda c: c.question.qtype == NSEC3 and types(c.gemel.answer) & {CNAME}),
]


class Zone:
    """As referee_servers wants one."""

    def __init__(self, signed):
        self.apex, self.text = dnssec_zones.labels(signed.apex), signed.text

    def file(self):
        return self.text


def nsec3_owners(zone):
    return [dnssec_zones.labels(w[0].rstrip(".")) for w in (l.split() for l in zone.text.splitlines()) if w[3:4] == ["NSEC3"]]


def questions(zone):
    apex, out = dnssec_zones.labels(zone.apex), []
    names = [n + apex for n in dnssec_test.names()]
    for n in names + [m for o in nsec3_owners(zone) for m in (o, (b"x",) + o)]:
        if referee_zones.wire_len(n) > 255:
            continue
        for t in TYPES:
            out += [Question(referee_zones.wire(n), t, size=1232, do=do) for do in ([True, False] if t in WITHOUT_DO else [True])]
    return out


class Compared(unittest.TestCase):
    def test_gemel_answers_as_they_do_where_they_agree(self):
        scratch = Scratch()
        self.addCleanup(scratch.cleanup)
        made = dnssec_zones.make_all(scratch.name)
        world = World(scratch.path("world"), [Zone(z) for family in made.values() for z in family])
        self.addCleanup(world.stop)
        asked = [q for family in made.values() for q in questions(family[0])]
        random.Random(SEED).shuffle(asked)
        asked, tally, start = asked[:QUESTIONS], Tally(INTENDED + SIGNED), time.monotonic()
        for i in range(0, len(asked), OUTSTANDING):
            world.batch(tally, asked[i:i + OUTSTANDING], world.channels[False])
        print(f"seed {SEED}: {tally.summary(time.monotonic() - start)}", flush=True)
        if tally.mismatches:
            names = ["Gemel"] + [r.name for r in servers.REFEREES]
            self.fail(f"seed {SEED}: {len(tally.mismatches)} classes of mismatch\n{tally.story(names)}")
        self.assertGreaterEqual(tally.share(), AGREED_MIN)


if __name__ == "__main__":
    lacking = dnssec_zones.missing() + servers.missing()
    if lacking:
        print(f"skipped: there is nobody to compare with without {' '.join(lacking)}")
        sys.exit(77)
    unittest.main(verbosity=1)
