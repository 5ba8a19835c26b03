"""Zones that are hard to deny names in, signed in every way that signers know.

    zone text ─ dnssec-keygen, dnssec-signzone or ldns-signzone ─▶ Signed{apex, text, anchor, opt_out}

All kinds have the same names below their apex, so that they can be asked the same questions. Each has a signed child and an
unsigned one, which are served beside it. A name is a tuple of labels (bytes), most specific first.
"""
import glob
import os
import re
import shutil
import subprocess

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
TOOLS = ["dnssec-keygen", "dnssec-signzone", "dnssec-dsfromkey", "ldns-signzone", "ldns-verify-zone"]
FAR = "elsewhere.test."     # nobody serves it

CHILD = """$TTL 300
@ SOA ns1 h 1 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.77
*.w TXT "child"
"""

RECORDS = r"""$TTL 300
@ 3600 SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
@ NS ns2
@ MX 10 mail
@ MX 20 nowhere
@ TXT "apex"
ns1 A 127.0.0.1
ns2 AAAA ::1
mail A 192.0.2.1
mail AAAA 2001:db8::1
mail AAAA 2001:db8::2
www A 192.0.2.2
UPPER A 192.0.2.3
; empty non-terminals, of several labels and beside others
a.b.c.ent TXT "deep"
c.ent2 A 192.0.2.4
; wildcards: with additional data, below one another, with names and empty non-terminals beside them
*.wild A 192.0.2.5
*.wild MX 5 mail
*.wild TXT "wild"
a.wild A 192.0.2.6
x.sub.wild A 192.0.2.7
*.ent3.wild A 192.0.2.8
*.*.star A 192.0.2.9
foo.*.mid TXT "a star that is no wildcard"
*.big TXT {big}
; aliases: through wildcards, to names that are there or not, out of the zone, into children, loops
c1 CNAME c2
c2 CNAME c3
c3 CNAME www
*.cw CNAME q.wild
*.cww CNAME q.cw
*.cnx CNAME nothing.at.all
*.cnodata CNAME c.ent2
*.csub CNAME www.insecure
*.cmx CNAME mx.wild
cnx CNAME nothing
cent CNAME c.ent
cfar CNAME www.{far}
csecure CNAME www.secure
cinsecure CNAME www.insecure
cref CNAME x.unserved
*.cwref CNAME x.unserved
loop1 CNAME loop2
loop2 CNAME loop1
*.wloop CNAME again.wloop
; DNAME: to a wildcard, to nothing, out of the zone, too long, and aliases to it
dn DNAME wild
dnx DNAME nowhere
dfar DNAME {far}
dd DNAME dn
dlong DNAME {long}
cdn CNAME q.dn
*.cdn2 CNAME q.dn
dcw DNAME cw
; delegations
secure NS ns1.secure
ns1.secure A 127.0.0.1
insecure NS ns1.insecure
ns1.insecure A 127.0.0.1
unserved NS ns1.unserved
unserved NS mail
ns1.unserved A 127.0.0.1
unservedds NS ns1.unservedds
unservedds DS 1 8 2 {zeros}
ns1.unservedds A 127.0.0.1
; an empty non-terminal that only delegations made
p.only NS ns.{far}
q.only NS ns.{far}
r.s.t.deep NS ns.{far}
*.beside A 192.0.2.10
sub.beside NS ns.{far}
; octets
a\000 A 192.0.2.11
a\000\000 A 192.0.2.12
\000.a TXT "zero"
\000 TXT "zero"
*.\000w A 192.0.2.13
dot\.ted A 192.0.2.14
dot A 192.0.2.15
\200\255 A 192.0.2.16
\255 A 192.0.2.17
- A 192.0.2.18
\032x TXT "signs"
{label63} A 192.0.2.19
_sip._udp SRV 1 2 5060 mail
svc HTTPS 1 . ipv4hint=192.0.2.2
svc A 192.0.2.20
"""


def zone_text():
    """The records of every kind; names are relative to $ORIGIN."""
    text = RECORDS
    for key, value in {"big": " ".join('"' + "x" * 250 + '"' for _ in range(5)), "far": FAR, "zeros": "0" * 64,
                       "label63": "l" * 63, "long": ".".join(["y" * 60] * 3)}.items():
        text = text.replace("{" + key + "}", value)
    return text


def run(folder, *words):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=60,
                          env=dict(os.environ, PATH=PATH))
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Signed:
    """anchor: the zone's DS as text, None = unsigned."""

    def __init__(self, apex, text, anchor=None, opt_out=False):
        self.apex, self.text, self.anchor, self.opt_out = apex, text, anchor, opt_out


def keys(folder, apex, algorithm):
    for flag in ((), ("-f", "KSK")):
        run(folder, "dnssec-keygen", "-q", "-a", algorithm, *flag, apex)
    return sorted(os.path.basename(f)[:-4] for f in glob.glob(os.path.join(folder, f"K{apex}.+*.key")))


def ds_of(folder, apex):
    for file in glob.glob(os.path.join(folder, f"K{apex}.+*.key")):
        with open(file) as f:
            if " 257 " in f.read():
                return run(folder, "dnssec-dsfromkey", "-2", file).strip()
    raise RuntimeError(f"no key-signing key for {apex}")


def sign(folder, apex, text, how, algorithm="ECDSAP256SHA256", verify=True):
    """how: options of dnssec-signzone, or of ldns-signzone where they begin with "ldns"."""
    with open(os.path.join(folder, "plain"), "w") as f:
        f.write(f"$ORIGIN {apex}.\n{text}")
    names = keys(folder, apex, algorithm)
    if how[:1] == ["ldns"]:
        run(folder, "ldns-signzone", *how[1:], "-o", apex, "-f", "signed", "plain", *names)
    else:
        run(folder, "dnssec-signzone", "-P", "-O", "full", "-S", "-K", folder, *how, "-o", apex, "-f", "signed", "plain")
    if verify:
        run(folder, "ldns-verify-zone", "-V", "1", "signed")
    with open(os.path.join(folder, "signed")) as f:
        return f.read(), ds_of(folder, apex)


KINDS = {   # apex: (how, opt-out)
    "nsec.test": ([], False),
    "nsec3.test": (["-3", "-", "-H", "0"], False),
    "salted.test": (["-3", "cafe42", "-H", "5"], False),
    "optout.test": (["-3", "-", "-H", "0", "-A"], True),
    "ldns.test": (["ldns", "-n", "-a", "1", "-t", "2", "-s", "beef"], False),
    "ldnsopt.test": (["ldns", "-n", "-a", "1", "-t", "0", "-p"], True),
}
COSTLY = {"costly.test": (["ldns", "-n", "-a", "1", "-t", "151", "-s", "cafe"], False)}  # more iterations than validators and Gemel work for


def make_all(folder, kinds=None):
    """{apex: [the zone, its children…]}."""
    out = {}
    for apex, (how, opt_out) in (kinds or KINDS).items():
        place = os.path.join(folder, "keys", apex)
        os.makedirs(place)
        os.makedirs(os.path.join(place, "child"))
        child, ds = sign(os.path.join(place, "child"), f"secure.{apex}", CHILD, how if how[:1] != ["ldns"] else [])
        text, anchor = sign(place, apex, zone_text() + ds + "\n", how)
        out[apex] = [Signed(apex, text, anchor, opt_out), Signed(f"secure.{apex}", child, ds, opt_out),
                     Signed(f"insecure.{apex}", f"$ORIGIN insecure.{apex}.\n" + CHILD)]
    return out


def missing():
    return [t for t in TOOLS if not shutil.which(t, path=PATH)]


def wire(name):
    return b"".join(bytes([len(x)]) + x for x in name) + b"\0"


def show(name):
    """As a zone file or a tool has it."""
    return "".join("".join(chr(c) if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "-_*") else f"\\{c:03d}" for c in x) + "."
                   for x in name) or "."


def owners(text):
    """Owner names of an unsigned text, as labels below the apex; "@" is ()."""
    out = {}
    for line in text.splitlines():
        if not line or line[0] in ";$ \t":
            continue
        out.setdefault(labels(line.split()[0]))
    return list(out)


def labels(text):
    if text == "@":
        return ()
    parts, label = [], bytearray()
    for token in re.findall(r"\\\d\d\d|\\.|.", text, re.S):
        if token == ".":
            parts.append(bytes(label))
            label = bytearray()
        elif token[0] == "\\":
            label.append(int(token[1:]) if len(token) == 4 else ord(token[1]))
        else:
            label += token.encode()
    return tuple(parts + [bytes(label)])
