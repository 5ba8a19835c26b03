"""Signed zones: what Gemel answers convinces validators that others wrote, for every name that is there and many that are not."""
import sys
import unittest

from func import Case, main
import dnssec_validators as validators
import dnssec_zones as zones
from gemelkit import Message, free_port

TYPES = {"A": 1, "NS": 2, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "DS": 43, "DNSKEY": 48, "NSEC3PARAM": 51, "HTTPS": 65, "ANY": 255}
RRSIG, NSEC, NSEC3 = 46, 47, 50
# Delegations that nobody serves: their DS, and the proof that there is none, are asked of the parent.
UNSERVED = [zones.labels(n) for n in ("unserved", "unservedds", "p.only", "q.only", "r.s.t.deep", "sub.beside")]
# No resolver comes to an end with these, or they lead where nobody is.
ASIDE = {(b"loop1",), (b"loop2",), (b"wloop",), (b"cref",), (b"cwref",), (b"cfar",), (b"dfar",)}
# In the unsigned child, or aliases into it. unbound does not prove an alias made by a wildcard with an unsigned NODATA behind it,
# whoever serves it, so of those only what exists is asked.
INSECURE = {b"insecure", b"csub", b"cinsecure"}
EXTRA = ["a.secure", "www.secure", "q.w.secure", "www.insecure", "zz.insecure", "s.deep", "s.t.deep", "h.dlong", "z.dd", "y.z.dcw"]
SAMPLE = ["www A", "www TXT", "nothing A", "q.wild A", "q.wild HTTPS", "b.c.ent A", "x.ent A", "a.b.cw A", "q.cww MX", "q.cnx A", "z.dn TXT",
          "x.dcw A", "unserved DS", "p.only DS", "s.deep A", "www.secure A", "nx.secure A", "a\\000 A", "a\\000\\000b A", "*.*.wild MX",
          "*.q.wild A"]     # which unbound 1.17 takes for bogus, whoever serves it


def ends_with(name, tail):
    return len(name) >= len(tail) and name[len(name) - len(tail):] == tail


def mutations(n):
    """A name, what may be below it, and its neighbours in both orders."""
    out = [n, (b"x",) + n, (b"*",) + n, (b"\0",) + n, (b"zz", b"y") + n]
    if n:
        head, rest = n[0], n[1:]
        before = head[:-1] + bytes([max(0, head[-1] - 1)]) + b"\xff"
        out += [(x,) + rest for x in (b"*", b"0", head[:62] + b"\0", head[:62] + b"z", before[:63])]
        out += [rest, (b"*", b"*") + rest, (b"x", b"*") + rest]
    return out


def names():
    out = [m for n in zones.owners(zones.zone_text()) for m in mutations(n)] + [zones.labels(e) for e in EXTRA]
    return list(dict.fromkeys(out))


def questions():
    """[(name below the apex, type)]"""
    out = []
    for n in names():
        cut = next((c for c in UNSERVED if ends_with(n, c)), None)
        if any(ends_with(n, a) for a in ASIDE) or (cut and n != cut):
            continue
        if b"csub" in n:
            types = [TYPES["A"]]
        else:
            types = [TYPES["DS"]] if cut else [t for t in TYPES.values() if n or t != TYPES["DS"]]
        out += [(n, t) for t in types]
    return out


class Signed(Case):
    def serve(self, kinds):
        """Gemel with all zones of these kinds. Gives back [Signed]."""
        made = zones.make_all(self.scratch.name, kinds)
        self.world = [z for family in made.values() for z in family]
        blocks = []
        for i, z in enumerate(self.world):
            self.scratch.write(f"zone{i}", z.text)
            blocks.append(f'zone "{z.apex}" {{ file = "zone{i}" }}\n')
        self.ports = {"solo": free_port()}
        config = self.scratch.write("gemel.lua", f'node "solo" {{ listen = {{ "127.0.0.1:{self.ports["solo"]}" }}, '
                                                 f'control = "run/solo.sock", state = "run/solo" }}\n' + "".join(blocks))
        self.solo = self.node(config, "solo")
        return [family[0] for family in made.values()]

    def unbound(self):
        u = validators.Unbound(self.scratch.path("unbound"), self.server("solo"), self.world)
        self.addCleanup(u.stop)
        return u.start()


class Validated(Signed):
    def test_every_answer_convinces(self):
        tops = self.serve(zones.KINDS)
        self.assertNotIn("break", self.solo.log())     # no warning about a chain
        asked = [(z, n + zones.labels(z.apex), t) for z in tops for n, t in questions()]
        asked = [q for q in asked if len(zones.wire(q[1])) <= 255]
        u = self.unbound()
        wrong, secure = [], {z.apex: 0 for z in tops}
        for (z, n, t), verdict in zip(asked, u.verdicts([q[1:] for q in asked])):
            secure[z.apex] += verdict == "secure"
            if verdict != "secure" and not (verdict == "insecure" and (z.opt_out or INSECURE & set(n))):
                wrong.append(f"{zones.show(n)} type {t}: {verdict}")
        print(f"{len(asked)} questions; secure: {secure}", flush=True)
        if wrong:
            why = [l for l in u.log().splitlines() if "validation failure" in l]
            self.fail(f"{len(wrong)} answers do not convince unbound:\n" + "\n".join(wrong[:20] + why[:20]))
        for z in tops:
            self.assertGreater(secure[z.apex], 500 if z.opt_out else 4000, z.apex)

    def test_delv_agrees(self):
        tops = self.serve({k: v for k, v in zones.KINDS.items() if k in ("nsec.test", "salted.test", "optout.test")})
        delv = validators.Delv(self.scratch.name, self.server("solo"), self.world)
        for z in tops:
            for line in SAMPLE:
                name, rtype = line.split()
                verdict = delv.verdict(z, zones.labels(name) + zones.labels(z.apex), rtype)
                self.assertIn(verdict, ("secure", "insecure") if z.opt_out else ("secure",), f"{name} {rtype} in {z.apex}")

    def test_without_do_nothing_of_it_is_given(self):
        tops = self.serve({k: v for k, v in zones.KINDS.items() if k in ("nsec.test", "optout.test")})
        for z in tops:
            asked = [(n + zones.labels(z.apex), t) for n in names() for t in (TYPES["A"], TYPES["MX"], TYPES["DS"])]
            asked = [q for q in asked if len(zones.wire(q[0])) <= 255]
            for q, wire in zip(asked, validators.ask_all(self.server("solo"), asked, do=False)):
                self.assertIsNotNone(wire, zones.show(q[0]))
                m = Message(wire)
                given = {r[1] for r in m.answer + m.authority + m.additional}
                self.assertFalse(given & {RRSIG, NSEC, NSEC3}, f"{zones.show(q[0])} type {q[1]}")

    def test_more_iterations_than_anybody_works_for(self):
        """Then the zone is as an unsigned one: validators take it so, and nobody refuses its answers."""
        z, = self.serve(zones.COSTLY)
        self.assertIn("151 iterations", self.solo.log())
        asked = [(zones.labels(n) + zones.labels(z.apex), TYPES[t]) for n, t in
                 (("www", "TXT"), ("nothing", "A"), ("x.y", "A"), ("q.wild", "A"), ("q.wild", "HTTPS"), ("c.ent", "A"), ("unserved", "DS"))]
        verdicts = self.unbound().verdicts(asked + [(zones.labels("www." + z.apex), TYPES["A"])])
        self.assertEqual(verdicts, ["insecure"] * len(asked) + ["secure"])


if __name__ == "__main__":
    lacking = zones.missing() + validators.missing()
    if lacking:
        print(f"skipped: there is nobody to prove anything to without {' '.join(lacking)}")
        sys.exit(77)
    main()
