"""Services wherever a name can stand: at the apex, at a wildcard, below one, deep below nothing; and as what others point at."""
import re
import shutil
import subprocess

from func import PATIENCE_S, Case, main
from gemelkit import addresses, free_port

A, B, C, D = "127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14"
ZONE = """$TTL 300
@ SOA ns root 1 2 3 4 60
@ NS ns
@ NS www
@ MX 10 www
@ MX 20 mail
ns A 192.0.2.53
mail A 192.0.2.25
static A 192.0.2.80
sub NS ns.sub
ns.sub A 192.0.2.54
_sip._tcp SRV 1 2 5060 any.app
@ HTTPS 1 . alpn=h2
alias CNAME some.app
*.app TXT "beside the service"
"""
SERVICES = (("example.test", A), ("www.example.test", B), ("*.app.example.test", C), ("deep.app.example.test", D),
            ("a.b.ent.example.test", A))


class Places(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B, C, D)}
        self.scratch.write("example.test.zone", ZONE)
        self.node(self.single_config(
            f'check "web" {{ script = "tcp", args = {{ port = {self.port} }}, interval = "300ms", timeout = "5s", fall = 2 }}\n' +
            "".join(f'service "{name}" {{ check = "web", all_down = "none", tiers = {{ {{ "{a}" }} }} }}\n' for name, a in SERVICES)), "solo")
        for name, address in SERVICES:
            self.expect(name.replace("*", "any"), address)

    def addresses(self, name):
        return addresses(self.server("solo"), name, timeout=PATIENCE_S)

    def expect(self, name, *wanted):
        self.assert_soon(lambda: self.addresses(name) == sorted(wanted), f"{name} is {wanted}; it is {self.addresses(name)}")

    def dig(self, *words):
        server, port = self.server("solo")
        if not shutil.which("dig"):
            self.skipTest("there is no dig")
        return subprocess.run(["dig", f"@{server}", "-p", str(port), "+norec", *words], capture_output=True, text=True, check=True).stdout

    def section(self, which, *words):
        found = re.search(f";; {which} SECTION:\n(.*?)\n\n", self.dig(*words), re.S)
        return sorted(re.sub(r"\s+", " ", line) for line in found.group(1).split("\n")) if found else []

    def test_names(self):
        self.assertEqual(self.addresses("q.r.app.example.test"), [C])
        self.assertEqual(self.addresses("below.deep.app.example.test"), [])  # no wildcard reaches below a name that is there
        self.assertIn("status: NOERROR", self.dig("b.ent.example.test", "A"))
        self.assertIn("status: NXDOMAIN", self.dig("c.ent.example.test", "A"))
        self.assertEqual(self.section("ANSWER", "any.app.example.test", "TXT"), ['any.app.example.test. 300 IN TXT "beside the service"'])

    def test_additional(self):
        live = lambda name, a: f"{name}.example.test. 10 IN A {a}"
        self.assertEqual(self.section("ADDITIONAL", "example.test", "MX", "+noedns"), ["mail.example.test. 300 IN A 192.0.2.25", live("www", B)])
        self.assertEqual(self.section("ADDITIONAL", "example.test", "NS", "+noedns"), ["ns.example.test. 300 IN A 192.0.2.53", live("www", B)])
        self.assertEqual(self.section("ADDITIONAL", "_sip._tcp.example.test", "SRV", "+noedns"), [live("any.app", C)])
        self.assertEqual(self.section("ADDITIONAL", "example.test", "HTTPS", "+noedns"), [f"example.test. 10 IN A {A}"])
        self.assertEqual(self.section("ANSWER", "alias.example.test", "A"),
                         ["alias.example.test. 300 IN CNAME some.app.example.test.", live("some.app", C)])
        self.backends[C].kill()
        self.expect("any.app.example.test")
        self.assertEqual(self.section("ADDITIONAL", "_sip._tcp.example.test", "SRV", "+noedns"), [])
        self.assertEqual(self.addresses("deep.app.example.test"), [D])

    def test_overrides_at_a_wildcard(self):
        """*.app.example.test is the service of that name, not every name that matches."""
        self.assertEqual(self.ctl("solo", "down", f"*.app.example.test/{C}", "--force")[0], 0)
        self.expect("any.app.example.test")
        self.assertEqual(self.addresses("deep.app.example.test"), [D])
        self.assertEqual(self.ctl("solo", "auto", f"*.app.example.test/{C}")[0], 0)
        self.expect("any.app.example.test", C)
        status, out, err = self.ctl("solo", "down", "*.app.example.test", "--force")
        self.assertEqual(status, 0, err)
        self.expect("any.app.example.test")
        self.assertEqual(self.addresses("deep.app.example.test"), [D], out)
        self.assertEqual(self.ctl("solo", "auto", "*.app.example.test")[0], 0)
        self.expect("any.app.example.test", C)

    def test_seen_and_explained(self):
        for name, address in SERVICES:
            for asked in (f"{name}.service.gemel", f"explain.{name}.service.gemel"):  # SERVFAIL where the coordinator does not come to it
                self.assert_soon(lambda a=address, q=asked: a in self.dig("CH", "TXT", q, "+short"), f"{asked} tells of {address}")
            self.assertIn(address, self.ctl("solo", "explain", name)[1])
            self.assertIn(address, self.ctl("solo", "service", name)[1])
        out = self.ctl("solo", "explain", "any.app.example.test")[1]
        self.assertIn("*.app.example.test", out)
        self.assertIn(C, out)

    def test_what_is_no_service(self):
        """The coordinator has no zones; it says whom to ask, and that one knows."""
        for name, wanted in (("static", "192.0.2.80"), ("below.sub", "ns.sub.example.test"), ("nothing", "NXDOMAIN")):
            status, _, err = self.ctl("solo", "explain", f"{name}.example.test")
            self.assertEqual(status, 1)
            told = re.search(r"is no service: .*\(dig (@\S+) (-p) (\d+) shows it\)", err)
            self.assertTrue(told, err)
            self.assertIn(wanted, self.dig(*told.groups(), f"{name}.example.test"))


if __name__ == "__main__":
    main()
