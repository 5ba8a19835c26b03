"""gdnsd on a configuration of its own, gemeld on what contrib/from-gdnsd makes of it, and the same questions to both: with
every back end up, with some down, and with one site down."""
import os
import shutil
import subprocess
import sys
import unittest

import func
from gemelkit import TYPES, ask, free_port, resolve, wait_until

GDNSD = shutil.which("gdnsd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
CONVERTER = os.path.join(func.SRC, "contrib", "from-gdnsd")
SITE = {name: f"127.0.77.{i}" for i, name in enumerate(("one", "two", "three", "four", "five", "six"), 1)}
ASKED = 60  # times, where one of several addresses is drawn; with weights of 1 in 6 all are missed once in 10^4 runs at most

CONFIG = """
# a comment        ; and another
options => { listen => { 127.0.0.1:%(gdnsd)d => { udp_threads => 1 } }, zones_default_ttl = 3600
  run_dir => "%(run)s" state_dir => "%(state)s", edns_client_subnet => false, nsid_ascii => "old" }
service_types => {
  tcp => { plugin => tcp_connect, port => %(port)d, up_thresh => 1, down_thresh => 1, interval => 2, timeout => 1 }
  $include{ types.cfg }
}
plugins => { $include{plugins.d}, multifo => $include{"multi fo"} }
"""
TYPES_CFG = """
web => { plugin => http_status, port => %(port)d, url_path => "/", vhost => www.example.test, ok_codes => [ 200 204 ]
         up_thresh => 1, down_thresh => 1, interval => 2, timeout => 1, }
program => { plugin => extmon, cmd => [ /bin/bash, "-c", "exec 3<>/dev/tcp/%%%%ITEM%%%%/%(port)d" ]
             direct => true, interval => 2, timeout => 1 }
"""
PLUGINS = {
    "simplefo": """simplefo => {
  service_types => tcp
  plain => { primary => %(one)s secondary => %(two)s }
  asked => { service_types => [ tcp, web ], primary => %(one)s, secondary => %(three)s }
  program => { service_types = program primary = %(two)s secondary = %(four)s }
  unasked => { service_types => up primary => %(six)s, secondary => %(one)s }
}
""",
    "weighted": """weighted => {
  service_types => tcp, up_thresh => 0.3
  one => { a => [ %(one)s, 3 ], b => [ %(two)s, 2 ], c => [ %(three)s, 1 ] }
  strict => { up_thresh => 0.9 a => [ %(one)s, 3 ], b => [ %(two)s, 2 ], c => [ %(three)s, 1 ] }
}
""",
    "metafo": """metafo => {
  service_types => [ tcp ]
  resources => {
    sites => {
      datacenters => [ ams, fra, last ]
      dcmap => { ams => [ %(one)s, %(two)s ], fra => { a => %(three)s, b => %(four)s }, last => { service_types => up, x => %(six)s } }
    }
    nested => { datacenters => [ a, b ], dcmap => { a => %%simplefo!plain, b => !list } }
    skipping => { skip_first => true, datacenters => [ a, b ], dcmap => { a => %(five)s, b => %(one)s } }
  }
}
""",
}
MULTIFO = """
service_types => web
trio => { up_thresh => 0.5, lb1 => %(one)s, lb2 => %(two)s, lb3 => %(three)s }
most => { up_thresh = 1.0, lb1 = %(one)s, lb2 = %(two)s }
list => { service_types => tcp, addrs_v4 => [ %(three)s %(four)s ] }
"""
ZONE = """
@ SOA ns1 hostmaster ( 1 2H 30M ; comment
                       3D 300 )
  NS ns1
  NS ns2.@Z
ns1 A 192.0.2.53
ns2 A 192.0.2.54
plain 120/30 DYNA simplefo!plain
      MX 10 mail ; belongs to plain
asked   20 DYNA simplefo!asked
prog    60 IN DYNA simplefo!program
unasked 60 DYNA simplefo!unasked
trio    60/10 DYNA multifo!trio
most    60 DYNA multifo!most
list    60 DYNC multifo!list
one     60 DYNA weighted!one
strict  60 DYNA weighted!strict
@       60 DYNA metafo!sites
fra     60 DYNA metafo!sites/fra
nested  60 DYNA metafo!nested
skip    60 DYNA metafo!skipping
*.wild  60 DYNA multifo!list
static  60 DYNA static!fixed
mail    A 192.0.2.25
long    TXT "%(long)s"
srv._tcp SRV 5 500 80 mail
$INCLUDE inc/more sub
after   A 192.0.2.7
        AAAA 2001:db8::7
"""
INCLUDED = """$TTL 77
$ORIGIN deep
here A 192.0.2.8
$ORIGIN flat.@F
here A 192.0.2.9
"""
STATIC = [("example.test", "SOA"), ("example.test", "NS"), ("ns1.example.test", "A"), ("plain.example.test", "MX"),
          ("mail.example.test", "A"), ("static.example.test", "A"), ("static.example.test", "AAAA"), ("srv._tcp.example.test", "SRV"),
          ("here.deep.sub.example.test", "A"), ("here.flat.sub.example.test", "A"), ("after.example.test", "A"),
          ("after.example.test", "AAAA"), ("no.example.test", "A"), ("trio.example.test", "TXT")]
DYNAMIC = ["plain", "asked", "prog", "unasked", "trio", "most", "list", "one", "strict", "", "fra", "nested", "skip", "any.wild"]
TTLS = {"plain": (30, 120), "asked": (10, 20), "trio": (10, 60)}


class Answers(func.Case):
    def setUp(self):
        super().setUp()
        self.port, self.gdnsd_port = free_port("127.0.77.1"), free_port()
        self.backends = {}
        self.write_source()

    def write_source(self):
        for folder in ("old/zones/inc", "old/plugins.d"):
            os.makedirs(self.scratch.path(folder))
        values = dict(SITE, gdnsd=self.gdnsd_port, port=self.port, run=self.scratch.path("gdnsd-run"), state=self.scratch.path("gdnsd-state"),
                      long="x" * 700)
        self.scratch.write("old/config", CONFIG % values)
        self.scratch.write("old/types.cfg", TYPES_CFG % values)
        self.scratch.write("old/multi fo", MULTIFO % values)
        for name, text in PLUGINS.items():
            self.scratch.write(f"old/plugins.d/{name}", text % values)
        self.scratch.write("old/plugins.d/static", "static => { fixed => 192.0.2.99 }")
        self.scratch.write("old/zones/example.test", ZONE % values)
        self.scratch.write("old/zones/inc/more", INCLUDED)

    def convert(self):
        run = subprocess.run([sys.executable, CONVERTER, self.scratch.path("old"), self.scratch.path("new"), "--node", "solo",
                              "--state", self.scratch.path("run", "solo"), "--control", self.scratch.path("run", "solo.sock")],
                             capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.ports = {"solo": free_port()}
        path = self.scratch.path("new", "gemel.lua")
        with open(path) as f:
            text = f.read()
        self.assertIn(f'"127.0.0.1:{self.gdnsd_port}"', text)
        with open(path, "w") as f:
            f.write(text.replace(str(self.gdnsd_port), str(self.ports["solo"])))
        status, out, err = self.run_gemeld("-t", "-c", path)
        self.assertEqual(status, 0, out + err + text)
        return path

    def start_gdnsd(self):
        log = open(self.scratch.path("gdnsd.log"), "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen([GDNSD, "-c", self.scratch.path("old"), "start"], stdout=log, stderr=log, start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        if not wait_until(lambda: process.poll() is not None or ask(("127.0.0.1", self.gdnsd_port), "ns1.example.test", timeout=0.2), 30):
            self.fail("gdnsd does not answer")
        if process.poll() is not None:
            with open(self.scratch.path("gdnsd.log")) as f:
                self.fail("gdnsd ended:\n" + f.read())

    def answer_of(self, server, name, qtype):
        """What can be compared: code, and the records of the answer; names are lower case already."""
        m = resolve(server, name, qtype)
        self.assertIsNotNone(m, f"{server} {name} {qtype}")
        data = sorted((r[0], r[1], str(r[3])) for r in m.answer)
        return m.rcode, m.aa, [d for d in data if d[1] in (TYPES[qtype], TYPES["CNAME"])]

    def seen(self, server, label):
        """Every set of addresses that is answered, and the TTLs."""
        name = f"{label}.example.test".lstrip(".")
        sets, ttls = set(), set()
        for _ in range(ASKED):
            m = resolve(server, name)
            sets.add(tuple(m.addresses()))
            ttls |= {r[2] for r in m.answer}
        return sets, ttls

    def both(self, label):
        old, new = ("127.0.0.1", self.gdnsd_port), self.server("solo")
        return self.seen(old, label), self.seen(new, label)

    def agree(self, story, expected):
        """Both come to the same answers; expected names some of them, so that both cannot be wrong alike."""
        def alike():  # up to the first that is not yet: thousands of questions may take this machine all of our patience
            self.found = {}
            for label in DYNAMIC:
                old, new = self.found[label] = self.both(label)
                wanted = {tuple(sorted(SITE[s] for s in one)) for one in expected.get(label, ())}
                if old[0] != new[0] or (wanted and old[0] != wanted):
                    return False
            return True
        if not wait_until(alike, func.PATIENCE_S, 0.2):
            self.fail_with_logs(f"{story}: gdnsd and gemeld differ, or are not as expected, in the last of {self.found}")
        for label, (least, most) in TTLS.items():
            for sets, ttls in self.found[label]:
                self.assertTrue(all(least <= t <= most for t in ttls), f"{story}: {label} has a TTL of {ttls}")

    def down(self, *names):
        for name in names:
            self.backends[name].kill()

    def up(self, *names):
        for name in names:
            self.backends[name] = self.backend(SITE[name], self.port)

    def test_answers(self):
        self.up("one", "two", "three", "four")
        self.start_gdnsd()
        self.node(self.convert(), "solo")
        for name, qtype in STATIC:
            with self.subTest(name=name, type=qtype):
                self.assertEqual(self.answer_of(("127.0.0.1", self.gdnsd_port), name, qtype), self.answer_of(self.server("solo"), name, qtype))
        for server in (("127.0.0.1", self.gdnsd_port), self.server("solo")):
            texts = [r[3] for r in resolve(server, "long.example.test", "TXT").answer]
            self.assertEqual([len(s) for s in texts[0]], [255, 255, 190])
        self.agree("all up", {"plain": [["one"]], "prog": [["two"]], "trio": [["one", "two", "three"]], "": [["one", "two"]],
                              "one": [["one"], ["two"], ["three"]], "any.wild": [["three", "four"]], "skip": [["one"]]})
        self.down("one")
        self.agree("one down", {"plain": [["two"]], "asked": [["three"]], "trio": [["two", "three"]], "most": [["one", "two"]],
                                "": [["two"]], "one": [["two"], ["three"]], "strict": [["one"], ["two"], ["three"]], "nested": [["two"]]})
        self.down("two")
        self.agree("a site down", {"plain": [["one"]], "prog": [["four"]], "": [["three", "four"]], "trio": [["one", "two", "three"]],
                                   "fra": [["three", "four"]], "unasked": [["six"]]})
        self.down("three", "four")
        self.agree("all down", {"": [["six"]], "fra": [["three", "four"]], "list": [["three", "four"]]})
        self.up("one", "three")
        self.agree("back", {"plain": [["one"]], "trio": [["one", "three"]], "": [["one"]]})


if __name__ == "__main__":
    if not GDNSD:
        print("SKIP: no gdnsd here")
        sys.exit(77)
    unittest.main(verbosity=1)
