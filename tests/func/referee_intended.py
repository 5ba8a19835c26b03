"""What is meant to differ: (why, against how many referees at most, test).  doc/design/answers.md tells it to people.

Where three referees say the same, only an RFC excuses; where two do, the third mostly does as Gemel.  An entry that fits no
answer of a whole run is stale, and fails the test.
"""
NS, CNAME, DNAME, DS, RRSIG, NSEC, SVCB, HTTPS, AXFR, ANY = 2, 5, 39, 43, 46, 47, 64, 65, 252, 255
NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, NOTAUTH = 0, 1, 3, 4, 5, 6, 9
NSD, KNOT, BIND = 0, 1, 2
CLASS_ANY = 255
TIGHT = 60


def types(sets):
    return {k[1] for k, _ in sets or ()}


def owners(sets):
    return {k[0] for k, _ in sets or ()}


def is_referral(a):
    return not a.answer and NS in types(a.authority) and not a.aa


def only_bind_does_so(c):
    return c.voters == [NSD, KNOT]


def names_in_ns(a):
    return {n for k, names in a.authority | a.answer for n in names if k[1] == NS}


def misses_addresses_of_other_zones(c):
    """All that Gemel gives is right, and what it lacks are addresses of name servers."""
    g = c.gemel
    return (only_bind_does_so(c) and g.additional < c.theirs and owners(c.theirs - g.additional) <= names_in_ns(g))


def is_tight(c):
    """Somebody's answer is about as long as it may be."""
    return max(len(c.others[i].wire) for i in c.voters) + TIGHT > c.question.limit()


INTENDED = [
    ("RFC 6891 7: FORMERR for a broken OPT has an OPT itself", 3,
     lambda c: c.aspect == "opt" and c.gemel.rcode == FORMERR and c.question.note in (
         "two OPT", "half an option", "an option longer than OPT") and c.mine == (b"\0", 0)),
    ("RFC 7873 5.2.2: a COOKIE of a bad length is FORMERR; N and K do not look into it", 2,
     lambda c: c.aspect == "rcode" and c.question.note == "a COOKIE of a bad length" and c.mine == FORMERR and only_bind_does_so(c)),
    ("RFC 7871 7.1.2: bits behind a client's prefix are FORMERR; N and K do not look into it", 2,
     lambda c: c.aspect == "rcode" and c.question.note.startswith("a client subnet with bits") and c.mine == FORMERR and
     only_bind_does_so(c)),
    ("SIG(0) is a record that we do not know, and ignored (as K)", 2,
     lambda c: c.aspect == "rcode" and c.question.note == "SIG(0)" and c.theirs == FORMERR),
    ("the question is echoed with NOTIMP, too (as K)", 2,
     lambda c: c.aspect == "question" and c.gemel.rcode in (NOTIMP, 16) and not c.theirs and c.question.note),
    ("class ANY is REFUSED: RFC 1035 6.2 wants AA clear, and nobody asks it (B: FORMERR)", 2,
     lambda c: c.aspect == "rcode" and c.question.qclass == CLASS_ANY and c.mine == REFUSED and only_bind_does_so(c)),
    ("AXFR over UDP, which RFC 5936 4.2 leaves undefined, is told as over TCP (N and K: NOTIMP)", 2,
     lambda c: c.aspect == "rcode" and c.mine in (REFUSED, NOTAUTH) and c.theirs == NOTIMP and only_bind_does_so(c) and (
         c.question.qtype == AXFR or c.question.note == "AXFR") and not c.question.tcp),
    ("RFC 8482: ANY at a DNAME ends with the alias (as B)", 2,
     lambda c: c.question.qtype == ANY and DNAME in types(c.gemel.answer) and only_bind_does_so(c)),
    ("RFC 1034 4.3.2: a CNAME is followed for NSEC and RRSIG as for any type (as N)", 2,
     lambda c: c.question.qtype in (NSEC, RRSIG) and CNAME in types(c.gemel.answer) and c.voters == [KNOT, BIND]),
    ("RFC 9471: glue that does not fit sets TC", 2,
     lambda c: c.aspect == "tc" and c.mine and NS in types(c.gemel.authority)),
    ("a wildcard has addresses for hosts, but is no glue, and glue of one cut is none for another name (as B)", 2,
     lambda c: c.aspect == "additional" and misses_addresses_of_other_zones(c)),
    ("RFC 9460 4.1: SVCB and HTTPS bring the addresses of their targets", 2,
     lambda c: c.aspect == "additional" and types(c.gemel.answer) & {SVCB, HTTPS} and c.mine > c.theirs),
    ("the letters of names in rdata are those of the zone (as B)", 2,
     lambda c: c.aspect == "case" and only_bind_does_so(c)),
    ("DS of an apex of ours of which the parent does not know: the name is there (as N)", 2,
     lambda c: c.aspect == "rcode" and c.question.qtype == DS and c.mine == NOERROR and c.theirs == NXDOMAIN and
     c.voters == [KNOT, BIND]),
    ("a chain that was cut does not tell what is at its end (as K)", 2,
     lambda c: c.aspect == "rcode" and c.mine == NOERROR and c.gemel.tc and c.theirs in (NXDOMAIN, YXDOMAIN) and
     types(c.gemel.answer) <= {CNAME, DNAME}),
    ("names are compressed when a zone is compiled, and aliases not at all: some octets more, and what they push out", 3,
     lambda c: is_tight(c) and ((c.aspect in ("tc", "answer", "rcode", "authority") and c.gemel.tc) or (
         c.aspect == "additional" and c.mine < c.theirs))),
    ("an alias into another zone of ours is not followed (as B)", 2,
     lambda c: c.aspect == "tc" and not c.mine and only_bind_does_so(c) and types(c.gemel.answer) & {CNAME, DNAME} and
     not c.gemel.authority),
    ("aliases in a loop are given once each; chains have 16 links at most", 2,
     lambda c: c.aspect in ("answer", "order") and types(c.gemel.answer) <= {CNAME, DNAME} and len(c.gemel.answer) > 2),
]
