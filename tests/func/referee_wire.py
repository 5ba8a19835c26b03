"""An answer's octets in a form that can be compared.

    octets ─ Answer ─▶ rcode, aa, tc, … and each section as a set of ((owner, type, class, TTL), rdata of the RRset)

What is left out, because servers may choose it: the id, the order of records within an RRset, NS of a zone's own apex in
the authority section of a positive answer, OPT's options and payload size.  Names are compared without regard to case,
and once more, in an aspect of its own, with it.
"""
import struct

# Rdata with names, as steps: a number of octets, "n" a name, "s" a string of one length octet, "t" six octets of a clock,
# "*" what is left.
LAYOUT = {2: "n", 3: "n", 4: "n", 5: "n", 6: "nn*", 7: "n", 8: "n", 9: "n", 12: "n", 14: "nn", 15: "2n", 17: "nn", 18: "2n", 21: "2n",
          26: "2nn", 33: "6n", 35: "4sssn", 36: "2n", 39: "n", 250: "nt*"}
COMPRESSIBLE = {2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15}  # RFC 3597 4: only the types of RFC 1035
OPT, RRSIG, AA, TC = 41, 46, 0x400, 0x200
POINTERS_MAX = 128


class Malformed(Exception):
    pass


class Reader:
    """Names of one message.  Strict: a pointer leads to a label that stands in a name before it."""

    def __init__(self, m, strict):
        self.m, self.strict, self.known, self.labels = m, strict, {}, set()

    def name(self, at):
        """The name in wire form, in the case it has, and the place behind it."""
        m, parts, start, end, hops, mine = self.m, [], at, None, 0, []
        while True:
            n = m[at]
            if n >= 0xC0:
                to = (n & 0x3F) << 8 | m[at + 1]
                end = at + 2 if end is None else end
                if to >= at or to < 12:
                    raise Malformed("a compression pointer that does not point backward")
                if self.strict and to not in self.labels:
                    raise Malformed("a compression pointer that leads to no label")
                if to in self.known:
                    parts.append(self.known[to])
                    break
                hops += 1
                if hops > POINTERS_MAX:
                    raise Malformed("too many compression pointers")
                at = to
            elif n == 0:
                parts.append(b"\0")
                mine.append(at)
                end = at + 1 if end is None else end
                break
            elif n > 63:
                raise Malformed("a label of a reserved kind")
            else:
                parts.append(m[at:at + n + 1])
                mine.append(at)
                at += n + 1
        out = b"".join(parts)
        if len(out) > 255:
            raise Malformed("a name over 255 octets")
        self.known[start] = out
        self.labels.update(mine)
        return out, end

    def rdata(self, rtype, at, end):
        """Canonical rdata, and the same with names in the case they have."""
        layout = LAYOUT.get(rtype)
        if layout is None or at == end:
            return self.m[at:end], self.m[at:end]
        folded, exact = [], []
        for step in layout.rstrip("*"):
            before = at
            if step == "n":
                n, at = self.name(at)
                if self.strict and rtype not in COMPRESSIBLE and at - before != len(n):
                    raise Malformed(f"a compressed name in rdata of type {rtype}")
                folded.append(n.lower())    # length octets are no letters
                exact.append(n)
                continue
            at += 6 if step == "t" else 1 + self.m[at] if step == "s" else int(step)
            folded.append(b"" if step == "t" else self.m[before:at])
            exact.append(folded[-1])
        if at > end or (at != end and layout[-1] != "*"):
            raise Malformed(f"rdata of type {rtype} is longer or shorter than it says")
        return b"".join(folded) + self.m[at:end], b"".join(exact) + self.m[at:end]


class Answer:
    """What is compared stands in the attributes named by ASPECTS, in steps.  Where one step's last aspect differs, the next says
    nothing: another rcode has another answer, another end of a chain another authority section, and what was cut ends anywhere."""
    ASPECTS = (("flags", "ad", "cd", "question", "opt", "rcode"), ("aa", "answer"), ("tc",), ("order", "authority"), ("additional",), ("case",))
    __slots__ = tuple(a for step in ASPECTS for a in step) + ("wire", "fault", "records", "exact")

    def __init__(self, wire, strict=False):
        self.wire, self.fault, self.records, self.exact = wire, None, [], []
        for a in self.__slots__[:-4]:
            setattr(self, a, None)
        try:
            self._parse(wire, strict)
        except Malformed as e:
            self.fault = str(e)
        except (IndexError, struct.error):
            self.fault = "it ends too early"

    def _parse(self, m, strict):
        _, flags, qd, an, ns, ar = struct.unpack_from(">HHHHHH", m)
        self.aa, self.tc, self.ad, self.cd = (bool(flags & bit) for bit in (AA, TC, 0x20, 0x10))
        self.flags, self.rcode = flags & ~(AA | TC | 0x3F), flags & 15
        names, at = Reader(m, strict), 12
        for _ in range(qd):
            _, at = names.name(at)
            at += 4
        self.question = m[12:at]
        if at > len(m):
            raise Malformed("it ends within the question")
        for count in (an, ns, ar):
            at = self._section(names, at, count)
        if at != len(m):
            raise Malformed("octets behind the last record")
        if strict:
            self._check_sets()
        self.answer, self.authority, self.additional = (freeze(s) for s in self.records)
        self.order = tuple(self.records[0])     # an alias stands before what it leads to
        self.case = freeze(self.exact[0])

    def _section(self, names, at, count):
        m, sets, exact, last = names.m, {}, {}, None
        for _ in range(count):
            owner, at = names.name(at)
            rtype, rclass, ttl, length = struct.unpack_from(">HHIH", m, at)
            at += 10
            end = at + length
            if end > len(m):
                raise Malformed("it ends within rdata")
            if rtype == OPT:
                if self.opt is not None or len(self.records) < 2:
                    raise Malformed("two OPT, or one in another section than the additional")
                self.opt = (owner, ttl & 0xFFFFFF)
                self.rcode |= ttl >> 24 << 4
            else:
                folded, cased = names.rdata(rtype, at, end)
                if rtype == RRSIG and length >= 2:  # a set of its own for each type covered (RFC 4034 3)
                    rtype = RRSIG << 16 | m[at] << 8 | m[at + 1]
                key = (owner.lower(), rtype, rclass, ttl)
                if names.strict and (folded in sets.get(key, ()) or (key in sets and key != last)):
                    raise Malformed("a record twice, or an RRset in two pieces")
                sets.setdefault(key, set()).add(folded)
                exact.setdefault((owner, *key[1:]), set()).add(cased)
                last = key
            at = end
        self.records.append(sets)
        self.exact.append(exact)
        return at

    def _check_sets(self):
        """No RRset twice, be it with another TTL (RFC 2181 5.2, 5.5)."""
        seen = [(owner, rtype, rclass) for sets in self.records for owner, rtype, rclass, _ in sets]
        if len(seen) != len(set(seen)):
            raise Malformed("an RRset in two sections, or with two TTL")

    def drop_apex_ns(self, apexes):
        """A positive answer may carry the NS of its zone and their addresses, or not."""
        if not (self.fault is None and self.aa and self.answer and self.authority):
            return
        apex_ns = {s for s in self.authority if s[0][1] == 2 and s[0][0] in apexes}
        targets = {n for _, names in apex_ns for n in names} - {d[-len(n):] for _, data in self.answer for d in data
                                                                for _, names in apex_ns for n in names}
        self.authority -= apex_ns
        self.additional = frozenset(s for s in self.additional if s[0][0] not in targets)


def freeze(sets):
    return frozenset((k, frozenset(v)) for k, v in sets.items())
