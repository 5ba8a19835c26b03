"""Questions and answers as text for people, in the manner of dig."""
import socket

from referee_wire import LAYOUT
from referee_zones import label_text

TYPE_NAMES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 35: "NAPTR", 39: "DNAME",
              41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 64: "SVCB", 65: "HTTPS", 250: "TSIG",
              251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA"}
CLASS_NAMES = {1: "IN", 3: "CH", 254: "NONE", 255: "ANY"}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 9: "NOTAUTH", 16: "BADVERS",
          23: "BADCOOKIE"}
SECTIONS = ("answer", "authority", "additional")
RECORDS_SHOWN = 6
HEX_SHOWN = 24


def type_text(t):
    return TYPE_NAMES.get(t, f"TYPE{t}")


def class_text(c):
    return CLASS_NAMES.get(c, f"CLASS{c}")


def name_text(wire):
    labels, at = [], 0
    while wire[at]:
        labels.append(label_text(wire[at + 1:at + 1 + wire[at]]))
        at += 1 + wire[at]
    return ".".join(labels) + "."


def question_text(q):
    words = [name_text(q.name), class_text(q.qclass), type_text(q.qtype), "over TCP" if q.tcp else "over UDP"]
    words += [f"flags {q.flags:04x}"] if q.flags else []
    words += ["no EDNS" if q.size is None else f"EDNS {q.size}{' DO' if q.do else ''}"]
    return " ".join(words) + (f" ({q.note})" if q.note else "")


def rdata_text(rtype, data):
    """data has its names uncompressed."""
    if rtype in (1, 28) and len(data) in (4, 16):
        return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)
    if set(LAYOUT.get(rtype, "-")) <= set("n*0123456789") and data:
        return _names_text(LAYOUT[rtype], data)
    shown = data.hex() if len(data) <= HEX_SHOWN else data[:HEX_SHOWN].hex() + "…"
    return f"\\# {len(data)} {shown}"


def _names_text(layout, data):
    words, at = [], 0
    for step in layout.rstrip("*"):
        if step == "n":
            words.append(name_text(data[at:]))
            while data[at]:
                at += 1 + data[at]
            at += 1
        else:
            for _ in range(int(step) // 2):
                words.append(str(data[at] << 8 | data[at + 1]))
                at += 2
    return " ".join(words + [data[at:].hex()]).rstrip()


def answer_text(a):
    if a is None:
        return ";; silence"
    if a.fault:
        return f";; malformed: {a.fault}: {a.wire.hex()}"
    words = [w for w, on in (("aa", a.aa), ("tc", a.tc), ("rd", a.flags & 0x100), ("ra", a.flags & 0x80), ("z", a.flags & 0x40),
                             ("ad", a.ad), ("cd", a.cd)) if on]
    opt = "none" if a.opt is None else f"version {a.opt[1] >> 16}, flags {a.opt[1] & 0xFFFF:04x}"
    out = [f";; opcode {a.flags >> 11 & 15}, status {RCODES.get(a.rcode, a.rcode)}, flags: {' '.join(words) or '-'}; question of "
           f"{len(a.question)} octets; OPT: {opt}; {len(a.wire)} octets"]
    for title, sets in zip(SECTIONS, a.exact):
        for (owner, rtype, rclass, ttl), data in sets.items():
            lines = sorted(rdata_text(rtype, d) for d in data)
            out += [f"{name_text(owner)} {ttl} {class_text(rclass)} {type_text(rtype)} {x}\t; {title}" for x in lines[:RECORDS_SHOWN]]
            out += [f"\t\t; and {len(lines) - RECORDS_SHOWN} more"] if len(lines) > RECORDS_SHOWN else []
    return "\n".join(out)


def shape(aspect, value):
    """What an aspect looks like in general, to tell classes of mismatch apart."""
    if aspect in SECTIONS:
        return " ".join(sorted(type_text(k[1]) for k, _ in value)) or "nothing"
    if aspect == "case":
        return "other letters"
    if aspect == "order":
        return f"{len(value)} RRsets"
    if aspect == "rcode":
        return RCODES.get(value, str(value))
    if aspect == "question":
        return "the question" if value else "no question"
    return str(value)
