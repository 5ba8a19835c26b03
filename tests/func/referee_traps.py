"""Zones full of traps, each about one part of the RFCs: wildcards, empty non-terminals, aliases, DNAME, cuts, nested zones,
sizes about the limits, types, labels of all octets.
"""
import random

from referee_zones import DS, Zone, name, random_zone, unknown, wire, wire_len


def wildcards():
    z = Zone("wild.test")
    z.add("ns1", "A", "192.0.2.1")
    z.add("*", "A", "192.0.2.10")
    z.add("*", "TXT", '"top"')
    z.add("host", "A", "192.0.2.11")
    z.add("*.deep", "MX", "10 " + z.sub("mail.deep"), "20 " + z.sub("host"))
    z.add("mail.deep", "A", "192.0.2.12")
    z.add("*.a.b.c", "AAAA", "2001:db8::1")
    z.add("x.y.a.b.c", "A", "192.0.2.13")           # y.a.b.c is empty, and stops the wildcard
    z.add("*.star", "A", "192.0.2.14")
    z.add("*.*.star", "TXT", '"two stars"')           # "*" below "*": a name like any other
    z.add("sub.*.star", "A", "192.0.2.15")
    z.add("*.cn", "CNAME", z.sub("host"))
    z.add("*.cnself", "CNAME", z.sub("x.cnself"))
    z.add("*.cnwild", "CNAME", z.sub("y.deep"))
    z.add("*.cnout", "CNAME", "nowhere.invalid.")
    z.add("*.cnent", "CNAME", z.sub("a.b.c"))
    z.add("*.cndn", "CNAME", z.sub("q.dn"))
    z.add("dn", "DNAME", z.sub("deep"))
    z.add("*.srv", "SRV", "1 2 443 " + z.sub("host"), "2 2 443 " + z.sub("x.star"))
    z.add("_tcp.*.under", "A", "192.0.2.16")          # under has a "*" that is empty itself
    z.add("cut", "NS", z.sub("ns.cut"), z.sub("any.thing"))
    z.add("ns.cut", "A", "192.0.2.17")
    z.add("*.cut", "A", "192.0.2.18")                 # occluded
    return z


def empties():
    z = Zone("ent.test", minimum=1200, soa_ttl=500)
    z.add("ns1", "A", "192.0.2.1")
    z.add("a.b.c.d.e.f", "A", "192.0.2.20")
    z.add("b.c.d.e.f", "TXT", '"in the middle"')
    z.add("x.sub.leaf", "A", "192.0.2.21")
    z.add("z.only", "NS", "ns.elsewhere.test.")
    z.add("q.dnhost", "DNAME", z.sub("f"))
    z.add("w.cname", "CNAME", z.sub("e.f"))
    z.add("v.cname", "CNAME", z.sub("cname"))
    z.add("*.k.l", "CNAME", z.sub("l"))
    z.add("_443._tcp.www", "TYPE52", unknown(b"\3\1\1" + b"\xab" * 32))
    return z


def aliases():
    z = Zone("alias.test")
    z.add("ns1", "A", "192.0.2.1")
    z.add("end", "A", "192.0.2.30", "192.0.2.31")
    z.add("end", "AAAA", "2001:db8::30")
    for i in range(20):
        z.add(f"l{i}", "CNAME", z.sub(f"l{i + 1}" if i < 19 else "end"))
    for i in range(5):
        z.add(f"loop{i}", "CNAME", z.sub(f"loop{(i + 1) % 5}"))
    z.add("self", "CNAME", z.sub("self"))
    z.add("dangling", "CNAME", z.sub("nothing"))
    z.add("dangling2", "CNAME", z.sub("dangling"))
    z.add("outside", "CNAME", "www.example.invalid.")
    z.add("outside2", "CNAME", z.sub("outside"))
    z.add("toroot", "CNAME", ".")
    z.add("other", "CNAME", "host.wild.test.")
    z.add("other2", "CNAME", z.sub("other"))
    z.add("nodata", "CNAME", z.sub("ns1"))
    z.add("ent", "CNAME", z.sub("is.empty"))
    z.add("x.is.empty", "A", "192.0.2.32")
    z.add("apex", "CNAME", z.at)
    z.add("cut", "CNAME", z.sub("x.y.deleg"))
    z.add("cutitself", "CNAME", z.sub("deleg"))
    z.add("cutglue", "CNAME", z.sub("ns.deleg"))
    z.add("deleg", "NS", z.sub("ns.deleg"), "ns.far.invalid.")
    z.add("deleg", "DS", DS)
    z.add("ns.deleg", "A", "192.0.2.33")
    z.add("todn", "CNAME", z.sub("l0.dn"))
    z.add("todnself", "CNAME", z.sub("dn"))
    z.add("dn", "DNAME", z.at)
    z.add("mixed", "CNAME", "END.Alias.TEST.")
    z.add("multi", "CNAME", z.sub("txt"))
    z.add("txt", "TXT", '"target"')
    z.add("mx", "MX", "5 " + z.sub("l18"), "6 " + z.sub("end"))
    z.add("srv", "SRV", "0 0 80 " + z.sub("multi"))
    z.add("ns", "CNAME", z.sub("ns1"))
    return z


def dnames():
    z = Zone("dname.test")
    z.add("ns1", "A", "192.0.2.1")
    z.add("a", "DNAME", z.sub("b"))
    z.add("x.b", "A", "192.0.2.40")
    z.add("*.w.b", "A", "192.0.2.41")
    z.add("b", "TXT", '"b itself"')
    z.add("a", "A", "192.0.2.42")                     # beside a DNAME other data may stand
    z.add("out", "DNAME", "target.invalid.")
    z.add("root", "DNAME", ".")
    z.add("cross", "DNAME", "wild.test.")
    z.add("loop1", "DNAME", z.sub("loop2"))
    z.add("loop2", "DNAME", z.sub("loop1"))
    z.add("grow", "DNAME", z.sub("x.grow2"))
    z.add("grow2", "DNAME", z.sub("grow"))
    z.add("tocut", "DNAME", z.sub("deleg"))
    z.add("deleg", "NS", z.sub("ns.deleg"))
    z.add("ns.deleg", "A", "192.0.2.43")
    z.add("deep.down.here", "DNAME", z.sub("a"))
    z.add("toent", "DNAME", z.sub("e"))
    z.add("q.r.e", "A", "192.0.2.44")
    z.add("tocname", "DNAME", z.sub("cn"))
    z.add("p.cn", "CNAME", z.sub("x.b"))
    z.add("o.cn", "CNAME", z.sub("x.a"))
    z.add("toapex", "DNAME", z.at)
    z.add("mid", "MX", "10 " + z.sub("x.a"))
    long = ".".join(["l" * 60] * 3)
    z.add("long", "DNAME", z.sub(long))
    z.add("long2", "DNAME", z.sub(long + "." + "m" * 40))
    return z


def delegations():
    z = Zone("cuts.test")
    z.add("", "NS", z.sub("ns.sib"), "ns.out.invalid.")
    z.add("ns1", "A", "192.0.2.1")
    z.add("ns1", "AAAA", "2001:db8::53")
    z.add("in", "NS", z.sub("ns1.in"), z.sub("ns2.in"))
    for i in (1, 2):
        z.add(f"ns{i}.in", "A", f"192.0.2.5{i}")
        z.add(f"ns{i}.in", "AAAA", f"2001:db8::5{i}")
    z.add("sib", "NS", z.sub("ns.sib"), z.sub("ns1.in"))
    z.add("ns.sib", "A", "192.0.2.53")
    z.add("far", "NS", "ns1.far.invalid.", "ns2.far.invalid.")
    z.add("other", "NS", "host.wild.test.", "mail.deep.wild.test.")
    z.add("missing", "NS", z.sub("ns.missing"))
    z.add("auth", "NS", z.sub("ns1"), z.sub("www"))
    z.add("www", "A", "192.0.2.54")
    z.add("own", "NS", z.sub("own"))
    z.add("own", "A", "192.0.2.55")
    z.add("own", "TXT", '"below the cut"')
    z.add("signed", "NS", z.sub("ns.signed"))
    z.add("signed", "DS", DS, DS.replace("1 8 2", "2 8 2"))
    z.add("ns.signed", "A", "192.0.2.56")
    z.add("insecure", "NS", z.sub("ns.signed"))
    z.add("deep.deep.deep", "NS", z.sub("ns.deep.deep.deep"))
    z.add("ns.deep.deep.deep", "AAAA", "2001:db8::57")
    z.add("in.in", "NS", z.sub("ns.in.in"))            # a cut below a cut is nobody's business here
    z.add("ns.in.in", "A", "192.0.2.58")
    z.add("alias", "NS", z.sub("cname"))
    z.add("cname", "CNAME", z.sub("www"))
    z.add("dnns", "NS", z.sub("x.dn"))
    z.add("dn", "DNAME", z.sub("in"))
    z.add("wildns", "NS", z.sub("a.w"))
    z.add("*.w", "A", "192.0.2.59")
    z.add("case", "NS", "Ns1.In.CUTS.test.")
    z.add("many", "NS", *[z.sub(f"ns{i}.many") for i in range(13)])
    for i in range(13):
        z.add(f"ns{i}.many", "A", f"198.51.100.{i}")
        z.add(f"ns{i}.many", "AAAA", f"2001:db8:1::{i}")
    z.add("manyfar", "NS", *[f"a-rather-long-name-{i}.far.invalid." for i in range(20)])
    z.add("mxin", "MX", "10 " + z.sub("ns1.in"), "10 " + z.sub("host.in"), "20 " + z.sub("in"))
    z.add("ds", "DS", DS)                              # where no cut is
    return z


def nested():
    p = Zone("nest.test")
    p.add("ns1", "A", "192.0.2.1")
    p.add("child", "NS", p.sub("ns1.child"), p.sub("ns.glue.child"))
    p.add("child", "DS", DS)
    p.add("ns1.child", "A", "192.0.2.60")              # the same, another, and one that the child has not
    p.add("ns.glue.child", "A", "192.0.2.61")
    p.add("plain", "NS", p.sub("ns1.plain"))
    p.add("ns1.plain", "A", "192.0.2.62")
    p.add("under.gap", "A", "192.0.2.63")              # hidden by the zone gap.nest.test, to which no cut leads
    p.add("*", "TXT", '"parent"')
    p.add("into", "CNAME", p.sub("www.child"))
    p.add("dninto", "DNAME", p.sub("child"))
    p.add("mx", "MX", "10 " + p.sub("www.child"), "20 " + p.sub("ns1.child"))
    c = Zone("child.nest.test", minimum=30)
    c.add("ns1", "A", "192.0.2.160")
    c.add("www", "A", "192.0.2.161")
    c.add("deep", "NS", c.sub("ns1.deep"))
    c.add("back", "CNAME", p.sub("ns1"))
    d = Zone("deep.child.nest.test")
    d.add("ns1", "A", "192.0.2.162")
    d.add("*", "A", "192.0.2.163")
    g = Zone("gap.nest.test")
    g.add("ns1", "A", "192.0.2.164")
    g.add("mx", "MX", "1 " + g.sub("ns1"))
    s = Zone("plain.nest.test")
    s.add("ns1", "A", "192.0.2.165")
    stray = [Zone("unknown.leaf.ent.test"), Zone("x.far.cuts.test"), Zone("b.c.d.e.f.ent.test"),
             Zone("b.*.star.wild.test")]               # in places where their parents expect no zone
    for z in stray:
        z.add("ns1", "A", "192.0.2.166")
    return [p, c, d, g, s, *stray]


def sizes():
    z = Zone("size.test")
    z.add("ns1", "A", "192.0.2.1")
    for n in (10, 25, 28, 29, 30, 31, 60, 74, 75, 76, 77, 78, 200, 900):
        z.add(f"a{n}", "A", *[f"10.{i >> 8}.{i & 255}.{n & 255}" for i in range(n)])
    for n in (100, 200, 255, 420, 430, 440, 445, 450, 455, 460, 1100, 1150, 1160, 1170, 1180, 1190, 4000, 20000):
        z.add(f"t{n}", "TXT", " ".join('"' + "x" * min(255, n - i) + '"' for i in range(0, n, 255)))
    z.add("strings", "TXT", " ".join(f'"{i}"' for i in range(200)), '""', '"" ""', r'"\000\255\"\\"')
    z.add("txts", "TXT", *[f'"{"y" * 200}{i}"' for i in range(40)])
    z.add("mx", "MX", *[f"{i} {z.sub(f'mx{i}')}" for i in range(16)])
    z.add("srv", "SRV", *[f"{i} 0 443 {z.sub(f'mx{i}')}" for i in range(12)])
    for i in range(16):
        z.add(f"mx{i}", "A", f"198.51.100.{i}", f"198.51.101.{i}")
        z.add(f"mx{i}", "AAAA", f"2001:db8:2::{i}")
    z.add("toa60", "CNAME", z.sub("a60"))
    z.add("toa28", "CNAME", z.sub("a28"))
    z.add("tot4000", "CNAME", z.sub("t4000"))
    z.add("*.wa30", "A", *[f"10.2.3.{i}" for i in range(30)])
    z.add("*.wt430", "TXT", '"' + "z" * 215 + '" "' + "z" * 213 + '"')
    z.add("dn", "DNAME", z.at)
    z.add("cut", "NS", *[z.sub(f"n{i}.cut") for i in range(9)])
    for i in range(9):
        z.add(f"n{i}.cut", "A", f"198.51.102.{i}")
    z.add("bigcut", "NS", *[z.sub(f"a-name-server-with-a-long-name-{i}.bigcut") for i in range(30)])
    z.add("a-name-server-with-a-long-name-3.bigcut", "A", "198.51.103.3")
    return z


def types():
    z = Zone("types.test")
    z.add("", "MX", "10 " + z.sub("mail"), "20 " + z.at, "30 mail.far.invalid.")
    z.add("", "A", "192.0.2.70")
    z.add("", "TXT", '"v=spf1 -all"')
    z.add("", "TYPE257", unknown(b"\0\5issueca.test"))
    z.add("ns1", "A", "192.0.2.1")
    z.add("mail", "A", "192.0.2.71")
    z.add("mail", "AAAA", "2001:db8::71")
    z.add("_sip._tcp", "SRV", "1 1 5060 " + z.sub("mail"), "2 1 5060 .", "3 1 5060 sip.far.invalid.")
    z.add("_x._udp", "SRV", "0 0 0 .")
    mail = wire(z.below("mail"))
    z.add("svc", "TYPE65", unknown(b"\0\1\0"))                             # 1 .
    z.add("svc", "A", "192.0.2.72")
    z.add("svcalias", "TYPE65", unknown(b"\0\0" + mail))
    z.add("svcb", "TYPE64", unknown(b"\0\1" + mail + b"\0\1\0\3\2h2"), unknown(b"\0\2" + wire(z.below("_x._udp"))))
    z.add("svcfar", "TYPE64", unknown(b"\0\1" + wire(name("far.invalid"))))
    z.add("ptr", "PTR", z.sub("mail"), "host.far.invalid.")
    z.add("rp", "RP", z.sub("box") + " " + z.sub("txt"))
    z.add("afsdb", "AFSDB", "1 " + z.sub("mail"))
    z.add("kx", "KX", "1 " + z.sub("mail"))
    z.add("rt", "RT", "1 " + z.sub("mail"))
    z.add("px", "TYPE26", unknown(b"\0\1" + mail + wire(z.below("ns1"))))
    z.add("minfo", "MINFO", z.sub("mail") + " " + z.sub("ns1"))
    for old, code in (("mb", 7), ("mg", 8), ("mr", 9)):
        z.add(old, f"TYPE{code}", unknown(mail))
    z.add("naptr", "NAPTR", f'1 2 "U" "E2U+sip" "!^.*$!sip:a@b!" {z.sub("mail")}', f'1 3 "S" "" "" {z.sub("_sip._tcp")}')
    z.add("hinfo", "HINFO", '"cpu" "os"')
    z.add("loc", "LOC", "52 14 05.0 N 0 8 50.0 E 10m")
    z.add("sshfp", "SSHFP", "1 1 " + "ab" * 20)
    z.add("tlsa", "TLSA", "3 1 1 " + "cd" * 32)
    z.add("caa", "CAA", '0 issue "ca.example"')
    z.add("unknown", "TYPE12345", unknown(b"\1\2\3\4"), unknown(b""))
    z.add("unknown", "TYPE65280", unknown(b"\0"))
    z.add("x25", "TYPE19", unknown(b"\x0c311061700956"))
    z.add("ipseckey", "TYPE45", unknown(b"\x0a\0\2\1\2\3\4"))
    z.add("dhcid", "DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=")
    z.add("eui48", "EUI48", "00-00-5e-00-53-2a")
    z.add("uri", "URI", '10 1 "ftp://a.invalid/"')
    z.add("cert", "CERT", "1 0 0 AAAA")
    z.add("dnskey", "DNSKEY", "256 3 8 AwEAAQ==")
    z.add("cds", "CDS", DS)
    z.add("csync", "CSYNC", "66 3 A NS AAAA")
    z.add("ttl", "A", "192.0.2.73", ttl=0)
    z.add("ttl", "AAAA", "2001:db8::73", ttl=2147483647)
    z.add("all", "A", "192.0.2.74")
    z.add("all", "MX", "10 " + z.sub("all"))
    z.add("all", "TXT", '"all"')
    z.add("all", "NAPTR", '1 2 "" "" "" .')
    return z


def labels():
    """Octets of all kinds, lengths at the limits, letters of both cases."""
    z = Zone("label.test")
    z.add("ns1", "A", "192.0.2.1")
    odd = [b"\x00", b"\x00\x00", b"a\x00", b"\xff", b"\xc0\xe0", b"a.b", b"a\\b", b'"q"', b"sp ace", b"(", b";x", b"@", b"$", b"[", b"{",
           b"\x40", b"`", b"*a", b"a*", b"**", b"\x2a", b"-", b"_", b"0", b"\x01", b"\x1f\x7f", b"\xe4\xf6\xfc"]
    for i, o in enumerate(odd):
        z.add((o,), "A", f"192.0.3.{i}")
        if i % 3 == 0:
            z.add((b"below", o), "TXT", f'"{i}"')
        if i % 5 == 0 and o != b"*":
            z.add((b"*", o), "A", f"192.0.4.{i}")
    z.add("UPPER.MiXeD", "A", "192.0.2.80")
    z.add("mx.case", "MX", "10 UPPER.mixed.LABEL.test.")
    z.add("lOwEr", "CNAME", "uPPer.MIXED.label.TEST.")
    z.add((b"l" * 63,), "A", "192.0.2.81")
    room = 255 - wire_len(z.apex)                       # what labels below the apex may take
    full = (b"k" * 63,) * (room // 64)
    full = ((b"j" * (room % 64 - 1),) if room % 64 > 1 else ()) + full
    z.add(full, "A", "192.0.2.82")
    z.add(full[1:], "MX", "10 " + z.sub(full))
    z.add((b"m",) * (room // 2), "TXT", '"many labels"')
    z.add((b"*",) + (b"n",) * 40, "A", "192.0.2.83")
    z.add("tofull", "CNAME", z.sub(full))
    z.add("tomany", "CNAME", z.sub((b"m",) * (room // 2)))
    z.add("dn", "DNAME", z.sub((b"k" * 63,) * 2))
    return z


def small():
    """Zones that are little more than an apex, or end in one wildcard."""
    alone = Zone("apex-only.test", minimum=7, ns="ns.far.invalid.")
    apexdn = Zone("apexdn.test", ns="ns1.wild.test.")
    apexdn.add("", "DNAME", "wild.test.")
    apexdn.add("", "A", "192.0.2.90")
    tld = Zone("tld")
    tld.add("ns1", "A", "192.0.2.1")
    tld.add("*", "A", "192.0.2.91")
    tld.add("com", "NS", "ns.com.tld.")
    arpa = Zone("2.0.192.in-addr.arpa", ns="ns1.wild.test.")
    arpa.add("1", "PTR", "ns1.wild.test.")
    arpa.add("*", "PTR", "any.wild.test.")
    arpa.add((b"128/25",), "NS", "ns1.cuts.test.")
    arpa.add("129", "CNAME", "129.128\\04725.2.0.192.in-addr.arpa.")
    return [alone, apexdn, tld, arpa]


def rooted():
    """The root and what lies under it, at one server."""
    root = Zone(())
    root.add("ns1", "A", "192.0.2.1")
    root.add("com", "NS", "ns.com.", "ns.net.")
    root.add("com", "DS", DS)
    root.add("ns.com", "A", "192.0.2.101")
    root.add("net", "NS", "ns.com.", "ns.net.")
    root.add("ns.net", "AAAA", "2001:db8::101")
    root.add("deep.ent", "A", "192.0.2.102")
    root.add("*", "TXT", '"the star of the root"')
    root.add("dn", "DNAME", "target.net.")
    root.add("toroot", "DNAME", ".")
    root.add("cn", "CNAME", ".")
    root.add("mx", "MX", "0 .")
    root.add("", "MX", "10 ns1.")
    root.add((b"x" * 63,) * 3 + (b"y" * 61,), "A", "192.0.2.103")
    child = Zone("net", ns="ns.net.")
    child.add("ns", "AAAA", "2001:db8::101")
    child.add("*.target", "A", "192.0.2.104")
    child.add("up", "CNAME", "deep.ent.")
    return [root, child]


def worlds(seed):
    """Lists of zones that are served together: traps without the root, and some under it."""
    rng = random.Random(seed)
    return [[wildcards(), empties(), aliases(), dnames(), delegations(), *nested(), sizes(), types(), labels(), *small(),
             *(random_zone(rng, f"r{i}.test") for i in range(8))],
            [*rooted(), random_zone(rng, "r.org")]]
