/* zone_parse: texts → records, or the exact words for what is wrong; then its bounds, and memory that runs out. */
#include "tests/unit/fault.h"
#include "tests/unit/zone_help.h"

static struct help_file files[] = {
	{ "sub.inc", "@ A 192.0.2.2\nx A 192.0.2.3\n$ORIGIN other\n" },
	{ "plain.inc", "y A 192.0.2.4\n" },
	{ "bad.inc", "$TTL 1h\nq A 1.2\n" },
	{ "loop.inc", "$INCLUDE loop.inc\n" },
	{ NULL, NULL },
};

static const struct {
	const char *name, *text, *records, *faults;
} cases[] = {
	{ "owner, TTL and class in either order",
	  "www 300 IN A 192.0.2.1\n"
	  "web IN 300 A 192.0.2.2\n"
	  "ftp 1h30m A 192.0.2.3\n"
	  "old in a 192.0.2.4\n",
	  "www.example.test 300 A c0000201\n"
	  "web.example.test 300 A c0000202\n"
	  "ftp.example.test 5400 A c0000203\n"
	  "old.example.test 5400 A c0000204\n",
	  "" },
	{ "a record inherits the owner above",
	  "$TTL 1h\n"
	  "www A 192.0.2.1\n"
	  "\tA 192.0.2.2\n"
	  "    AAAA 2001:db8::1\n",
	  "www.example.test 3600 A c0000201\n"
	  "www.example.test 3600 A c0000202\n"
	  "www.example.test 3600 AAAA 20010db8000000000000000000000001\n",
	  "" },
	{ "a duplicate is dropped, case folded in names",
	  "$TTL 1h\n"
	  "@ NS a.test.\n"
	  "@ NS A.TEST.\n"
	  "@ NS b.test.\n"
	  "w A 192.0.2.1\n"
	  "w A 192.0.2.1\n",
	  "example.test 3600 NS 0161047465737400\n"
	  "example.test 3600 NS 0162047465737400\n"
	  "w.example.test 3600 A c0000201\n",
	  "" },
	{ "owners fold, names in rdata do not",
	  "$TTL 1h\n"
	  "WwW CNAME Web.Example.TEST.\n",
	  "www.example.test 3600 CNAME 03576562074578616d706c65045445535400\n",
	  "" },
	{ "@, relative and absolute names",
	  "$TTL 1h\n"
	  "@ NS @\n"
	  "@ NS ns\n"
	  "@ NS ns.example.net.\n"
	  "example.test. NS .\n",
	  "example.test 3600 NS 076578616d706c65047465737400\n"
	  "example.test 3600 NS 026e73076578616d706c65047465737400\n"
	  "example.test 3600 NS 026e73076578616d706c65036e657400\n"
	  "example.test 3600 NS 00\n",
	  "" },
	{ "$ORIGIN, relative too",
	  "$TTL 1h\n"
	  "$ORIGIN sub\n"
	  "a A 192.0.2.1\n"
	  "$ORIGIN deep\n"
	  "@ A 192.0.2.2\n"
	  "$ORIGIN example.test.\n"
	  "b A 192.0.2.3\n",
	  "a.sub.example.test 3600 A c0000201\n"
	  "deep.sub.example.test 3600 A c0000202\n"
	  "b.example.test 3600 A c0000203\n",
	  "" },
	{ "the origin keeps its case for rdata",
	  "$ORIGIN Example.Test.\n"
	  "$TTL 1\n"
	  "x CNAME Y\n",
	  "x.example.test 1 CNAME 0159074578616d706c65045465737400\n",
	  "" },
	{ "parentheses join lines",
	  "$TTL 1h\n"
	  "@ SOA ns host (\n"
	  "\t1 ; serial\n"
	  "2h\n"
	  " 30m 2w ) 5\n",
	  "example.test 3600 SOA 026e73076578616d706c6504746573740004686f7374076578616d706c650474657374000000000100001c20000007080012750000000005\n",
	  "" },
	{ "parentheses may open anywhere",
	  "$TTL 1h\n"
	  "(www) (A\n"
	  "192.0.2.1)\n"
	  "x ((A) 192.0.2.2)\n",
	  "www.example.test 3600 A c0000201\n"
	  "x.example.test 3600 A c0000202\n",
	  "" },
	{ "comments, blank lines, CRLF, no last newline",
	  "; c\r\n"
	  "\r\n"
	  "$TTL 60 ; c\r\n"
	  "www A 192.0.2.1;c\r\n"
	  "   ; c\r\n"
	  "\tA 192.0.2.2",
	  "www.example.test 60 A c0000201\n"
	  "www.example.test 60 A c0000202\n",
	  "" },
	{ "strings: quoted, bare, empty, escaped",
	  "$TTL 1h\n"
	  "t TXT \"a b\" c \"\" \"x\\\"y\\065\\\\\"\n",
	  "t.example.test 3600 TXT 0361206201630005782279415c\n",
	  "" },
	{ "a quote after a word begins the next string",
	  "$TTL 1h\n"
	  "t TXT \"a\"\"b\"\n",
	  "t.example.test 3600 TXT 01610162\n",
	  "" },
	{ "escapes in owners",
	  "$TTL 1h\n"
	  "a\\.b\\065 A 192.0.2.1\n"
	  "\\* A 192.0.2.2\n",
	  "a\\.ba.example.test 3600 A c0000201\n"
	  "*.example.test 3600 A c0000202\n",
	  "" },
	{ "units of TTL",
	  "a 1w2d3h4m5s A 192.0.2.1\n"
	  "b 0 A 192.0.2.1\n"
	  "c 2147483647 A 192.0.2.1\n"
	  "d 1H A 192.0.2.1\n",
	  "a.example.test 788645 A c0000201\n"
	  "b.example.test 0 A c0000201\n"
	  "c.example.test 2147483647 A c0000201\n"
	  "d.example.test 3600 A c0000201\n",
	  "" },
	{ "$TTL rules over the last TTL stated",
	  "a 5 A 192.0.2.1\n"
	  "b A 192.0.2.1\n"
	  "$TTL 7\n"
	  "c 9 A 192.0.2.1\n"
	  "d A 192.0.2.1\n",
	  "a.example.test 5 A c0000201\n"
	  "b.example.test 5 A c0000201\n"
	  "c.example.test 9 A c0000201\n"
	  "d.example.test 7 A c0000201\n",
	  "" },
	{ "the SOA lends its minimum as TTL",
	  "@ SOA ns h 1 2 3 4 77\n"
	  "www A 192.0.2.1\n",
	  "example.test 77 SOA 026e73076578616d706c650474657374000168076578616d706c65047465737400000000010000000200000003000000040000004d\n"
	  "www.example.test 77 A c0000201\n",
	  "f:1:3: warning: no TTL and no $TTL before it, so the SOA's minimum, 77, is taken; expected $TTL in the first line\n" },
	{ "RFC 3597: unknown and known types, classes",
	  "$TTL 1h\n"
	  "a TYPE731 \\# 3 0a0b 0c\n"
	  "b CLASS1 TYPE1 192.0.2.1\n"
	  "c A \\# 4 C0000201\n"
	  "d TYPE999 \\# 0\n"
	  "e TYPE15 10 mail\n",
	  "a.example.test 3600 TYPE731 0a0b0c\n"
	  "b.example.test 3600 A c0000201\n"
	  "c.example.test 3600 A c0000201\n"
	  "d.example.test 3600 TYPE999 \n"
	  "e.example.test 3600 MX 000a046d61696c076578616d706c65047465737400\n",
	  "" },
	{ "common types",
	  "$TTL 1h\n"
	  "@ MX 10 mail\n"
	  "@ CAA 0 issue \"ca.test\"\n"
	  "_s._tcp SRV 1 2 443 www\n"
	  "d DS 1 13 2 ab cd\n"
	  "h HINFO PC Linux\n"
	  "p PTR a.\n"
	  "k DNAME b.\n",
	  "example.test 3600 MX 000a046d61696c076578616d706c65047465737400\n"
	  "example.test 3600 CAA 0005697373756563612e74657374\n"
	  "_s._tcp.example.test 3600 SRV 0001000201bb03777777076578616d706c65047465737400\n"
	  "d.example.test 3600 DS 00010d02abcd\n"
	  "h.example.test 3600 HINFO 025043054c696e7578\n"
	  "p.example.test 3600 PTR 016100\n"
	  "k.example.test 3600 DNAME 016200\n",
	  "" },
	{ "SVCB and HTTPS (RFC 9460)",
	  "$TTL 1h\n"
	  "a HTTPS 0 b.\n"
	  "b HTTPS 1 . alpn=h2 port=443\n"
	  "c SVCB 2 x. key667=\"a b\" alpn=\"h2,h3\"\n",
	  "a.example.test 3600 HTTPS 0000016200\n"
	  "b.example.test 3600 HTTPS 000100000100030268320003000201bb\n"
	  "c.example.test 3600 SVCB 000201780000010006026832026833029b0003612062\n",
	  "" },
	{ "NSEC bitmaps, with types far up",
	  "$TTL 1h\n"
	  "n NSEC a. A MX TYPE1234\n",
	  "n.example.test 3600 NSEC 01610000024001041b000000000000000000000000000000000000000000000000000020\n",
	  "" },
	{ "IPSECKEY's gateway is relative to the origin",
	  "$TTL 1h\n"
	  "i IPSECKEY 10 3 2 gw AAEC\n"
	  "j IPSECKEY 10 0 2 . AAEC\n"
	  "k IPSECKEY 10 1 2 192.0.2.1\n",
	  "i.example.test 3600 IPSECKEY 0a0302026777076578616d706c65047465737400000102\n"
	  "j.example.test 3600 IPSECKEY 0a0002000102\n"
	  "k.example.test 3600 IPSECKEY 0a0102c0000201\n",
	  "" },
	{ "CERT, TLSA, SSHFP, LOC, URI",
	  "$TTL 1h\n"
	  "a CERT PGP 0 0 AAEC\n"
	  "b TLSA DANE-EE SPKI SHA2-256 00ff\n"
	  "c SSHFP 1 1 ab\n"
	  "d URI 1 2 \"x:y\"\n"
	  "e LOC 0 0 0 N 0 0 0 E 0m\n",
	  "a.example.test 3600 CERT 0003000000000102\n"
	  "b.example.test 3600 TLSA 03010100ff\n"
	  "c.example.test 3600 SSHFP 0101ab\n"
	  "d.example.test 3600 URI 00010002783a79\n"
	  "e.example.test 3600 LOC 00121613800000008000000000989680\n",
	  "" },
	{ "$GENERATE with formats",
	  "$TTL 1h\n"
	  "$GENERATE 1-2 h-${0,3,d} A 192.0.2.$\n"
	  "$GENERATE 10-26/16 ${0,0,x}-${-1,2,X}-${0,4,o} A 192.0.2.1\n"
	  "$GENERATE 17-17 ${0,3,n} CNAME a\\$${0,5,N}\n",
	  "h-001.example.test 3600 A c0000201\n"
	  "h-002.example.test 3600 A c0000202\n"
	  "a-09-0012.example.test 3600 A c0000201\n"
	  "1a-19-0032.example.test 3600 A c0000201\n"
	  "1.1.example.test 3600 CNAME 0361243101310130076578616d706c65047465737400\n",
	  "" },
	{ "$GENERATE with TTL, class and quoted data",
	  "$GENERATE 0-0 t 5 IN TXT \"a b $\"\n",
	  "t.example.test 5 TXT 056120622030\n",
	  "" },
	{ "$INCLUDE keeps the outer origin and owner",
	  "$TTL 1h\n"
	  "www A 192.0.2.1\n"
	  "$INCLUDE sub.inc sub\n"
	  " AAAA 2001:db8::9\n"
	  "$INCLUDE plain.inc\n",
	  "www.example.test 3600 A c0000201\n"
	  "www.example.test 3600 AAAA 20010db8000000000000000000000009\n"
	  "sub.example.test 3600 A c0000202\n"
	  "x.sub.example.test 3600 A c0000203\n"
	  "y.example.test 3600 A c0000204\n",
	  "" },
	{ "$INCLUDE: faults name the file inside",
	  "$TTL 1h\n"
	  "$INCLUDE bad.inc\n"
	  "z A 192.0.2.1\n",
	  "z.example.test 3600 A c0000201\n",
	  "bad.inc:2:5: \"1.2\" is no IPv4 address; expected one such as 192.0.2.1\n" },
	{ "a label too long",
	  "$TTL 1h\n"
	  "www A 192.0.2.1\n"
	  "{a*300} A 192.0.2.2\n"
	  "x A 192.0.2.3\n",
	  "www.example.test 3600 A c0000201\n"
	  "x.example.test 3600 A c0000203\n",
	  "f:3:1: owner: a label of 300 octets; at most 63 are allowed\n" },
	{ "a label too long further on, in rdata",
	  "$TTL 1h\n"
	  "x CNAME ok.{b*64}.test.\n",
	  "",
	  "f:2:12: target: a label of 64 octets; at most 63 are allowed\n" },
	{ "a name too long",
	  "$TTL 1h\n"
	  "{c*63}.{c*63}.{c*63}.{c*63} A 192.0.2.1\n",
	  "",
	  "f:2:1: owner: a name of 270 octets; at most 255 are allowed\n" },
	{ "an empty label",
	  "$TTL 1h\n"
	  "a..b A 192.0.2.1\n"
	  ".a A 192.0.2.1\n",
	  "",
	  "f:2:3: owner \"a..b\" has an empty label; expected one dot between labels\n"
	  "f:3:1: owner \".a\" has an empty label; expected one dot between labels\n" },
	{ "bad escapes",
	  "$TTL 1h\n"
	  "a\\300 A 192.0.2.1\n"
	  "b\\1 A 192.0.2.1\n"
	  "t TXT \"x\\99\"\n"
	  "u TXT y\\\n",
	  "",
	  "f:2:2: the escape \"\\300\"; expected \\DDD with three digits up to 255, or \\ and a character that is no digit\n"
	  "f:3:2: the escape \"\\1\"; expected \\DDD with three digits up to 255, or \\ and a character that is no digit\n"
	  "f:4:9: the escape \"\\99\"; expected \\DDD with three digits up to 255, or \\ and a character that is no digit\n"
	  "f:5:8: the escape \"\\\"; expected \\DDD with three digits up to 255, or \\ and a character that is no digit\n" },
	{ "unknown types, with the near miss",
	  "$TTL 1h\n"
	  "a AAA 192.0.2.1\n"
	  "b CNAM c\n"
	  "c FROBNICATE d\n"
	  "d TYPE65536 \\# 0\n"
	  "e TYPE1x \\# 0\n",
	  "",
	  "f:2:3: unknown record type \"AAA\"; expected one such as A, AAAA or MX, or TYPE and its number; did you mean \"AAAA\"\n"
	  "f:3:3: unknown record type \"CNAM\"; expected one such as A, AAAA or MX, or TYPE and its number; did you mean \"CNAME\"\n"
	  "f:4:3: unknown record type \"FROBNICATE\"; expected one such as A, AAAA or MX, or TYPE and its number\n"
	  "f:5:3: unknown record type \"TYPE65536\"; expected one such as A, AAAA or MX, or TYPE and its number\n"
	  "f:6:3: unknown record type \"TYPE1x\"; expected one such as A, AAAA or MX, or TYPE and its number\n" },
	{ "types of questions",
	  "$TTL 1h\n"
	  "a ANY x\n"
	  "b AXFR x\n"
	  "c TYPE41 \\# 0\n",
	  "",
	  "f:2:3: \"ANY\" stands for a question or a message; expected a type that a zone can hold\n"
	  "f:3:3: \"AXFR\" stands for a question or a message; expected a type that a zone can hold\n"
	  "f:4:3: \"TYPE41\" stands for a question or a message; expected a type that a zone can hold\n" },
	{ "other classes",
	  "$TTL 1h\n"
	  "a CH A 192.0.2.1\n"
	  "b HS TXT x\n"
	  "c CLASS3 TXT x\n"
	  "d IN IN A 192.0.2.1\n",
	  "",
	  "f:2:3: class \"CH\"; expected IN\n"
	  "f:3:3: class \"HS\"; expected IN\n"
	  "f:4:3: class \"CLASS3\"; expected IN\n"
	  "f:5:6: a second class \"IN\"; expected a record type\n" },
	{ "TTLs that are none",
	  "a 3000000000 A 192.0.2.1\n"
	  "b 1x A 192.0.2.1\n"
	  "c 5 6 A 192.0.2.1\n"
	  "$TTL 99999999999999999999w\n"
	  "$TTL h\n"
	  "$TTL\n"
	  "$TTL 1 2\n",
	  "",
	  "f:1:3: TTL \"3000000000\" is out of range; expected 0 to 2147483647\n"
	  "f:2:3: TTL \"1x\" is no time; expected seconds, or a time such as 1h30m\n"
	  "f:3:5: a second TTL \"6\"; expected a record type\n"
	  "f:4:6: $TTL \"99999999999999999999w\" is out of range; expected 0 to 2147483647\n"
	  "f:5:6: $TTL \"h\" is no time; expected seconds, or a time such as 1h30m\n"
	  "f:6:1: incomplete; expected $TTL and one time, such as $TTL 1h\n"
	  "f:7:8: something is left over; expected $TTL and one time, such as $TTL 1h\n" },
	{ "no TTL at all is told once",
	  "a A 192.0.2.1\n"
	  "b A 192.0.2.1\n",
	  "b.example.test 0 A c0000201\n",
	  "f:1:3: no TTL here and no $TTL before it; expected $TTL in the first line, such as $TTL 1h\n" },
	{ "outside the zone; what inherits it is checked, not kept",
	  "$TTL 1h\n"
	  "www.example.org. A 192.0.2.1\n"
	  " A 192.0.2.2\n"
	  " A 192.0.2\n"
	  "x A 192.0.2.1\n",
	  "x.example.test 3600 A c0000201\n",
	  "f:2:1: www.example.org is outside the zone; expected names at or below example.test\n"
	  "f:4:4: \"192.0.2\" is no IPv4 address; expected one such as 192.0.2.1\n" },
	{ "fields that are missing",
	  "$TTL 1h\n"
	  "@ SOA ns host 1 2 3\n"
	  "@ MX 10\n"
	  "@ MX\n"
	  "a A\n"
	  "s SRV 1 2 3\n"
	  "c CNAME\n"
	  "t TXT\n",
	  "",
	  "f:2:19: SOA: the expiry is missing; expected 7 fields: primary server, mailbox, serial, refresh, retry, expiry, minimum\n"
	  "f:3:6: MX: the exchange is missing; expected 2 fields: preference, exchange\n"
	  "f:4:3: MX: the preference is missing; expected 2 fields: preference, exchange\n"
	  "f:5:3: A: the address is missing; expected 1 field: address\n"
	  "f:6:11: SRV: the target is missing; expected 4 fields: priority, weight, port, target\n"
	  "f:7:3: CNAME: the target is missing; expected 1 field: target\n"
	  "f:8:3: TXT: the text is missing; expected 1 field: text\n" },
	{ "fields left over",
	  "$TTL 1h\n"
	  "a A 192.0.2.1 192.0.2.2\n"
	  "m MX 10 a b\n"
	  "c CNAME a b\n",
	  "",
	  "f:2:15: A: \"192.0.2.2\" is left over; expected 1 field: address\n"
	  "f:3:11: MX: \"b\" is left over; expected 2 fields: preference, exchange\n"
	  "f:4:11: CNAME: \"b\" is left over; expected 1 field: target\n" },
	{ "numbers out of range",
	  "$TTL 1h\n"
	  "m MX 70000 a\n"
	  "m MX -1 a\n"
	  "m MX x a\n"
	  "d DS 1 300 2 aa\n"
	  "@ SOA a b 4294967296 1 1 1 1\n"
	  "c CERT 65536 0 0 AAEC\n",
	  "",
	  "f:2:6: preference \"70000\" is out of range; expected 0 to 65535\n"
	  "f:3:6: preference \"-1\" is no number; expected 0 to 65535\n"
	  "f:4:6: preference \"x\" is no number; expected 0 to 65535\n"
	  "f:5:8: algorithm \"300\" is out of range; expected 0 to 255\n"
	  "f:6:11: serial \"4294967296\" is out of range; expected 0 to 4294967295\n"
	  "f:7:8: certificate type \"65536\" is not valid; expected a certificate type such as PKIX, or its number\n" },
	{ "addresses",
	  "$TTL 1h\n"
	  "a A 192.0.2.256\n"
	  "b A 2001:db8::1\n"
	  "c AAAA 192.0.2.1\n"
	  "d AAAA 2001:db8:::1\n"
	  "e A 192.0.2.01\n"
	  "f A 192.0.2.1:53\n"
	  "g AAAA [::1]\n",
	  "",
	  "f:2:5: \"192.0.2.256\" is no IPv4 address; expected one such as 192.0.2.1\n"
	  "f:3:5: \"2001:db8::1\" is an IPv6 address; expected IPv4; did you mean AAAA\n"
	  "f:4:8: \"192.0.2.1\" is an IPv4 address; expected IPv6; did you mean A\n"
	  "f:5:8: \"2001:db8:::1\" is no IPv6 address; expected one such as 2001:db8::1\n"
	  "f:6:5: \"192.0.2.01\" is no IPv4 address; expected one such as 192.0.2.1\n"
	  "f:7:5: \"192.0.2.1:53\" is no IPv4 address; expected one such as 192.0.2.1\n"
	  "f:8:8: \"[::1]\" is no IPv6 address; expected one such as 2001:db8::1\n" },
	{ "no type",
	  "$TTL 1h\n"
	  "www\n"
	  "www 300 IN\n"
	  "A 192.0.2.1\n",
	  "",
	  "f:2:1: no record type; expected OWNER [TTL] [CLASS] TYPE DATA\n"
	  "f:3:1: no record type; expected OWNER [TTL] [CLASS] TYPE DATA\n"
	  "f:4:1: no record type after the owner \"A\"; expected OWNER TYPE DATA, or white space first to go on with the owner above\n" },
	{ "the first record has no owner",
	  "$TTL 1h\n"
	  " A 192.0.2.1\n"
	  "x A 192.0.2.2\n",
	  "x.example.test 3600 A c0000202\n",
	  "f:2:2: white space before the first record, which so has no owner; expected a name in column 1\n" },
	{ "a parenthesis that never closes; what follows is still checked",
	  "$TTL 1h\n"
	  "@ SOA ns host ( 1 2 3\n"
	  "  4 5\n"
	  "www A 192.0.2.1\n"
	  "bad A 1.2.3\n",
	  "www.example.test 3600 A c0000201\n",
	  "f:2:15: \"(\" is never closed; expected \")\" before the end of the file\n"
	  "f:5:7: \"1.2.3\" is no IPv4 address; expected one such as 192.0.2.1\n" },
	{ "a parenthesis that never opened",
	  "$TTL 1h\n"
	  "a A 192.0.2.1 )\n"
	  "b A 192.0.2.2\n",
	  "b.example.test 3600 A c0000202\n",
	  "f:2:15: \")\" without a \"(\" before it; expected both or none\n" },
	{ "a quote that does not close; what follows is still checked",
	  "$TTL 1h\n"
	  "t TXT \"abc\n"
	  "bad A 1.2.3\n"
	  "ok A 192.0.2.1\n",
	  "ok.example.test 3600 A c0000201\n",
	  "f:2:7: a quote opens here and does not close in its line; expected \"\n"
	  "f:3:7: \"1.2.3\" is no IPv4 address; expected one such as 192.0.2.1\n" },
	{ "a quote that does not close, in parentheses",
	  "$TTL 1h\n"
	  "t TXT ( \"abc )\n"
	  "ok A 192.0.2.1\n"
	  "u TXT ( \"abc\n"
	  " \"def\" )\n"
	  "ok A 192.0.2.2\n",
	  "ok.example.test 3600 A c0000201\n"
	  "ok.example.test 3600 A c0000202\n",
	  "f:2:9: a quote opens here and does not close in its line; expected \"\n"
	  "f:4:9: a quote opens here and does not close in its line; expected \"\n" },
	{ "a byte order mark",
	  "\357\273\277$TTL 1\n"
	  "a A 192.0.2.1\n",
	  "a.example.test 1 A c0000201\n",
	  "f:1:1: the file begins with a byte order mark (EF BB BF); expected plain text without one\n" },
	{ "UTF-16",
	  "\377\376a{NUL} {NUL}",
	  "",
	  "f:1:1: the file is UTF-16; expected plain text (ASCII)\n" },
	{ "a NUL octet",
	  "$TTL 1h\n"
	  "a A 192.{NUL}.2.1\n"
	  "b A 192.0.2.2\n",
	  "b.example.test 3600 A c0000202\n",
	  "f:2:9: a NUL octet; expected text (is this a zone file?)\n" },
	{ "unknown directives",
	  "$TTL 1h\n"
	  "$ORIGN x\n"
	  "$FOO\n"
	  "$ORIGIN\n"
	  "$ORIGIN a b\n"
	  "$origin ok\n"
	  "a A 192.0.2.1\n",
	  "a.ok.example.test 3600 A c0000201\n",
	  "f:2:1: unknown directive \"$ORIGN\"; expected $ORIGIN, $TTL, $INCLUDE or $GENERATE; did you mean \"$ORIGIN\"\n"
	  "f:3:1: unknown directive \"$FOO\"; expected $ORIGIN, $TTL, $INCLUDE or $GENERATE\n"
	  "f:4:1: incomplete; expected $ORIGIN and one name\n"
	  "f:5:11: something is left over; expected $ORIGIN and one name\n" },
	{ "$GENERATE: faults",
	  "$TTL 1h\n"
	  "$GENERATE 1-3 a A\n"
	  "$GENERATE 3-1 a A 192.0.2.1\n"
	  "$GENERATE 1-2/0 a A 192.0.2.1\n"
	  "$GENERATE 1-999999999 a$ A 192.0.2.1\n"
	  "$GENERATE 1-9 a$ A 192.0.2.${\n"
	  "$GENERATE 1-9 a${0,3,q} A 192.0.2.1\n"
	  "$GENERATE 1-9 a${-5} A 192.0.2.1\n"
	  "$GENERATE 254-300 a$ A 192.0.2.$\n"
	  "x A 192.0.2.9\n",
	  "a254.example.test 3600 A c00002fe\n"
	  "a255.example.test 3600 A c00002ff\n"
	  "x.example.test 3600 A c0000209\n",
	  "f:2:17: incomplete; expected $GENERATE START-STOP[/STEP] OWNER TYPE DATA\n"
	  "f:3:11: the range \"3-1\"; expected START-STOP or START-STOP/STEP, such as 1-254\n"
	  "f:4:11: the range \"1-2/0\"; expected START-STOP or START-STOP/STEP, such as 1-254\n"
	  "f:5:11: $GENERATE would make too many records; expected at most 1048576 in one zone\n"
	  "f:6:20: \"192.0.2.${\": a brace after $; expected ${OFFSET,WIDTH,BASE} with base d, o, x, X, n or N\n"
	  "f:7:15: \"a${0,3,q}\": a brace after $; expected ${OFFSET,WIDTH,BASE} with base d, o, x, X, n or N\n"
	  "f:8:15: \"a${-5}\": an offset that makes a negative number; expected 0 or more\n"
	  "f:9:19: \"192.0.2.256\" is no IPv4 address; expected one such as 192.0.2.1 (in a line that $GENERATE made)\n" },
	{ "$INCLUDE: faults",
	  "$TTL 1h\n"
	  "$INCLUDE\n"
	  "$INCLUDE none.inc\n"
	  "$INCLUDE \"\"\n"
	  "$INCLUDE loop.inc\n"
	  "$INCLUDE a b c\n",
	  "",
	  "f:2:1: incomplete; expected $INCLUDE FILE [ORIGIN]\n"
	  "f:3:10: cannot read \"none.inc\": not there; expected a file to include\n"
	  "f:4:10: \"\" is no file name; expected $INCLUDE FILE [ORIGIN]\n"
	  "loop.inc:1:10: \"loop.inc\" includes itself; expected another file\n"
	  "f:6:14: something is left over; expected $INCLUDE FILE [ORIGIN]\n" },
	{ "RFC 3597: faults",
	  "$TTL 1h\n"
	  "a TYPE731 \\#\n"
	  "b TYPE731 \\# x\n"
	  "c TYPE731 \\# 2 00\n"
	  "d TYPE731 \\# 1 0g\n"
	  "e TYPE731 \\# 1 000\n"
	  "f A \\# 3 000000\n"
	  "g MX \\# 4 000ac00c\n"
	  "h MX \\# 2 000a\n"
	  "i TYPE731 x\n",
	  "",
	  "f:2:11: the length is missing after \\#; expected \\# LENGTH HEX\n"
	  "f:3:14: the length \"x\" is no number; expected 0 to 65535\n"
	  "f:4:14: \\# says 2 octets and brings 1; expected both alike\n"
	  "f:5:16: \"0g\" is not hexadecimal; expected pairs of 0-9 and a-f\n"
	  "f:6:16: half an octet at the end of the data; expected an even number of hexadecimal digits\n"
	  "f:7:5: the octets after \\# are no A; expected its fields in wire form\n"
	  "f:8:6: the octets after \\# are no MX; expected its fields in wire form\n"
	  "f:9:6: the octets after \\# are no MX; expected its fields in wire form\n"
	  "f:10:11: TYPE731 has no text form here; expected \\# LENGTH HEX (RFC 3597)\n" },
	{ "strings: faults",
	  "$TTL 1h\n"
	  "t TXT {z*256}\n"
	  "u TXT a\"b\n",
	  "",
	  "f:2:7: text: a string of 256 octets; at most 255 are allowed, so split it into several, each in quotes\n"
	  "f:3:8: a quote opens here and does not close in its line; expected \"\n" },
	{ "base64, hexadecimal and times",
	  "$TTL 1h\n"
	  "a DNSKEY 256 3 8 A?==\n"
	  "b DS 1 8 2 abc\n"
	  "c DS 1 8 2 zz\n"
	  "d RRSIG A 8 2 1 2026 20260101000000 1 a. AAEC\n",
	  "d.example.test 3600 RRSIG 0001080200000001000007ea6955b9000001016100000102\n",
	  "f:2:18: key \"A?==\" is not valid; expected base64\n"
	  "f:3:12: digest \"abc\" is not valid; expected hexadecimal digits in pairs\n"
	  "f:4:12: digest \"zz\" is not valid; expected hexadecimal digits in pairs\n" },
	{ "SVCB: what ldns would misread",
	  "$TTL 1h\n"
	  "a HTTPS 1 . port=70000\n"
	  "b HTTPS 1 . alpn\n"
	  "c HTTPS 1 . port=1 port=2\n"
	  "d HTTPS 1 . ipv6hint={1*46}\n"
	  "e HTTPS 1 . key06={1*46}\n"
	  "f HTTPS 1 . ipv6hint=::,{1*46}\n"
	  "g HTTPS 1 . port=\"443\"\n",
	  "g.example.test 3600 HTTPS 0001000003000201bb\n",
	  "f:2:13: parameters \"port=70000\" is not valid; expected KEY=VALUE pairs such as alpn=h2 port=443, each key once (RFC 9460)\n"
	  "f:3:13: parameters \"alpn\" is not valid; expected KEY=VALUE pairs such as alpn=h2 port=443, each key once (RFC 9460)\n"
	  "f:4:13: parameters \"port=1 port=2\" is not valid; expected KEY=VALUE pairs such as alpn=h2 port=443, each key once (RFC 9460)\n"
	  "f:5:13: parameters \"ipv6hint=1111111111111111111111111111111111111111111...\" is not valid; expected KEY=VALUE pairs such as alpn=h2 port=443, each key once (RFC 9460)\n"
	  "f:6:13: parameters \"key06=1111111111111111111111111111111111111111111111\" is not valid; expected KEY=VALUE pairs such as alpn=h2 port=443, each key once (RFC 9460)\n"
	  "f:7:13: parameters \"ipv6hint=::,1111111111111111111111111111111111111111...\" is not valid; expected KEY=VALUE pairs such as alpn=h2 port=443, each key once (RFC 9460)\n" },
	{ "APL, LOC, EUI48, WKS",
	  "$TTL 1h\n"
	  "a APL 1:192.0.2.0/33\n"
	  "b APL 1:192.0.2.0/300\n"
	  "c LOC here\n"
	  "d EUI48 00-00\n"
	  "e WKS 192.0.2.1 TCP smtp\n",
	  "",
	  "f:2:7: prefix \"1:192.0.2.0/33\" is not valid; expected [!]FAMILY:ADDRESS/PREFIX such as 1:192.0.2.0/24\n"
	  "f:3:7: prefix \"1:192.0.2.0/300\" is not valid; expected [!]FAMILY:ADDRESS/PREFIX such as 1:192.0.2.0/24\n"
	  "f:4:7: position \"here\" is not valid; expected a position such as 52 22 23 N 4 53 32 E 0m (RFC 1876)\n"
	  "f:5:9: address \"00-00\" is not valid; expected six octets such as 00-00-5e-00-53-2a\n"
	  "f:6:7: WKS has no text form here; expected \\# LENGTH HEX (RFC 3597)\n" },
	{ "empty data where some is needed",
	  "$TTL 1h\n"
	  "a DNSKEY 256 3 8 0\n"
	  "b NSAP 0x\n"
	  "c DS 1 8 2 \"\"\n"
	  "d CAA 0 issue \"\"\n",
	  "d.example.test 3600 CAA 00056973737565\n",
	  "f:2:18: key \"0\" is not valid; expected base64\n"
	  "f:3:8: field 1 \"0x\" is not valid; expected 0x and hexadecimal digits\n"
	  "f:4:12: digest \"\" is not valid; expected hexadecimal digits in pairs\n" },
	{ "NSEC3, its salt and a hash that is cut",
	  "$TTL 1h\n"
	  "a NSEC3 1 1 12 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
	  "b NSEC3 1 1 12 ab 2t7b4g4vsa5smi47k61math=/q A\n",
	  "a.example.test 3600 NSEC3 0101000c0014174eb2409fe28bcb4887a1836f957f0a8425e27b000140\n",
	  "f:3:19: next hash \"2t7b4g4vsa5smi47k61math=/q\" is not valid; expected a hash in base32hex\n" },
	{ "HIP, APL, NAPTR, EUI64, NID, CSYNC",
	  "$TTL 1h\n"
	  "a HIP 2 200100107B1A74DF365639CC39F1D578 AAEC srv\n"
	  "b APL 1:192.0.2.0/24 !2:2001::/16\n"
	  "c NAPTR 1 2 u E2U+sip \"!a!b!\" .\n"
	  "d EUI64 00-00-5e-ef-10-00-00-2a\n"
	  "e NID 1 0:1:2:3\n"
	  "f CSYNC 1 3 A NS\n",
	  "a.example.test 3600 HIP 10020003200100107b1a74df365639cc39f1d57800010203737276076578616d706c65047465737400\n"
	  "b.example.test 3600 APL 00011803c00002000210822001\n"
	  "c.example.test 3600 NAPTR 000100020175074532552b73697005216121622100\n"
	  "d.example.test 3600 EUI64 00005eef1000002a\n"
	  "e.example.test 3600 NID 00010000000100020003\n"
	  "f.example.test 3600 CSYNC 000000010003000160\n",
	  "" },
	{ "meant otherwise: a missing final dot",
	  "$TTL 1h\n"
	  "www.example.test A 192.0.2.1\n"
	  "@ MX 10 mail.example.test\n",
	  "www.example.test.example.test 3600 A c0000201\n"
	  "example.test 3600 MX 000a046d61696c076578616d706c650474657374076578616d706c65047465737400\n",
	  "f:2:1: warning: owner \"www.example.test\" has no final dot, so the zone's name stands in it twice; did you mean \"www.example.test.\"\n"
	  "f:3:9: warning: exchange \"mail.example.test\" has no final dot, so the zone's name stands in it twice; did you mean \"mail.example.test.\"\n" },
	{ "meant otherwise: an address as a name, an @ in a mailbox",
	  "$TTL 1h\n"
	  "@ NS 192.0.2.1\n"
	  "@ SOA ns host@example.test. 1 2 3 4 5\n"
	  "@ RP me@home t\n",
	  "example.test 3600 NS 03313932013001320131076578616d706c65047465737400\n"
	  "example.test 3600 SOA 026e73076578616d706c650474657374000c686f7374406578616d706c650474657374000000000100000002000000030000000400000005\n"
	  "example.test 3600 RP 076d6540686f6d65076578616d706c650474657374000174076578616d706c65047465737400\n",
	  "f:2:6: warning: server \"192.0.2.1\" is an address read as a name; expected the name of a host\n"
	  "f:3:10: warning: mailbox \"host@example.test.\" has an @ in it; expected a dot instead, as in hostmaster.example.test.\n"
	  "f:4:6: warning: mailbox \"me@home\" has an @ in it; expected a dot instead, as in hostmaster.example.test.\n" },
	{ "meant otherwise: a text cut by a comment",
	  "$TTL 1h\n"
	  "d TXT v=DKIM1;k=rsa\n",
	  "d.example.test 3600 TXT 07763d444b494d31\n",
	  "f:2:7: warning: the text ends here, for \";\" begins a comment; did you mean to put the text in quotes\n" },
	{ "all faults in one run",
	  "$TTL 1h\n"
	  "a A x\n"
	  "b AAAA y\n"
	  "c FOO z\n"
	  "d A 192.0.2.1\n"
	  "$BAR\n",
	  "d.example.test 3600 A c0000201\n",
	  "f:2:5: \"x\" is no IPv4 address; expected one such as 192.0.2.1\n"
	  "f:3:8: \"y\" is no IPv6 address; expected one such as 2001:db8::1\n"
	  "f:4:3: unknown record type \"FOO\"; expected one such as A, AAAA or MX, or TYPE and its number\n"
	  "f:6:1: unknown directive \"$BAR\"; expected $ORIGIN, $TTL, $INCLUDE or $GENERATE\n" },
	{ "control octets in a message",
	  "$TTL 1h\n"
	  "a A \001\177\351\n",
	  "",
	  "f:2:5: \"\\001\\127\\233\" is no IPv4 address; expected one such as 192.0.2.1\n" },
};

START_TEST(parses)
{
	struct zone *z = help_zone("example.test");
	struct bytes records, faults;
	struct diags d;

	diags_init(&d);
	(void)help_parse(z, cases[_i].text, files, &d);
	help_records(&records, z);
	help_faults(&faults, &d);
	ck_assert_msg(strcmp(help_string(&records), cases[_i].records) == 0, "%s: records are\n%s", cases[_i].name,
		      records.data);
	ck_assert_msg(strcmp(help_string(&faults), cases[_i].faults) == 0, "%s: faults are\n%s", cases[_i].name,
		      faults.data);
	bytes_deinit(&records);
	bytes_deinit(&faults);
	diags_deinit(&d);
	zone_free(z);
}
END_TEST

/* ---- bounds ---- */

/* Parses text and wants the first fault to hold `want`, and count faults in all. */
static void refuse(const char *text, size_t count, const char *want)
{
	struct zone *z = help_zone("example.test");
	struct diags d;

	diags_init(&d);
	ck_assert_int_eq(help_parse(z, text, files, &d), ERR_FORMAT);
	ck_assert_uint_eq(d.errors, count);
	ck_assert_msg(strstr(d.list[0].text, want) != NULL, "says %s", d.list[0].text);
	diags_deinit(&d);
	zone_free(z);
}

START_TEST(a_line_has_a_bound)
{
	refuse("$TTL 1\nt TXT {a*262144}\nx A 192.0.2.1\n", 1, "a line of more than 262144 octets");
	refuse("$TTL 1\nt TXT \"{a*262144}", 1, "a quote opens here");
	refuse("$TTL 1\nt TXT {a*262144}", 1, "a line of more than");
	refuse("$TTL 1\nt TXT ( a\n{ *262144}\n ) x", 1, "\"(\" is not closed within 262144 octets");
}
END_TEST

/* Each open parenthesis makes the parser look ahead a whole ZONE_LINE_MAX, so the number of faults has to end it. */
START_TEST(faults_have_a_bound)
{
	struct zone *z = help_zone("example.test");
	struct bytes text;
	struct diags d;

	bytes_init(&text, 1 << 26);
	for (unsigned i = 0; i < 4 * DIAG_MAX; i++)
		bytes_printf(&text, "a%u A (\n", i);
	diags_init(&d);
	ck_assert_int_eq(help_parse(z, help_string(&text), NULL, &d), ERR_FORMAT);
	ck_assert_uint_eq(d.errors, DIAG_MAX);
	diags_deinit(&d);
	bytes_deinit(&text);
	zone_free(z);
}
END_TEST

START_TEST(an_rrset_has_a_bound)
{
	struct zone *z = help_zone("example.test");
	struct bytes text;
	struct diags d;

	bytes_init(&text, 1 << 26);
	bytes_printf(&text, "$TTL 1\n");
	for (unsigned i = 0; i <= ZONE_RRSET_MAX; i++)
		bytes_printf(&text, "a A 10.0.%u.%u\n", i >> 8, i & 255);
	diags_init(&d);
	ck_assert_int_eq(help_parse(z, help_string(&text), NULL, &d), ERR_FORMAT);
	ck_assert_uint_eq(d.errors, 1);
	ck_assert_ptr_nonnull(strstr(d.list[0].text, "at most 4096 of one type at a.example.test"));
	ck_assert_uint_eq(d.list[0].line, ZONE_RRSET_MAX + 2);
	ck_assert_uint_eq(z->record_count, ZONE_RRSET_MAX);
	diags_deinit(&d);
	bytes_deinit(&text);
	zone_free(z);
}
END_TEST

/* The longest text that a record can need is not refused: 65,000 octets, each an escape. */
START_TEST(the_longest_record_fits)
{
	struct zone *z = help_zone("example.test");
	const struct zone_rrset *set;
	struct bytes text;
	struct diags d;

	bytes_init(&text, 1 << 26);
	bytes_printf(&text, "$TTL 1\n@ TXT");
	for (unsigned i = 0; i < 254; i++) {
		bytes_u8(&text, ' ');
		for (unsigned k = 0; k < 255; k++)
			bytes_printf(&text, "\\%03u", k);
	}
	diags_init(&d);
	ck_assert_int_eq(help_parse(z, help_string(&text), NULL, &d), 0);
	set = zone_node_rrset(zone_find(z, z->apex), DNS_TYPE_TXT);
	ck_assert_uint_eq(set->rdata[0].len, 254 * 256);
	ck_assert_uint_eq(set->rdata[0].wire[254 * 256 - 1], 254);
	diags_deinit(&d);
	bytes_deinit(&text);
	zone_free(z);
	refuse("$TTL 1\n@ DHCID {A*87384}\n", 1, "at most 87380 are allowed");
	refuse("$TTL 1\n@ TYPE9999 \\# 65536 {0*131072}\n", 1, "out of range");
	refuse("$TTL 1\n@ TYPE9999 \\# 65535 {0*131072}\n", 1, "brings 65535 or more");
}
END_TEST

/* Every name is the same file under another name, so that only the bounds end it. */
static int read_endless(void *ctx, const char *from, const char *name, const char **path, const char **text,
			size_t *len)
{
	static const char endless[] = "$INCLUDE a\n$INCLUDE b\n$INCLUDE c\n";

	(void)from;
	ck_assert_ptr_nonnull(name);
	*path = arena_printf(ctx, "file-%zu", ((struct arena *)ctx)->used);
	*text = endless;
	*len = sizeof endless - 1;
	return 0;
}

START_TEST(includes_have_bounds)
{
	static const char text[] = "$INCLUDE x\n";
	struct zone *z = help_zone("example.test");
	struct arena names;
	struct diags d;

	arena_init(&names, 0);
	diags_init(&d);
	ck_assert_int_eq(zone_parse(z, "f", text, sizeof text - 1, read_endless, &names, &d), ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(d.list[0].text, "at most 8 files within each other and 1000 in all"));
	ck_assert_int_eq(zone_parse(z, "f", text, sizeof text - 1, NULL, NULL, &d), ERR_FORMAT);
	diags_deinit(&d);
	arena_deinit(&names);
	zone_free(z);
}
END_TEST

START_TEST(generate_has_a_bound)
{
	struct zone *z = help_zone("example.test");
	struct diags d;

	diags_init(&d);
	ck_assert_int_eq(help_parse(z, "$TTL 1\n$GENERATE 0-9999 a$ A 192.0.2.1\n$GENERATE 0-1048575 b$ A 192.0.2.1\n",
				    NULL, &d), ERR_FORMAT);
	ck_assert_uint_eq(d.errors, 1);
	ck_assert_uint_eq(z->record_count, 10000);
	diags_deinit(&d);
	zone_free(z);
}
END_TEST

/* ---- zones other than the usual ---- */

START_TEST(the_root_is_a_zone)
{
	struct zone *z = help_zone(".");
	struct diags d;

	diags_init(&d);
	ck_assert_int_eq(help_parse(z, "$TTL 1\n@ SOA a. b. 1 2 3 4 5\n@ NS a\na A 192.0.2.1\nx.y A 192.0.2.2\n", NULL,
				    &d), 0);
	ck_assert_int_eq(zone_check(z, &d), 0);
	ck_assert_uint_eq(d.count, 0);
	ck_assert_uint_eq(z->node_count, 4);
	ck_assert_uint_eq(z->nodes[0]->name_len, 1);
	ck_assert_uint_eq(zone_find(z, (const uint8_t *)"\1y")->flags, ZONE_NODE_EMPTY);
	diags_deinit(&d);
	zone_free(z);
}
END_TEST

START_TEST(records_outside_are_refused)
{
	static const uint8_t other[] = "\5other\4test", inside[] = "\1a\7example\4test", ip[4] = { 192, 0, 2, 1 };
	struct zone *z = help_zone("example.test");

	ck_assert_int_eq(zone_add(z, other, DNS_TYPE_A, 1, ip, 4, "f", 1), ERR_RANGE);
	ck_assert_int_eq(zone_mark_live(z, other, 60), ERR_RANGE);
	ck_assert_int_eq(zone_add(z, inside, DNS_TYPE_A, 1, ip, 65536, "f", 1), ERR_LIMIT);
	ck_assert_uint_eq(z->node_count, 0);
	ck_assert_int_eq(zone_add(z, inside, DNS_TYPE_A, 1, ip, 4, "f", 1), 0);
	ck_assert_ptr_eq(zone_find(z, inside), z->nodes[0]);
	ck_assert_ptr_null(zone_find(z, z->apex));
	zone_free(z);
}
END_TEST

START_TEST(types_have_names)
{
	char text[ZONE_TYPE_TEXT_MAX];

	ck_assert_uint_eq(zone_type_find("aaaa", 4), 28);
	ck_assert_uint_eq(zone_type_find("TYPE65535", 9), 65535);
	ck_assert_uint_eq(zone_type_find("type1", 5), 1);
	ck_assert_uint_eq(zone_type_find("TYPE0", 5), 0);
	ck_assert_uint_eq(zone_type_find("TYPE01", 6), 0);
	ck_assert_uint_eq(zone_type_find("TYPE", 4), 0);
	ck_assert_uint_eq(zone_type_find("A\0", 2), 0);
	ck_assert_uint_eq(zone_type_find("", 0), 0);
	ck_assert_str_eq(zone_type_text(65, text), "HTTPS");
	ck_assert_str_eq(zone_type_text(731, text), "TYPE731");
	ck_assert_str_eq(zone_type_nearest("NAPT", 4), "NAPTR");
	ck_assert_ptr_null(zone_type_nearest("frobnicate", 10));
}
END_TEST

/* ---- memory ---- */

/* With the Nth allocation refused, N = 1, 2, …: ERR_NOMEM or all well, never a crash or a half zone called whole. */
START_TEST(memory_may_run_out)
{
	static const char text[] = "$TTL 1h\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n A 192.0.2.2\n"
				   "a.b.c TXT \"x\"\n$INCLUDE plain.inc\n$GENERATE 1-3 g$ A 192.0.2.$\ns NS ns.s\n"
				   "ns.s AAAA 2001:db8::1\n";
	bool done = false;

	for (unsigned n = 1; !done; n++) {
		uint8_t apex[] = "\7example\4test";
		struct zone *z = NULL;
		struct diags d;
		int rc, check = 0;

		diags_init(&d);
		fault_arm(n);
		rc = zone_new(&z, apex, &help_key);
		if (rc == 0)
			rc = zone_parse(z, "f", text, sizeof text - 1, help_read, files, &d);
		if (rc == 0)
			check = zone_check(z, &d);
		done = !fault_disarm();
		ck_assert_msg(rc == 0 || rc == ERR_NOMEM, "allocation %u: %d", n, rc);
		ck_assert_msg(check == 0 || check == ERR_NOMEM, "allocation %u: %d", n, check);
		ck_assert(!done || (rc == 0 && check == 0 && z->record_count == 11));
		zone_free(z);
		diags_deinit(&d);
		ck_assert_uint_lt(n, 10000);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("zone_parse");
	TCase *t = tcase_create("table");

	tcase_add_loop_test(t, parses, 0, (int)(sizeof cases / sizeof *cases));
	suite_add_tcase(s, t);
	t = tcase_create("bounds");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_line_has_a_bound);
	tcase_add_test(t, faults_have_a_bound);
	tcase_add_test(t, an_rrset_has_a_bound);
	tcase_add_test(t, the_longest_record_fits);
	tcase_add_test(t, includes_have_bounds);
	tcase_add_test(t, generate_has_a_bound);
	tcase_add_test(t, the_root_is_a_zone);
	tcase_add_test(t, records_outside_are_refused);
	tcase_add_test(t, types_have_names);
	tcase_add_test(t, memory_may_run_out);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
