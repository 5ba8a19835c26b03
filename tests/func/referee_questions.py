"""Questions: every name of a world by many types, names near them and far from them, in all the ways in which one can ask.

A question is a small object, so that a story can tell it; octets() gives the message behind its id.
"""
import random
import struct

import referee_zones as zones

TYPES = [1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 43, 46, 47, 48, 50, 64, 65, 255, 257, 12345]
COMMON = [1, 1, 1, 28, 16, 15, 2, 5, 6, 33, 43, 65, 39, 255]
META = [0, 10, 11, 13, 24, 25, 41, 51, 52, 128, 248, 249, 250, 251, 252, 253, 254, 256, 32768, 65280, 65534, 65535]
ON_TCP = {"AXFR", "IXFR", "NOTIFY", "UPDATE", "TSIG", "unknown"}
BROKEN = 0.025      # of the questions that are not simply all names by all types
SIZES = [None] * 6 + [0, 100, 511, 512, 512, 513, 600, 700, 900, 1000, 1200, 1231, 1232, 1232, 1232, 1233, 1400, 4096, 4096, 65535]
RD, AD, CD, AA, TC, RA, Z, QR = 0x100, 0x20, 0x10, 0x400, 0x200, 0x80, 0x40, 0x8000


class Question:
    __slots__ = ("name", "qtype", "qclass", "flags", "size", "do", "tcp", "raw", "note")

    def __init__(self, name, qtype, qclass=1, flags=0, size=None, do=False, tcp=False, raw=None, note=""):
        self.name, self.qtype, self.qclass, self.flags, self.size, self.do = name, qtype, qclass, flags, size, do
        self.tcp, self.raw, self.note = tcp, raw, note

    def octets(self):
        if self.raw is not None:
            return self.raw
        out = struct.pack(">HHHHH", self.flags, 1, 0, 0, self.size is not None) + self.name + struct.pack(">HH", self.qtype, self.qclass)
        return out + opt(self.size, self.do) if self.size is not None else out

    def limit(self):
        """Octets that an answer may have."""
        if self.tcp:
            return 65535
        if self.raw is not None:
            return 1232 if b"\0\0\x29" in self.raw else 512
        return min(1232, max(512, self.size or 0))


def opt(size, do=False, version=0, options=b"", rcode=0):
    return b"\0" + struct.pack(">HHBBHH", 41, size, rcode, version, 0x8000 if do else 0, len(options)) + options


def tsig():
    rdata = b"\x0bhmac-sha256\0" + struct.pack(">HIHH", 0, 1700000000, 300, 32) + b"m" * 32 + struct.pack(">HHH", 0, 0, 0)
    return b"\3key\0" + struct.pack(">HHIH", 250, 255, 0, len(rdata)) + rdata


# ---- names ----

def flip(rng, n):
    return tuple(bytes(c ^ 0x20 if chr(c).isalpha() and c < 128 and rng.random() < 0.5 else c for c in x) for x in n)


def strange_label(rng):
    return rng.choice([b"a", b"b", b"x", b"*", b"ns1", b"www", b"\0", b"\xff", b"a.b", bytes([rng.randrange(256)]), b"q" * 63,
                       bytes(rng.randrange(256) for _ in range(rng.randrange(1, 8)))])


def grow(rng, n, most=255):
    """Labels in front, until one more would be too long."""
    while zones.wire_len(n) < most:
        room = min(63, most - zones.wire_len(n) - 1)
        if room < 1:
            break
        n = (bytes(rng.choice(b"abc*\0") for _ in range(rng.randint(1, room))),) + n
    return n


def near(rng, n):
    """A name near n: below, above, beside, the same in another case, or as long as a name can be."""
    i = rng.randrange(14)
    if i <= 1:
        return (strange_label(rng),) + n
    if i == 2:
        return tuple(strange_label(rng) for _ in range(rng.randint(2, 5))) + n
    if i == 3:
        return n[1:]
    if i == 4:
        return (b"*",) + n
    if i == 5:
        return (b"*",) + n[1:]
    if i == 6:
        return (strange_label(rng),) + n[1:]
    if i == 7:
        return (rng.choice([b"a", b"b", b"c"]), rng.choice([b"a", b"b", b"*"])) + n[1:]
    if i == 8 and n:
        k = rng.randrange(len(n))
        label = bytearray(n[k])
        label[rng.randrange(len(label))] ^= 1 << rng.randrange(8)
        return n[:k] + (bytes(label),) + n[k + 1:]
    if i == 9:
        return grow(rng, n, rng.choice([255, 255, 254, 253, 200]))
    if i == 10 and len(n) > 1:
        k = rng.randrange(len(n))
        return n[:k] + n[k + 1:]
    if i == 11:
        return (b"a",) * rng.randint(1, 100) + n
    return flip(rng, n)


def fits(n):
    return zones.wire_len(n) <= 255 and all(0 < len(x) < 64 for x in n)


# ---- ways of asking ----

def question(rng, n, qtype, tcp_share=0.15):
    size = rng.choice(SIZES)
    flags = rng.choice([0, RD, RD | AD, AD]) | (CD if rng.random() < 0.04 else 0)
    return Question(zones.wire(n), qtype, 1, flags, size, size is not None and rng.random() < 0.3, rng.random() < tcp_share)


def odd_question(rng, n):
    """Another class or type."""
    q = question(rng, n, rng.choice(COMMON + META))
    if rng.random() < 0.3:
        q.qclass = rng.choice([0, 2, 3, 4, 5, 254, 255, 256, 65535])
    else:
        q.qtype = rng.choice([q.qtype, rng.randrange(260), rng.randrange(65536)])
    return q


def broken_question(rng, n):
    """Octets that are no good query, or only just. Over UDP, since a server may hang up on them, but for messages of a kind
    that belongs on TCP as well."""
    if rng.random() < 0.1:
        q = question(rng, n, rng.choice(COMMON), 0)
        q.flags = rng.choice([AA, TC, RA, Z, AA | TC | RA | Z | RD | AD | CD, rng.randrange(16), AA | 3])
        q.note = "bits that make no sense in a query"
        return q
    w, t = zones.wire(n), struct.pack(">HH", rng.choice(COMMON), 1)
    record = b"\0" + struct.pack(">HHIH", 1, 1, 0, 4) + b"\1\2\3\4"
    head = lambda flags=0, qd=1, an=0, ns=0, ar=0: struct.pack(">HHHHH", flags, qd, an, ns, ar)  # noqa: E731
    kinds = {
        "no question": lambda: head(qd=0),
        "no question, but OPT": lambda: head(qd=0, ar=1) + opt(1232),
        "two questions": lambda: head(qd=2) + w + t + w + t,
        "the count of questions is a lie": lambda: head(qd=2) + w + t,
        "shorter than a header": lambda: head()[:rng.randrange(0, 10)],
        "cut short": lambda: (head() + w + t)[:rng.randrange(10, 14 + len(w))],
        "octets behind it": lambda: head() + w + t + b"\0" * rng.randint(1, 40),
        "an answer in the query": lambda: head(an=1) + w + t + record,
        "an authority record in the query": lambda: head(ns=1) + w + t + record,
        "a stray additional record": lambda: head(ar=1) + w + t + record,
        "a stray record before OPT": lambda: head(ar=2) + w + t + record + opt(1232),
        "a stray record behind OPT": lambda: head(ar=2) + w + t + opt(1232) + record,
        "two OPT": lambda: head(ar=2) + w + t + opt(1232) + opt(1232),
        "OPT in the answer section": lambda: head(an=1) + w + t + opt(1232),
        "OPT in the authority section": lambda: head(ns=1) + w + t + opt(1232),
        "OPT not at the root": lambda: head(ar=1) + w + t + b"\1x" + opt(1232),
        "EDNS version 1": lambda: head(ar=1) + w + t + opt(1232, version=1),
        "EDNS version 255, unknown class": lambda: head(ar=1) + w + t[:2] + b"\0\7" + opt(1232, version=255),
        "an option longer than OPT": lambda: head(ar=1) + w + t + opt(1232, options=b"\0\3\0\5a"),
        "half an option": lambda: head(ar=1) + w + t + opt(1232, options=b"\0\3\0"),
        "unknown options": lambda: head(ar=1) + w + t + opt(1232, options=b"\xfe\1\0\4abcd\xfe\2\0\0"),
        "a long unknown option": lambda: head(ar=1) + w + t + opt(1232, options=b"\xfe\1\3\0" + b"o" * 768),
        "a COOKIE of a bad length": lambda: head(ar=1) + w + t + opt(1232, options=b"\0\x0a\0\5abcde"),
        "a client subnet with bits behind its prefix": lambda: head(ar=1) + w + t + opt(1232, options=b"\0\x08\0\5\0\1\4\0\xff"),
        "the Z bits of EDNS": lambda: head(ar=1) + w + t + b"\0" + struct.pack(">HHIH", 41, 1232, 0x7fff, 0),
        "an extended rcode in the query": lambda: head(ar=1) + w + t + opt(1232, rcode=5),
        "a pointer in the question": lambda: head() + b"\1a\xc0\x0c" + t,
        "a pointer to the header": lambda: head() + b"\xc0\x00" + t,
        "a label of a reserved kind": lambda: head() + b"\x41a" + w + t,
        "a name that is too long": lambda: head() + (b"\x3f" + b"n" * 63) * 4 + b"\0" + t,
        "a response": lambda: head(flags=QR) + w + t,
        "IQUERY": lambda: head(flags=1 << 11) + w + t,
        "STATUS": lambda: head(flags=2 << 11) + w + t,
        "NOTIFY": lambda: head(flags=4 << 11 | AA) + w + struct.pack(">HH", 6, 1),
        "UPDATE": lambda: head(flags=5 << 11) + w + struct.pack(">HH", 6, 1),
        "DSO": lambda: head(flags=6 << 11, qd=0),
        "TSIG of an unknown key": lambda: head(ar=1) + w + t + tsig(),
        "TSIG of an unknown key, behind OPT": lambda: head(ar=2) + w + t + opt(1232) + tsig(),
        "TSIG that is not last": lambda: head(ar=2) + w + t + tsig() + opt(1232),
        "TSIG in the answer section": lambda: head(an=1) + w + t + tsig(),
        "NSID, client subnet, padding, keepalive": lambda: head(ar=1) + w + t + opt(
            1232, options=b"\0\3\0\0" + b"\0\x08\0\7\0\1\x18\0\xc0\0\2" + b"\0\x0c\0\x10" + b"\0" * 16 + b"\0\x0b\0\0"),
        "another opcode": lambda: head(flags=rng.choice([3, *range(7, 16)]) << 11) + w + t,
        "another opcode with OPT": lambda: head(flags=rng.choice([3, *range(7, 16)]) << 11, ar=1) + w + t + opt(1232),
        "EDNS version 1, another opcode": lambda: head(flags=rng.choice([1, 2, 7]) << 11, ar=1) + w + t + opt(1232, version=1),
        "SIG(0)": lambda: head(ar=1) + w + t + b"\0" + struct.pack(">HHIH", 24, 255, 0, 19) + b"\0" * 19,
        "IXFR with SOA": lambda: head(ns=1) + w + struct.pack(">HH", 251, 1) + w + struct.pack(">HHIH", 6, 1, 0, 22) + b"\0" * 22,
        "UPDATE with a record": lambda: head(flags=5 << 11, ns=1) + w + struct.pack(">HH", 6, 1) + b"\xc0\x0c" + record[1:],
        "NOTIFY with SOA": lambda: head(flags=4 << 11 | AA, an=1) + w + struct.pack(">HH", 6, 1) + w + struct.pack(
            ">HHIH", 6, 1, 0, 22) + b"\0" * 22,
        "NOTIFY of another type": lambda: head(flags=4 << 11 | AA) + w + t,
        "AXFR": lambda: head() + w + struct.pack(">HH", 252, 1),
        "IXFR without SOA": lambda: head() + w + struct.pack(">HH", 251, 1),
    }
    note = rng.choice(list(kinds))
    tcp = note.split()[0] in ON_TCP and rng.random() < 0.5
    note, raw = f"{note}, TCP" if tcp else note, kinds[note]()
    return Question(w, struct.unpack(">H", t[:2])[0], raw=raw, tcp=tcp, note=note)


def questions(seed, world, count):
    """A list of count questions for a world; the first ask all its names for the common types."""
    rng = random.Random(seed)
    known = [n for z in world for n in z.names() if fits(n)]
    known += [tail for n in list(known) for tail in (n[k:] for k in range(1, len(n)))]
    known = list(dict.fromkeys(known))
    apexes = [z.apex for z in world]
    out = [question(rng, n, t) for n in known for t in TYPES]
    rng.shuffle(out)
    del out[int(count * 0.6):]
    while len(out) < count:
        n = rng.choice(known)
        r = rng.random()
        if r < 0.12:
            out.append(question(rng, n, rng.choice(COMMON)))
            continue
        m = near(rng, n) if r < 0.9 else near(rng, near(rng, n))
        if not fits(m):
            continue
        if r < 0.85:
            out.append(question(rng, m, rng.choice(COMMON)))
        elif r < 1 - BROKEN:
            out.append(odd_question(rng, m))
        else:
            out.append(broken_question(rng, m if rng.random() < 0.5 else rng.choice(apexes)))
    return out
