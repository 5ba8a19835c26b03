"""What contrib/from-gdnsd writes and what it tells: each configuration here is one thing that gdnsd can say. Needs no gdnsd;
gdnsd_answers_test.py compares the answers of both."""
import os
import subprocess
import sys
import unittest

import func
from from_gdnsd import vscf, zones
from from_gdnsd.report import Fault

CONVERTER = os.path.join(func.SRC, "contrib", "from-gdnsd")
SOA = "@ SOA ns1 h ( 1 2 3 4 5 )\n@ NS ns1\nns1 A 192.0.2.1\n"
ST = "service_types => { t => { plugin => tcp_connect port => 25 }, w => { plugin => http_status vhost => a.example } }\n"


def one(plugin, resource, name="r"):
    return ST + f"plugins => {{ {plugin} => {{ {resource} }} }}", f"x 60 DYNA {plugin}!{name}\n"


# (what it is, config, zone, what stands in gemel.lua, what is told)
EXACT = [
    ("no configuration at all", None, "", ['node "solo" {'], []),
    ("listen with a port", "options => { listen => [ 192.0.2.1, \"[2001:db8::1]:5353\" ] dns_port => 54 }", "",
     ['listen = { "192.0.2.1:54", "[2001:db8::1]:5353" }'], []),
    ("limits", "options => { tcp_timeout => 15, max_edns_response => 1400, disable_cookies => TRUE, nsid => 6e7331 }", "",
     ["limits { tcp = { idle = 15 }, edns = 1400, cookies = \"off\" }", 'nsid = "ns1"'], []),
    ("options of gdnsd 2", "options => { zones_rfc1035_auto => true http_listen => [ 127.0.0.1 ] username => gdnsd dns_port => 53 }", "",
     ['node "solo" {'], []),
    ("defaults of a check", *one("simplefo", "service_types => t, r => { primary => 192.0.2.1, secondary => 192.0.2.2 }"),
     ['check "t" { script = "tcp", args = { port = 25 }, interval = 10, timeout = 5, retry = 10, fall = 10, rise = 20 }',
      'tiers = { { "192.0.2.1" },', '{ "192.0.2.2" } }', "ttl = { min = 30, max = 60 }"], []),
    ("http_status", *one("simplefo", "service_types => w, r => { primary => 192.0.2.1, secondary => 192.0.2.2 }"),
     ['script = "http", args = { port = 80, path = "/", expect = 200, host = "a.example" }'], []),
    ("two types", *one("multifo", "service_types => [ t, w ], r => [ 192.0.2.1 ]"), ['check = all { "t", "w" }'], []),
    ("no type is up", *one("multifo", "r => [ 192.0.2.1 192.0.2.2 ]"), ['check = "up"', 'check "up" { script = "checks/up.lua"'], []),
    ("down", *one("multifo", "service_types => down, r => [ 192.0.2.1 ]"), ['check = "down"'], []),
    ("share of three", *one("multifo", "service_types => t r => [ 192.0.2.1 192.0.2.2 192.0.2.3 ]"), ['need = "50%"'], []),
    ("any of many", *one("multifo", "service_types => t up_thresh => 0.01 r => [ 192.0.2.1 192.0.2.2 192.0.2.3 ]"), [], []),
    ("share that is no percentage", *one("multifo", "service_types => t up_thresh => 0.6667 r => [ 192.0.2.1 192.0.2.2 192.0.2.3 ]"),
     ['need = "67%"'], []),
    ("weights", *one("weighted", "service_types => t r => { a = [ 192.0.2.1, 45 ], b = [ 192.0.2.2, 60 ], c = [ 192.0.2.3, 75 ] }"),
     ["load = 90, answer = 1, pick = \"weighted\"", '{ "192.0.2.1", weight = 45, capacity = 45 }'], []),
    ("weights, any will do", *one("weighted", "service_types => t up_thresh => 0.1 r => { a = [ 192.0.2.1, 4 ], b = [ 192.0.2.2, 6 ] }"),
     ['{ "192.0.2.1", weight = 4 }, { "192.0.2.2", weight = 6 }'], []),
    ("two families of one weight sum", *one("weighted", "r => { addrs_v4 => { a = [ 192.0.2.1, 1 ] b = [ 192.0.2.2, 3 ] } "
                                                        "addrs_v6 => { a = [ 2001:db8::1, 2 ] b = [ 2001:db8::2, 8 ] } }"),
     ["load = 10", "capacity = 5", "capacity = 15", "capacity = 4", "capacity = 16"], []),
    ("types by family", *one("simplefo", "r => { service_types => t addrs_v4 => { primary => 192.0.2.1 secondary => 192.0.2.2 } } "),
     ['check = "t"'], []),
    ("some are not asked", *one("metafo", "resources => { r => { service_types => t datacenters => [ a b ] "
                                          "dcmap => { a => 192.0.2.1, b => { service_types => up x => 192.0.2.2 } } } }"),
     ['check = { script = "checks/tcp.lua", args = { port = 25, only = "192.0.2.1" }'], []),
    ("metafo of both families moves together", *one("metafo", "resources => { r => { datacenters => [ a ] "
                                                              "dcmap => { a => { addrs_v4 => 192.0.2.1 addrs_v6 => 2001:db8::1 } } } }"),
     ["couple = true"], []),
    ("a file name with a slash", None, "", [], []),
    ("a threshold for the whole plugin, another and a type for one resource",
     ST + "plugins => { multifo = { up_thresh = 0.3 service_types = up\n r = { a = 192.0.2.1 b = 192.0.2.2 c = 192.0.2.3 }\n"
     " s => { service_types => [ t ] up_thresh => 0.6 a => 2001:DB8::1, b => 2001:DB8::2, c => 2001:DB8::3 } } }",
     "x 60 DYNA multifo!r\ny 60 DYNA multifo!s\n",
     ['check = "up"', 'check = "t", need = "50%"', '{ "2001:db8::1", "2001:db8::2", "2001:db8::3" }'], []),
    ("names of datacenters and members", *one("metafo", "resources => { r => { service_types => t datacenters => [ ams, fra, sin ] "
                                                     "dcmap => { ams => 192.0.2.1 fra => { big => 192.0.2.2 } sin => [ 192.0.2.4 192.0.2.5 ] } } }"),
     ['{ { "192.0.2.1" },  -- ams\n', '{ "192.0.2.2" },  -- fra: big\n', '{ "192.0.2.4", "192.0.2.5" } } }  -- sin\n'], []),
    ("a name with a line's end in it", *one("multifo", "service_types => t r => { \"a\\010b\" => 192.0.2.1 }"), ["-- a?b\n"], []),
    ("one datacenter of several", *one("metafo", "resources => { r => { service_types => t datacenters => [ a, b ] "
                                              "dcmap => { a => 192.0.2.1 b => [ 192.0.2.2, 192.0.2.3 ] } } }", "r/b"),
     ['tiers = { { "192.0.2.2", "192.0.2.3" } }'], []),
    ("a program with the address among its words", "service_types => { e => { plugin => \"extmon\", direct => true, "
     "cmd => [ \"/usr/lib/check\", \"-H\", \"https://%%ITEM%%/ok\" ] } }\nplugins => { extmon => { helper_path => \"/usr/lib/helper\" } "
     "multifo => { r => { service_types => e, a => 192.0.2.1 } } }", "x 60 DYNA multifo!r\n",
     ['script = "checks/extmon.lua", args = { command = "/usr/lib/check', "fall = 1, rise = 1"], []),
    ("static and null", "plugins => { static => { a => 192.0.2.9 c => b.example.net. } null => {} }",
     "a 60 DYNA static!a\nc 60 DYNC static!c\nn 60 DYNA null\n", [], []),
]
TOLD = [
    ("geoip", "plugins => { geoip => { resources => {} } }", "x 60 DYNA geoip!www\n", [],
     ["zones/example.test:4: lost: x.example.test: geoip!www: nothing here answers by place"]),
    ("geoip, one datacenter", "plugins => { geoip => { maps => { m => { datacenters => [ a ] } } "
     "resources => { r => { map => m dcmap => { a => 192.0.2.1 } } } } }",
     "x 60 DYNA geoip!r/a\n", [], ["zones/example.test:4: lost: x.example.test: geoip!r/a: nothing here answers by place"]),
    ("several of one family, groups of the other", *one("weighted", "r => { multi => false addrs_v4 => { a = [ 192.0.2.1, 2 ] b = [ 192.0.2.2, 2 ] }\n"
     "addrs_v6 => { multi => true g => { a => [ 2001:db8::1, 4 ] } h => { b => [ 2001:db8::2, 1 ] } } }"),
     ['{ "2001:db8::1", weight = 4'], ["groups with multi: the answer is one address by its weight here, not one of each group"]),
    ("reflect", "plugins => { reflect => {} }", "x 60 DYNA reflect\n", [], ["zones/example.test:4: lost: x.example.test: reflect: the plugin reflect"]),
    ("extfile", "service_types => { e => { plugin => extfile file => x } }\nplugins => { multifo => { r => { service_types => e, a => 192.0.2.1 } } }",
     "x 60 DYNA multifo!r\n", ['check = "up"'], ["config:1: lost: e: the plugin extfile has no translation"]),
    ("a rise that is too long", "service_types => { t => { plugin => tcp_connect port => 1\n up_thresh => 200 } }\n"
     "plugins => { multifo => { r => { service_types => t, a => 192.0.2.1 } } }", "x 60 DYNA multifo!r\n", ["rise = 100"],
     ["config:2: differs: up_thresh = 200: rise is at most 100"]),
    ("both families", *one("multifo", "r => { service_types => t addrs_v4 => [ 192.0.2.1 ] addrs_v6 => [ 2001:db8::1 ] }"), [],
     ["config:2: differs: multifo!r: one family dead and the other alive"]),
    ("multi", *one("weighted", "r => { multi => true a = [ 192.0.2.1, 4 ], b = [ 192.0.2.2, 6 ] }"), ['pick = "weighted"'],
     ["config:2: differs: multi: the answer holds every address"]),
    ("groups", *one("weighted", "r => { g => { a = [ 192.0.2.1, 4 ] }, h => { b = [ 192.0.2.2, 6 ] } }"), ["answer = 1"],
     ["config:2: differs: groups: the answer is one address"]),
    ("CNAME by weight", ST + "plugins => { weighted => { r => { a = [ a.example.net., 1 ] b = [ b.example.net., 9 ] } } }",
     "x 60 DYNC weighted!r\n", [], ["zones/example.test:4: lost: x.example.test: a CNAME that depends on health"]),
    ("CNAME behind addresses", ST + "plugins => { metafo => { resources => { r => { datacenters => [ a b ] "
     "dcmap => { a => 192.0.2.1 b => b.example.net. } } } } }", "x 60 DYNC metafo!r\n", ['{ { "192.0.2.1" } }'],
     ["lost: x.example.test: the CNAME b.example.net. behind the addresses"]),
    ("the PROXY protocol", "options => { listen => { 192.0.2.1 => {}\n 192.0.2.1:5353 => { tcp_proxy => true } } }", "", ['listen = { "192.0.2.1" }'],
     ["config:2: lost: 192.0.2.1:5353: there is no PROXY protocol"]),
    ("an option of another kind", "options => { chaos_response => x }", "", [], ["config:1: differs: chaos_response:"]),
]
FAULTS = [
    ("options => { lissten => any }", "", "config:1: there is no option lissten"),
    ("options => {\n listen => 1.2.3 }", "", "config:2: 1.2.3 is no address"),
    ("plugins => { multifo => { a => [ 1.2.3.4 ]\n } ", "", "config:1: a hash without end"),
    ("plugins => { x => 1 x => 2 }", "", "config:1: the key x stands twice; first in line 1"),
    ("$include{nothing.cfg}", "", "config:1: no file nothing.cfg to include"),
    ("$include{config}", "", "does a file include itself?"),
    ("a => \"b", "", "config:1: a quoted string without end"),
    ("a => \\999", "", "config:1: \\999: expected three digits up to 255"),
    ("a 1", "", "config:1: no \"=>\" behind the key a"),
    ("a => " + "[" * 100, "", "config:1: nested deeper than 64"),
    (one("multifo", "r => { service_types => z, a => 192.0.2.1 }")[0], "x 60 DYNA multifo!r\n", "config:2: there is no service type z"),
    (ST, "x 60 DYNA multifo!r\n", "zones/example.test:4: multifo has no resource r"),
    ("", "$INCLUDE nowhere\n", "zones/nowhere: cannot be read"),
    ("", "$INCLUDE example.test\n", "includes deeper than 20"),
]


class Conversion(func.Case):
    def convert(self, config, zone):
        if os.path.isdir(self.scratch.path("old")):
            subprocess.run(["rm", "-r", self.scratch.path("old"), self.scratch.path("new")], check=False, stderr=subprocess.DEVNULL)
        os.makedirs(self.scratch.path("old", "zones"))
        if config is not None:
            self.scratch.write("old/config", config)
        self.scratch.write("old/zones/example.test", SOA + zone)
        run = subprocess.run([sys.executable, CONVERTER, self.scratch.path("old"), self.scratch.path("new"), "--node", "solo",
                              "--state", self.scratch.path("state"), "--control", self.scratch.path("c.sock")],
                             capture_output=True, text=True, check=False, timeout=60)
        return run.returncode, run.stderr

    def written(self, name="gemel.lua"):
        with open(self.scratch.path("new", name), encoding="latin-1") as f:
            return f.read()

    def check_written(self, expected):
        text = self.written()
        for part in expected:
            self.assertIn(part, text)
        status, out, err = self.run_gemeld("-t", "-c", self.scratch.path("new", "gemel.lua"))
        self.assertEqual((status, out), (0, ""), err + text)

    def test_exact(self):
        for what, config, zone, expected, _ in EXACT:
            with self.subTest(what=what):
                status, told = self.convert(config, zone)
                self.assertEqual(status, 0, told)
                self.check_written(expected)

    def test_told(self):
        for what, config, zone, expected, lines in TOLD:
            with self.subTest(what=what):
                status, told = self.convert(config, zone)
                self.assertEqual(status, 1, told)
                for line in lines:
                    self.assertIn(line, told)
                self.check_written(expected)

    def test_faults(self):
        for config, zone, line in FAULTS:
            with self.subTest(config=config):
                status, told = self.convert(config, zone)
                self.assertEqual(status, 2, told)
                self.assertIn(line, told)
                self.assertEqual(told.count("\n"), 1, told)
                self.assertFalse(os.path.exists(self.scratch.path("new")))

    def test_nothing_is_overwritten(self):
        self.convert(None, "")
        before = self.written()
        self.scratch.write("old/zones/second.test", SOA)
        run = subprocess.run([sys.executable, CONVERTER, self.scratch.path("old"), self.scratch.path("new")], capture_output=True,
                             text=True, check=False)
        self.assertEqual((run.returncode, self.written()), (2, before))
        self.assertIn("is not empty", run.stderr)

    def test_fixed_records(self):
        status, told = self.convert("plugins => { static => { a => 192.0.2.9 c => b.example.net. } null => {} }",
                                    "a 60 DYNA static!a\nc 60 DYNC static!c\nn 60 DYNA null\n")
        self.assertEqual(status, 0, told)
        for line in ("a.example.test. 60 A 192.0.2.9", "c.example.test. 60 CNAME b.example.net.", "n.example.test. 60 AAAA ::"):
            self.assertIn(line, self.written("zones/example.test"))

    def test_a_zone_below_a_slash(self):
        os.makedirs(self.scratch.path("old", "zones"))
        self.scratch.write("old/zones/0@25.2.0.192.in-addr.arpa", SOA)
        run = subprocess.run([sys.executable, CONVERTER, self.scratch.path("old"), self.scratch.path("new")], check=False)
        self.assertEqual(run.returncode, 0)
        self.assertIn('zone "0/25.2.0.192.in-addr.arpa" { file = "zones/0@25.2.0.192.in-addr.arpa" }', self.written())


class Language(func.Case):
    def parse(self, text):
        return vscf.load(self.scratch.write("config", text), self.scratch.name)

    def test_one_text_many_ways(self):
        for text in ('"braces{x}"', "braces\\{x\\}", "br\\097ces\\{x}".replace("}", "\\}"), '"br\\097ces{x}"'):
            with self.subTest(text=text):
                self.assertEqual(self.parse(f"a => {text}"), {"a": "braces{x}"})

    def test_shapes(self):
        for text, want in (("a=b", {"a": "b"}), ("a={b=[1 2,3]}", {"a": {"b": ["1", "2", "3"]}}), ("", {}), ("# x\n; y\n", {}),
                           ("a => {},", {"a": {}}), ('"a b" = [ [ ] { c = d } ]', {"a b": [[], {"c": "d"}]})):
            with self.subTest(text=text):
                self.assertEqual(self.parse(text), want)

    def test_lines(self):
        found = self.parse('a = b\n\nc = {\n  d = "x\ny"\n  e = f }')
        self.assertEqual([str(found["a"].where), str(found["c"]["e"].where)], ["config:1", "config:6"])

    def test_any_cut_is_a_fault_or_a_hash(self):
        whole = 'options => { listen => [ 1.2.3.4, "x\\"y" ] } # c\nplugins={a={b=\\097}}'
        for end in range(len(whole)):
            try:
                self.assertIsInstance(self.parse(whole[:end]), vscf.Hash)
            except Fault:
                pass


class ZoneText(unittest.TestCase):
    def test_entries(self):
        text = 'a A 1 ; x (\nb TXT "; ( "\n  MX 10 (\n c ) ; d\n\n$TTL 5\n'
        found = [(e.line, e.words, e.bare) for e in zones.entries(text) if e.words]
        self.assertEqual(found, [(1, ["a", "A", "1"], False), (2, ["b", "TXT", '"; ( "'], False), (3, ["MX", "10", "c"], True),
                                 (6, ["$TTL", "5"], False)])
        self.assertEqual("".join(e.raw for e in zones.entries(text)), text)

    def test_seconds(self):
        for text, want in (("60", 60), ("1h30m", 5400), ("1D", 86400), ("1w2", 604802)):
            self.assertEqual(zones.seconds(text), want)

    def test_long_strings(self):
        self.assertEqual(zones.split_strings('TXT "' + "\\065" * 256 + '"'), 'TXT "' + "\\065" * 255 + '" "\\065"')


if __name__ == "__main__":
    func.main()
