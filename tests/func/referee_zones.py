"""Names and zones for asking several name servers the same questions, and random zones; fixed ones stand in referee_traps.

A name is a tuple of labels (bytes), most specific first, () being the root.  A record is (owner, type, rdata text), where rdata
is what stands in a zone file.  Everything comes from a seed, so that a mismatch found once is found again.
"""
import random

DS = "1 8 2 " + "00" * 31 + "01"


def name(text):
    """"a.b." or "a.b" as a name; no escapes."""
    return tuple(p.encode() for p in text.rstrip(".").split(".") if p)


def wire(n):
    return b"".join(bytes([len(x)]) + x for x in n) + b"\0"


def wire_len(n):
    return 1 + sum(len(x) + 1 for x in n)


def label_text(label):
    return "".join(chr(c) if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "-_*") else f"\\{c:03d}" for c in label)


def text(n):
    return "".join(label_text(x) + "." for x in n) or "."


def unknown(rdata):
    """Rdata in the form that every type has (RFC 3597 5)."""
    return f"\\# {len(rdata)} {rdata.hex()}"


class Zone:
    def __init__(self, apex, minimum=60, ttl=300, soa_ttl=900, ns=None):
        self.apex = name(apex) if isinstance(apex, str) else apex
        self.ttl, self.records, self.has = ttl, [], {}
        at = text(self.apex)
        self.add("", "SOA", f"{self.sub('ns1')} {self.sub('host.master')} 1 3600 600 86400 {minimum}", ttl=soa_ttl)
        self.add("", "NS", ns or self.sub("ns1"))
        self.at = at

    def sub(self, head):
        """The text of a name below the apex."""
        return text(self.below(head))

    def below(self, head):
        return (name(head) if isinstance(head, str) else tuple(head)) + self.apex

    def add(self, owner, rtype, *rdata, ttl=None):
        n = self.below(owner)
        for r in rdata:
            self.records.append((n, rtype, r, self.ttl if ttl is None else ttl))
        self.has.setdefault(n, set()).add(rtype)

    def file(self):
        return "".join(f"{text(n)}\t{ttl}\tIN\t{rtype}\t{rdata}\n" for n, rtype, rdata, ttl in self.records)

    def names(self):
        """Owners, and names that records speak of, in the order of the file."""
        out = dict.fromkeys(n for n, _, _, _ in self.records)
        for _, rtype, rdata, _ in self.records:
            if rtype in ("CNAME", "DNAME", "NS", "MX", "SRV") and "\\" not in rdata:
                out.setdefault(name(rdata.split()[-1]))
        return list(out)


def random_zone(rng, apex):
    """A tree over few labels, so that its names meet, hide and shadow each other."""
    z = Zone(apex, minimum=rng.choice([0, 5, 300, 5000]), soa_ttl=rng.choice([0, 60, 3600]))
    z.add("ns1", "A", "192.0.2.1")
    closed = set()                                      # names with an alias or a DNAME: nothing beside, nothing beneath
    alphabet = [b"a", b"b", b"c", b"*", b"a", b"b", b"d"]
    for _ in range(rng.randrange(30, 70)):
        head = tuple(rng.choice(alphabet) for _ in range(rng.choice([1, 1, 2, 2, 3, 4])))
        full = z.below(head)
        target = text(tuple(rng.choice(alphabet[:3] + [b"e"]) for _ in range(rng.choice([1, 2, 2, 3]))) + z.apex)
        if any(full[i:] in closed for i in range(len(head) + 1)):
            continue
        have, ttl = z.has.get(full, set()), rng.choice([None, None, None, 0, 30, 86400])
        kind = rng.choice(["A", "A", "TXT", "MX", "CNAME", "CNAME", "NS", "DNAME", "AAAA", "SRV"])
        beneath = any(n != full and n[-len(full):] == full for n in z.has)
        if kind == "CNAME" and not have:
            closed.add(full)
            z.add(head, "CNAME", target, ttl=ttl)
        elif kind == "DNAME" and not have and not beneath and b"*" not in head:
            closed.add(full)
            z.add(head, "DNAME", target, ttl=ttl)
        elif kind == "NS" and not have and b"*" not in head and len(head) > 1:
            z.add(head, "NS", target, *(["ns.far.invalid."] if rng.random() < 0.3 else []))
            if rng.random() < 0.5:
                z.add(head, "DS", DS)
        elif kind in ("A", "AAAA"):
            if kind not in have:
                z.add(head, kind, *dict.fromkeys(f"192.0.2.{rng.randrange(256)}" if kind == "A" else f"2001:db8::{rng.randrange(4096):x}"
                                    for _ in range(rng.choice([1, 1, 3]))), ttl=ttl)
        elif kind == "TXT" and kind not in have:
            z.add(head, kind, f'"{rng.randrange(1000)}"')
        elif kind in ("MX", "SRV") and kind not in have:
            z.add(head, kind, ("1 " if kind == "MX" else "1 2 3 ") + target, ttl=ttl)
    return z
