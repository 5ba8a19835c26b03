/* Answers from files alone: what each kind of name gives, as text. */
#include <stdio.h>
#include <string.h>
#include "tests/lib/answer_kit.h"

#define SOA "example.test. 300 SOA ns1.example.test. admin.example.test. 7 3600 600 86400 300"
#define NODATA "NOERROR aa\nns " SOA
#define NXDOMAIN "NXDOMAIN aa\nns " SOA
#define NXDOMAIN_RD "NXDOMAIN aa rd\nns " SOA
#define REFERRAL(cut) "NOERROR\nns " cut ". 3600 NS "

/* Labels by their length. */
#define A62 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B36 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define B63 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C50 "cccccccccccccccccccccccccccccccccccccccccccccccccc"
#define C63 "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define D41 "ddddddddddddddddddddddddddddddddddddddddd"

/* l0 → l1 → … → l18 */
#define LINK(a, b) "l" #a " CNAME l" #b "\n"
#define CHAIN \
	LINK(0, 1) LINK(1, 2) LINK(2, 3) LINK(3, 4) LINK(4, 5) LINK(5, 6) LINK(6, 7) LINK(7, 8) LINK(8, 9) \
	LINK(9, 10) LINK(10, 11) LINK(11, 12) LINK(12, 13) LINK(13, 14) LINK(14, 15) LINK(15, 16) LINK(16, 17) \
	LINK(17, 18) "l18 A 203.0.113.9\n"

static const struct kit_zone zones[] = {
	{ .apex = "example.test", .text =
		"$TTL 3600\n"
		"@ SOA ns1 admin 7 3600 600 86400 300\n"
		"@ NS ns1\n"
		"@ NS ns2.other.test.\n"
		"@ MX 10 mail\n"
		"@ MX 20 mx.other.test.\n"
		"@ 60 A 192.0.2.1\n"
		"ns1 A 192.0.2.53\n"
		"ns1 AAAA 2001:db8::53\n"
		"mail A 192.0.2.25\n"
		"www 60 A 192.0.2.80\n"
		"www 60 A 192.0.2.81\n"
		"www 60 AAAA 2001:db8::80\n"
		"www TXT \"hello\"\n"
		"UPPER A 192.0.2.9\n"
		"a.b.c.d A 192.0.2.4\n"
		"_sip._udp SRV 1 2 5060 mail\n"
		"svc HTTPS 1 . alpn=h2\n"
		"svc A 192.0.2.44\n"
		"alias HTTPS 0 www\n"
		"self MX 5 self\n"
		"self A 192.0.2.55\n"
		/* aliases */
		"c1 CNAME www\n"
		"c2 CNAME c1\n"
		"c3 CNAME c2\n"
		"cout CNAME www.other.test.\n"
		"cnx CNAME nothing\n"
		"cnodata CNAME ns1\n"
		"ccut CNAME host.sub\n"
		"cwild CNAME deep.down.wild\n"
		"cchild CNAME www.child\n"
		"loop1 CNAME loop2\n"
		"loop2 CNAME loop3\n"
		"loop3 CNAME loop1\n"
		"selfloop CNAME selfloop\n"
		"cany CNAME b.c.d\n"
		/* wildcards, RFC 4592 2.2.1 */
		"*.wild 60 A 192.0.2.77\n"
		"*.wild MX 10 mail\n"
		"host.wild A 192.0.2.78\n"
		"x.ent.wild A 192.0.2.79\n"
		"*.alias CNAME www\n"
		"*.ring CNAME x.ring\n"
		"*.rel CNAME a.rel2\n"
		"*.txt TXT \"any\"\n"
		"*.mxself MX 10 *.mxself\n"
		"*.mxself A 192.0.2.90\n"
		"_ssh._tcp.host1 SRV 0 0 22 host1\n"
		"host1 A 192.0.2.91\n"
		"*.w.b.c.d A 192.0.2.5\n"
		"mxwild MX 5 Any.where.wild\n"
		"mxwild MX 6 any.WHERE.wild\n"
		"mxwild MX 7 other.wild\n"
		"mxwild MX 8 x.ent.wild.nowhere\n"
		"mxent MX 5 y.ent.wild\n"
		"mxbelow MX 5 q.wild.sub\n"
		"*.wild.sub A 192.0.2.68\n"
		"mxdn MX 5 z.dn\n"
		"*.srvwild SRV 0 0 443 t.srvwild\n"
		"*.srvwild A 192.0.2.69\n"
		"nswild NS a.wild\n"
		"*.cut DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000003\n"
		/* delegations */
		"sub NS ns.sub\n"
		"sub NS ns1\n"
		"sub NS ns.sibling\n"
		"sub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000001\n"
		"ns.sub A 192.0.2.61\n"
		"ns.sub AAAA 2001:db8::61\n"
		"sibling NS ns.sibling\n"
		"ns.sibling A 192.0.2.62\n"
		"far NS ns.far.test.\n"
		"own NS own\n"
		"own A 192.0.2.63\n"
		"child NS ns.child\n"
		"child DS 2 8 2 0000000000000000000000000000000000000000000000000000000000000002\n"
		"ns.child A 192.0.2.64\n"
		"secret.child A 192.0.2.65\n"
		/* DNAME */
		"dn 600 DNAME target\n"
		"x.target A 192.0.2.31\n"
		"*.y.target A 192.0.2.32\n"
		"dnout DNAME other.test.\n"
		"dnloop DNAME dnloop2\n"
		"dnloop2 DNAME dnloop\n"
		"dnself DNAME x.dnself2\n"
		"dnback DNAME back\n"
		"x.back CNAME dnback\n"
		"dntail CNAME x.dn\n"
		"dnlong DNAME " A62 "." B36 "\n" },
	{ .apex = "child.example.test", .text =
		"$TTL 3600\n"
		"@ SOA ns root 1 3600 600 86400 60\n"
		"@ NS ns\n"
		"ns A 192.0.2.64\n"
		"www A 192.0.2.66\n" },
	{ .apex = "in.cut.example.test", .text = "@ 60 SOA ns root 1 3600 600 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.67\n" },
	{ .apex = "w.far.example.test", .text = "@ 60 SOA ns root 1 3600 600 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.67\n" },
	{ .apex = "not.known.example.test", .text = "@ 60 SOA ns root 1 3600 600 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.67\n" },
	{ .apex = "other.test", .text =
		"$TTL 100\n"
		"@ 30 SOA ns1.example.test. root 9 3600 600 86400 900\n"
		"@ NS ns1.example.test.\n"
		"www A 203.0.113.1\n"
		"*.d1 A 203.0.113.2\n" },
	{ .apex = "hop.test", .text =
		"$TTL 100\n"
		"@ SOA ns root 9 3600 600 86400 50\n"
		"@ NS ns\n"
		"ns A 203.0.113.3\n"
		CHAIN },
};

struct row {
	const char *ask, *want;
};

static const struct row positive[] = {
	{ "www.example.test A", "NOERROR aa\nan www.example.test. 60 A 192.0.2.80\n"
	  "an www.example.test. 60 A 192.0.2.81" },
	{ "www.example.test AAAA", "NOERROR aa\nan www.example.test. 60 AAAA 2001:db8::80" },
	{ "WwW.eXample.TEST TXT", "NOERROR aa\nan WwW.eXample.TEST. 3600 TXT \"hello\"" },
	{ "upper.example.test A", "NOERROR aa\nan upper.example.test. 3600 A 192.0.2.9" },
	{ "www.example.test A rd", "NOERROR aa rd\nan www.example.test. 60 A 192.0.2.80\n"
	  "an www.example.test. 60 A 192.0.2.81" },
	{ "example.test A", "NOERROR aa\nan example.test. 60 A 192.0.2.1" },
	{ "example.test SOA", "NOERROR aa\n"
	  "an example.test. 3600 SOA ns1.example.test. admin.example.test. 7 3600 600 86400 300" },
	{ "example.test NS", "NOERROR aa\nan example.test. 3600 NS ns1.example.test.\n"
	  "an example.test. 3600 NS ns2.other.test."
	  "\nar ns1.example.test. 3600 A 192.0.2.53\nar ns1.example.test. 3600 AAAA 2001:db8::53" },
	{ "example.test MX", "NOERROR aa\nan example.test. 3600 MX 10 mail.example.test.\n"
	  "an example.test. 3600 MX 20 mx.other.test."
	  "\nar mail.example.test. 3600 A 192.0.2.25" },
	{ "_sip._udp.example.test SRV", "NOERROR aa\nan _sip._udp.example.test. 3600 SRV 1 2 5060 mail.example.test."
	  "\nar mail.example.test. 3600 A 192.0.2.25" },
	{ "alias.example.test HTTPS", "NOERROR aa\nan alias.example.test. 3600 HTTPS 0 www.example.test."
	  "\nar www.example.test. 60 A 192.0.2.80\nar www.example.test. 60 A 192.0.2.81\n"
	  "ar www.example.test. 60 AAAA 2001:db8::80" },
	{ "svc.example.test HTTPS", "NOERROR aa\nan svc.example.test. 3600 HTTPS 1 . alpn=h2\n"
	  "ar svc.example.test. 3600 A 192.0.2.44" },
	{ "self.example.test MX", "NOERROR aa\nan self.example.test. 3600 MX 5 self.example.test.\n"
	  "ar self.example.test. 3600 A 192.0.2.55" },
	{ "a.b.c.d.example.test A", "NOERROR aa\nan a.b.c.d.example.test. 3600 A 192.0.2.4" },
	{ "c1.example.test CNAME", "NOERROR aa\nan c1.example.test. 3600 CNAME www.example.test." },
	{ "*.wild.example.test A", "NOERROR aa\nan *.wild.example.test. 60 A 192.0.2.77" },
	{ "*.alias.example.test CNAME", "NOERROR aa\nan *.alias.example.test. 3600 CNAME www.example.test." },
	/* ANY: RFC 8482 */
	{ "www.example.test ANY", "NOERROR aa\nan www.example.test. 60 A 192.0.2.80\n"
	  "an www.example.test. 60 A 192.0.2.81" },
	{ "c1.example.test ANY", "NOERROR aa\nan c1.example.test. 3600 CNAME www.example.test." },
	{ "b.c.d.example.test ANY", NODATA },
	{ "example.test ANY tcp", "NOERROR aa\nan example.test. 60 A 192.0.2.1" },
	{ "q.wild.example.test ANY", "NOERROR aa\nan q.wild.example.test. 60 A 192.0.2.77" },
	{ "cany.example.test ANY", "NOERROR aa\nan cany.example.test. 3600 CNAME b.c.d.example.test." },
	{ "far.example.test ANY", REFERRAL("far.example.test") "ns.far.test." },
};

static const struct row negatives[] = {
	{ "www.example.test MX", NODATA },
	{ "example.test AAAA", NODATA },
	{ "d.example.test A", NODATA },     /* empty non-terminals: RFC 4592 2.2.2 */
	{ "c.d.example.test A", NODATA },
	{ "b.c.d.example.test A", NODATA },
	{ "_udp.example.test SRV", NODATA },
	{ "w.b.c.d.example.test A", NODATA },
	{ "nothing.example.test A", NXDOMAIN },
	{ "a.nothing.example.test A", NXDOMAIN },
	{ "x.a.b.c.d.example.test A", NXDOMAIN },
	{ "x.b.c.d.example.test A", NXDOMAIN },
	{ "x.y.z.d.example.test A", NXDOMAIN },
	{ "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29.30.example.test A", NXDOMAIN },
	{ "NOTHING.Example.TEST A", "NXDOMAIN aa\n"
	  "ns Example.TEST. 300 SOA ns1.Example.TEST. admin.Example.TEST. 7 3600 600 86400 300" },
	{ "\\091ww.example.test A", NXDOMAIN }, /* only letters fold */
	{ "www\\000.example.test A", NXDOMAIN },
	{ "www\\.example.test.example.test A", NXDOMAIN },
	/* TTL = min(SOA TTL, MINIMUM): RFC 2308 5 */
	{ "no.other.test A", "NXDOMAIN aa\n"
	  "ns other.test. 30 SOA ns1.example.test. root.other.test. 9 3600 600 86400 900" },
	{ "no.hop.test A", "NXDOMAIN aa\nns hop.test. 50 SOA ns.hop.test. root.hop.test. 9 3600 600 86400 50" },
	{ "www.child.example.test MX", "NOERROR aa\n"
	  "ns child.example.test. 60 SOA ns.child.example.test. root.child.example.test. 1 3600 600 86400 60" },
	/* the parent's data is not the child's */
	{ "secret.child.example.test A", "NXDOMAIN aa\n"
	  "ns child.example.test. 60 SOA ns.child.example.test. root.child.example.test. 1 3600 600 86400 60" },
};

static const struct row wildcards[] = {
	{ "q.wild.example.test A", "NOERROR aa\nan q.wild.example.test. 60 A 192.0.2.77" },
	{ "Q.r.S.wild.example.test A", "NOERROR aa\nan Q.r.S.wild.example.test. 60 A 192.0.2.77" },
	{ "q.wild.example.test TXT", NODATA },
	{ "q.wild.example.test MX", "NOERROR aa\nan q.wild.example.test. 3600 MX 10 mail.example.test.\n"
	  "ar mail.example.test. 3600 A 192.0.2.25" },
	{ "long.name.that.is.not.there.wild.example.test MX", "NOERROR aa\n"
	  "an long.name.that.is.not.there.wild.example.test. 3600 MX 10 "
	  "mail.example.test.\nar mail.example.test. 3600 A 192.0.2.25" },
	{ "host.wild.example.test A", "NOERROR aa\nan host.wild.example.test. 3600 A 192.0.2.78" },
	{ "host.wild.example.test MX", NODATA },
	{ "x.host.wild.example.test A", NXDOMAIN },   /* the closest encloser has no "*" */
	{ "wild.example.test A", NODATA },
	{ "ent.wild.example.test A", NODATA },        /* an empty non-terminal blocks the wildcard */
	{ "y.ent.wild.example.test A", NXDOMAIN },
	{ "x.ent.wild.example.test A", "NOERROR aa\nan x.ent.wild.example.test. 3600 A 192.0.2.79" },
	{ "a.*.wild.example.test A", NXDOMAIN },      /* RFC 4592 2.3: "*" is an encloser too */
	{ "z.alias.example.test AAAA", "NOERROR aa\nan z.alias.example.test. 3600 CNAME www.example.test.\n"
	  "an www.example.test. 60 AAAA 2001:db8::80" },
	{ "z.alias.example.test CNAME", "NOERROR aa\nan z.alias.example.test. 3600 CNAME www.example.test." },
	{ "q.ring.example.test A", "NOERROR aa\nan q.ring.example.test. 3600 CNAME x.ring.example.test.\n"
	  "an x.ring.example.test. 3600 CNAME x.ring.example.test." },
	{ "q.rel.example.test A", "NXDOMAIN aa\nan q.rel.example.test. 3600 CNAME a.rel2.example.test.\nns " SOA },
	/* a "*" has addresses for the hosts that it stands for */
	{ "mxwild.example.test MX", "NOERROR aa\nan mxwild.example.test. 3600 MX 5 Any.where.wild.example.test.\n"
	  "an mxwild.example.test. 3600 MX 6 Any.where.wild.example.test.\n"
	  "an mxwild.example.test. 3600 MX 7 other.wild.example.test.\n"
	  "an mxwild.example.test. 3600 MX 8 x.ent.wild.nowhere.example.test.\n"
	  "ar Any.where.wild.example.test. 60 A 192.0.2.77\nar other.wild.example.test. 60 A 192.0.2.77" },
	{ "mxent.example.test MX", "NOERROR aa\nan mxent.example.test. 3600 MX 5 y.ent.wild.example.test." },
	{ "mxbelow.example.test MX", "NOERROR aa\nan mxbelow.example.test. 3600 MX 5 q.wild.sub.example.test." },
	{ "mxdn.example.test MX", "NOERROR aa\nan mxdn.example.test. 3600 MX 5 z.dn.example.test." },
	{ "t.srvwild.example.test SRV", "NOERROR aa\nan t.srvwild.example.test. 3600 SRV 0 0 443 t.srvwild.example.test.\n"
	  "ar t.srvwild.example.test. 3600 A 192.0.2.69" },
	{ "nswild.example.test A", REFERRAL("nswild.example.test") "a.wild.example.test." }, /* but is no glue */
	{ "q.w.b.c.d.example.test A", "NOERROR aa\nan q.w.b.c.d.example.test. 3600 A 192.0.2.5" },
	{ "q.mxself.example.test MX", "NOERROR aa\nan q.mxself.example.test. 3600 MX 10 *.mxself.example.test." },
	{ "*.mxself.example.test MX", "NOERROR aa\nan *.mxself.example.test. 3600 MX 10 *.mxself.example.test." },
	{ A63 "." B63 "."
	  C63 "." D41 ".wild.example.test MX",
	  "NOERROR aa\n"
	  "an " A63 "." B63 "."
	  C63 "." D41 ".wild.example.test. 3600 MX 10 "
	  "mail.example.test.\nar mail.example.test. 3600 A 192.0.2.25" },
};

static const struct row aliases[] = {
	{ "c1.example.test A", "NOERROR aa\nan c1.example.test. 3600 CNAME www.example.test.\n"
	  "an www.example.test. 60 A 192.0.2.80"
	  "\nan www.example.test. 60 A 192.0.2.81" },
	{ "C3.Example.Test AAAA", "NOERROR aa\nan C3.Example.Test. 3600 CNAME c2.example.test.\n"
	  "an c2.example.test. 3600 CNAME c1.example.test."
	  "\nan c1.example.test. 3600 CNAME www.example.test.\nan www.example.test. 60 AAAA 2001:db8::80" },
	{ "cout.example.test A", "NOERROR aa\nan cout.example.test. 3600 CNAME www.other.test." },
	{ "cnx.example.test A", "NXDOMAIN aa\nan cnx.example.test. 3600 CNAME nothing.example.test.\nns " SOA },
	{ "cnodata.example.test TXT", "NOERROR aa\nan cnodata.example.test. 3600 CNAME ns1.example.test.\nns " SOA },
	{ "ccut.example.test A", "NOERROR aa\nan ccut.example.test. 3600 CNAME host.sub.example.test."
	  "\nns sub.example.test. 3600 NS ns.sub.example.test.\nns sub.example.test. 3600 NS ns1.example.test."
	  "\nns sub.example.test. 3600 NS ns.sibling.example.test."
	  "\nar ns.sub.example.test. 3600 A 192.0.2.61\nar ns.sub.example.test. 3600 AAAA 2001:db8::61"
	  "\nar ns1.example.test. 3600 A 192.0.2.53\nar ns1.example.test. 3600 AAAA 2001:db8::53"
	  "\nar ns.sibling.example.test. 3600 A 192.0.2.62" },
	{ "cwild.example.test MX", "NOERROR aa\nan cwild.example.test. 3600 CNAME deep.down.wild.example.test."
	  "\nan deep.down.wild.example.test. 3600 MX 10 mail.example.test.\nar mail.example.test. 3600 A 192.0.2.25" },
	{ "cchild.example.test A", "NOERROR aa\n"
	  "an cchild.example.test. 3600 CNAME www.child.example.test." }, /* stop at the zone */
	{ "loop1.example.test A", "NOERROR aa\nan loop1.example.test. 3600 CNAME loop2.example.test.\n"
	  "an loop2.example.test. 3600 CNAME loop3.example.test."
	  "\nan loop3.example.test. 3600 CNAME loop1.example.test." },
	{ "selfloop.example.test A", "NOERROR aa\nan selfloop.example.test. 3600 CNAME selfloop.example.test." },
	{ "cany.example.test A", "NOERROR aa\nan cany.example.test. 3600 CNAME b.c.d.example.test.\nns " SOA },
	{ "loop1.example.test CNAME", "NOERROR aa\nan loop1.example.test. 3600 CNAME loop2.example.test." },
};

static const struct row delegations[] = {
	{ "far.example.test A", REFERRAL("far.example.test") "ns.far.test." },
	{ "x.y.far.example.test A", REFERRAL("far.example.test") "ns.far.test." },
	{ "X.FAR.Example.test NS", "NOERROR\nns FAR.Example.test. 3600 NS ns.far.test." },
	{ "far.example.test NS", REFERRAL("far.example.test") "ns.far.test." },
	{ "far.example.test SOA", REFERRAL("far.example.test") "ns.far.test." },
	{ "far.example.test CNAME", REFERRAL("far.example.test") "ns.far.test." },
	{ "own.example.test A", REFERRAL("own.example.test") "own.example.test.\n"
	  "ar own.example.test. 3600 A 192.0.2.63" },
	{ "deep.in.own.example.test A", REFERRAL("own.example.test") "own.example.test.\n"
	  "ar own.example.test. 3600 A 192.0.2.63" },
	{ "ns.sibling.example.test A", REFERRAL("sibling.example.test") "ns.sibling.example.test.\n"
	  "ar ns.sibling.example.test. 3600 A 192.0.2.62" },
	{ "ns.sub.example.test A tcp", "NOERROR"
	  "\nns sub.example.test. 3600 NS ns.sub.example.test.\nns sub.example.test. 3600 NS ns1.example.test."
	  "\nns sub.example.test. 3600 NS ns.sibling.example.test."
	  "\nar ns.sub.example.test. 3600 A 192.0.2.61\nar ns.sub.example.test. 3600 AAAA 2001:db8::61"
	  "\nar ns1.example.test. 3600 A 192.0.2.53\nar ns1.example.test. 3600 AAAA 2001:db8::53"
	  "\nar ns.sibling.example.test. 3600 A 192.0.2.62" },
	/* DS is the parent's: RFC 4035 3.1.4.1 */
	{ "sub.example.test DS", "NOERROR aa\n"
	  "an sub.example.test. 3600 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000001" },
	{ "far.example.test DS", NODATA },
	{ "x.far.example.test DS", REFERRAL("far.example.test") "ns.far.test." },
	{ "child.example.test DS", "NOERROR aa\n"
	  "an child.example.test. 3600 DS 2 8 2 0000000000000000000000000000000000000000000000000000000000000002" },
	{ "child.example.test NS", "NOERROR aa\nan child.example.test. 3600 NS ns.child.example.test.\n"
	  "ar ns.child.example.test. 3600 A 192.0.2.64" },
	{ "www.child.example.test DS", "NOERROR aa\n"
	  "ns child.example.test. 60 SOA ns.child.example.test. root.child.example.test. 1 3600 600 86400 60" },
	{ "example.test DS", NODATA }, /* no parent here */
	/* the parent answers even where it does not know of the cut */
	{ "in.cut.example.test DS", "NOERROR aa\n"
	  "an in.cut.example.test. 3600 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000003" },
	{ "w.far.example.test DS", REFERRAL("far.example.test") "ns.far.test." },
	{ "not.known.example.test DS", NODATA },
	{ "known.example.test DS", NXDOMAIN },
	{ "nor.not.known.example.test DS", "NXDOMAIN aa\n"
	  "ns not.known.example.test. 60 SOA ns.not.known.example.test. root.not.known.example.test. 1 3600 600 86400 60" },
	{ "www.child.example.test A", "NOERROR aa\nan www.child.example.test. 3600 A 192.0.2.66" },
};

static const struct row dnames[] = {
	{ "x.dn.example.test A", "NOERROR aa\nan dn.example.test. 600 DNAME target.example.test.\n"
	  "an x.dn.example.test. 600 CNAME x.target.example.test."
	  "\nan x.target.example.test. 3600 A 192.0.2.31" },
	{ "X.DN.example.test A", "NOERROR aa\nan DN.example.test. 600 DNAME target.example.test.\n"
	  "an X.DN.example.test. 600 CNAME X.target.example.test."
	  "\nan X.target.example.test. 3600 A 192.0.2.31" },
	{ "dn.example.test DNAME", "NOERROR aa\nan dn.example.test. 600 DNAME target.example.test." },
	{ "dn.example.test A", NODATA },
	{ "no.dn.example.test A", "NXDOMAIN aa\nan dn.example.test. 600 DNAME target.example.test.\n"
	  "an no.dn.example.test. 600 CNAME no.target.example.test.\nns " SOA },
	{ "a.b.y.dn.example.test A", "NOERROR aa\nan dn.example.test. 600 DNAME target.example.test.\n"
	  "an a.b.y.dn.example.test. 600 CNAME a.b.y.target.example.test."
	  "\nan a.b.y.target.example.test. 3600 A 192.0.2.32" },
	{ "x.dn.example.test CNAME", "NOERROR aa\nan dn.example.test. 600 DNAME target.example.test.\n"
	  "an x.dn.example.test. 600 CNAME x.target.example.test." },
	{ "www.dnout.example.test A", "NOERROR aa\nan dnout.example.test. 3600 DNAME other.test.\n"
	  "an www.dnout.example.test. 3600 CNAME www.other.test." },
	{ "dntail.example.test A", "NOERROR aa\nan dntail.example.test. 3600 CNAME x.dn.example.test.\n"
	  "an dn.example.test. 600 DNAME target.example.test."
	  "\nan x.dn.example.test. 600 CNAME x.target.example.test.\nan x.target.example.test. 3600 A 192.0.2.31" },
	{ "q.dnloop.example.test A", "NOERROR aa\nan dnloop.example.test. 3600 DNAME dnloop2.example.test.\n"
	  "an q.dnloop.example.test. 3600 CNAME q.dnloop2.example.test."
	  "\nan dnloop2.example.test. 3600 DNAME dnloop.example.test.\n"
	  "an q.dnloop2.example.test. 3600 CNAME q.dnloop.example.test." },
	/* nothing comes twice */
	{ "x.dnback.example.test DNAME", "NOERROR aa\nan dnback.example.test. 3600 DNAME back.example.test.\n"
	  "an x.dnback.example.test. 3600 CNAME x.back.example.test.\n"
	  "an x.back.example.test. 3600 CNAME dnback.example.test." },
	/* the new name is too long: RFC 6672 2.2 */
	{ A63 "." B63 "."
	  C50 ".dnlong.example.test A",
	  "YXDOMAIN aa\n"
	  "an dnlong.example.test. 3600 DNAME " A62 "." B36 ".example.test." },
};

static const struct row refusals[] = {
	{ "www.elsewhere.org A", "REFUSED" },
	{ "test A", "REFUSED" },
	{ ". NS", "REFUSED" },
	{ "www.elsewhere.org A edns=1232", "REFUSED\nopt 1232 ede=20" },
	{ "www.elsewhere.org A edns=4096 do rd", "REFUSED rd\nopt 1232 do ede=20" },
	{ "example.test AXFR tcp", "REFUSED" },
	{ "example.test AXFR", "REFUSED" },
	{ "example.test IXFR tcp", "REFUSED" },
	{ "www.example.test IXFR", "NOTAUTH" },
	{ "no.example.test AXFR tcp", "NOTAUTH" },
	{ "elsewhere.org AXFR tcp edns=1232", "NOTAUTH\nopt 1232 ede=20" },
	{ "www.example.test A class=ANY", "REFUSED" },
	{ "www.example.test A class=CLASS4", "REFUSED" },
	{ "www.example.test TXT class=CH", "cold" },
	{ "example.test SOA opcode=4", "REFUSED" },
	{ "EXAMPLE.test SOA opcode=4 edns=1232", "REFUSED\nopt 1232" },
	{ "www.example.test SOA opcode=4", "NOTAUTH" },
	{ "elsewhere.org SOA opcode=4 edns=1232", "NOTAUTH\nopt 1232" },
	{ "example.test SOA opcode=4 class=CH", "NOTAUTH" },
	{ "example.test A opcode=4", "FORMERR" },
	{ "example.test SOA opcode=5", "REFUSED" },
	{ "example.test SOA opcode=5 tcp", "REFUSED" },
	{ "elsewhere.org SOA opcode=5", "NOTAUTH" },
	{ "www.example.test A opcode=5", "FORMERR" },
	{ "example.test SOA opcode=1", "NOTIMP" },
	{ "example.test SOA opcode=6 rd", "NOTIMP rd" },
	{ ". A none", "FORMERR" },
	{ ". A none edns=1232", "FORMERR\nopt 1232" },
	{ "no.example.test A cd ad rd", NXDOMAIN_RD },
	{ "www.example.test A opcode=2 edns=512", "NOTIMP\nopt 1232" },
	{ "www.example.test A edns=1232 version=1", "BADVERS\nopt 1232" },
	{ "www.example.test A edns=1232 version=255 do", "BADVERS\nopt 1232 do" },
	{ "www.elsewhere.org A edns=1232 version=1", "BADVERS\nopt 1232" },
};

static const struct row edns[] = {
	{ "mail.example.test A edns=1232", "NOERROR aa\nan mail.example.test. 3600 A 192.0.2.25\nopt 1232" },
	{ "mail.example.test A edns=1", "NOERROR aa\nan mail.example.test. 3600 A 192.0.2.25\nopt 1232" },
	{ "mail.example.test A edns=65535 do", "NOERROR aa\nan mail.example.test. 3600 A 192.0.2.25\nopt 1232 do" },
	{ "mail.example.test A edns=1232 tcp", "NOERROR aa\nan mail.example.test. 3600 A 192.0.2.25\nopt 1232" },
	{ "mail.example.test A edns=1232 nsid", "NOERROR aa\nan mail.example.test. 3600 A 192.0.2.25\n"
	  "opt 1232 nsid=6e7331" },
	{ "no.example.test A edns=1232 do nsid", NXDOMAIN "\nopt 1232 do nsid=6e7331" },
	{ "nowhere.org A edns=1232 nsid", "REFUSED\nopt 1232 nsid=6e7331 ede=20" },
};

static struct kit kit;

static void setup(void)
{
	kit_init(&kit, zones, sizeof zones / sizeof *zones);
	kit.limits.nsid = (const uint8_t *)"ns1";
	kit.limits.nsid_len = 3;
}

static void teardown(void)
{
	kit_deinit(&kit);
}

static void ask_rows(const struct row *rows, size_t count)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		const char *got = kit_ask(&kit, rows[i].ask);
		if (strcmp(got, rows[i].want) == 0)
			continue;
		fprintf(stderr, "%s\n--- got\n%s\n--- wanted\n%s\n\n", rows[i].ask, got, rows[i].want);
		wrong++;
	}
	ck_assert_msg(wrong == 0, "%zu of %zu answers are wrong", wrong, count);
}

#define ROWS_TEST(name) \
	START_TEST(test_##name) \
	{ \
		ask_rows(name, sizeof name / sizeof *name); \
	} \
	END_TEST

ROWS_TEST(positive)
ROWS_TEST(negatives)
ROWS_TEST(wildcards)
ROWS_TEST(aliases)
ROWS_TEST(delegations)
ROWS_TEST(dnames)
ROWS_TEST(refusals)
ROWS_TEST(edns)

static unsigned links_in(const char *answer)
{
	unsigned n = 0;

	for (; (answer = strstr(answer, " CNAME ")) != NULL; answer++)
		n++;
	return n;
}

/* Followed to the bound, then a partial answer: not SERVFAIL. */
START_TEST(test_long_chain)
{
	const char *got = kit_ask(&kit, "l2.hop.test A edns=1232");
	ck_assert_uint_eq(links_in(got), IMAGE_CHAIN_MAX);
	ck_assert_ptr_nonnull(strstr(got, "an l18.hop.test. 100 A 203.0.113.9"));
	got = kit_ask(&kit, "l0.hop.test A edns=1232");
	ck_assert_uint_eq(links_in(got), IMAGE_CHAIN_MAX + 1);
	ck_assert_ptr_null(strstr(got, "203.0.113.9"));
	ck_assert(strncmp(got, "NOERROR aa\n", 11) == 0);
}
END_TEST

/* RFC 8945 5.3.2: the key is not known, so there is nothing to sign with. */
START_TEST(test_bad_key)
{
#define ASKED "\3www\7example\4test\0\0\1\0\1"
#define KEY "\3key\0\0\xfa\0\xff\0\0\0\0\0"
#define ALGORITHM "\4alg1\0" "\0\0\x65\4\3\2" "\1\x2c"
	static const char query[] = "\xbe\xef\1\0\0\1\0\0\0\0\0\2" ASKED "\0\0\x29\2\0\0\0\0\0\0\0"
				    KEY "\x19" ALGORITHM "\0\2" "mm" "\x12\x34\0\0\0\1" "o";
	static const char want[] = "\xbe\xef\x81\x09\0\1\0\0\0\0\0\2" ASKED "\0\0\x29\4\xd0\0\0\0\0\0\0"
				   KEY "\x16" ALGORITHM "\0\0" "\xbe\xef\0\x11\0\0";
	kit_ask_wire(&kit, (const uint8_t *)query, sizeof query - 1, ANSWER_UDP);
	ck_assert_uint_eq(kit.wire_len, sizeof want - 1);
	ck_assert_mem_eq(kit.wire, want, kit.wire_len);
}
END_TEST

static uint8_t *put_long_name(uint8_t *p)
{
	for (unsigned label = 0; label < 3; label++, p += 64)
		memset(memset(p, 63, 1) + 1, 'n', 63);
	return p + 1;
}

static uint8_t *put_octets(uint8_t *p, const char *octets, size_t n)
{
	memcpy(p, octets, n);
	return p + n;
}

/* Three names of 193 octets do not fit into 512: the rcode alone tells it. */
START_TEST(test_bad_key_without_room)
{
	uint8_t query[1024] = { 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1 };

	uint8_t *p = put_octets(put_long_name(query + 12), "\0\1\0\1", 4);
	p = put_octets(put_long_name(p), "\0\xfa\0\xff\0\0\0\0\0\xd1", 10);
	p = put_octets(put_long_name(p), "\0\0\x65\4\3\2" "\1\x2c" "\0\0" "\0\1\0\0\0\0", 16);
	ck_assert_str_eq(kit_ask_wire(&kit, query, (size_t)(p - query), ANSWER_UDP), "NOTAUTH");
	ck_assert_uint_eq(kit.wire_len, 12 + 193 + 4);
	kit_ask_wire(&kit, query, (size_t)(p - query), ANSWER_TCP);
	ck_assert_uint_eq(kit.wire_len, (size_t)(p - query));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer: static");
	TCase *t = tcase_create("rows");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_add_test(t, test_positive);
	tcase_add_test(t, test_negatives);
	tcase_add_test(t, test_wildcards);
	tcase_add_test(t, test_aliases);
	tcase_add_test(t, test_delegations);
	tcase_add_test(t, test_dnames);
	tcase_add_test(t, test_long_chain);
	tcase_add_test(t, test_refusals);
	tcase_add_test(t, test_edns);
	tcase_add_test(t, test_bad_key);
	tcase_add_test(t, test_bad_key_without_room);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
