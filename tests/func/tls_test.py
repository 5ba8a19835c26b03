"""TLS in checks against a real nginx: each certificate that one may meet, and what is said of it. And what openssl does oddly."""
import json
import os
import shutil
import subprocess
import time

from func import Case, main
from gemelkit import Scratch, free_port, wait_until
from servers import Nginx

NAME = "www.example.test"


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Ca:
    """A CA of our own, by the command line's openssl."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        os.makedirs(folder, exist_ok=True)
        self.cert, self.key = self.path(f"{name}.pem"), self.path(f"{name}.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                "-keyout", self.key, "-out", self.cert)

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, names, start="20200101000000Z", end="20400101000000Z"):
        """A certificate with its key; gives back the paths of both."""
        cert, key, csr = self.path(f"{name}.crt"), self.path(f"{name}.key"), self.path(f"{name}.csr")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", csr)
        with open(self.path(f"{name}.cnf"), "w") as f:
            f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.path(name + '.db')}\nserial={self.path(name + '.srl')}\nnew_certs_dir={self.folder}\n"
                    f"default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName={names}\n")
        open(self.path(f"{name}.db"), "w").close()
        with open(self.path(f"{name}.srl"), "w") as f:
            f.write(f"{abs(hash(name)) % 2**40 + 2**40:012X}\n")
        openssl("ca", "-batch", "-notext", "-config", f.name.replace(".srl", ".cnf"), "-cert", self.cert, "-keyfile", self.key, "-in", csr,
                "-out", cert, "-startdate", start, "-enddate", end)
        os.chmod(key, 0o644)  # nginx and the loader may run as somebody else
        return cert, key


class NginxTls(Nginx):
    """One server block a certificate, each on a port of its own."""

    def prepare(self):
        ca, other = Ca(self.folder, "ca"), Ca(self.folder, "otherca")
        self.ca, self.other = ca.cert, other.cert
        self.client, self.client_key = ca.issue("client", "DNS:prober")
        soon = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 5.45 * 86400))
        self.certs = {
            "good": ca.issue("good", f"DNS:{NAME},DNS:b.example.test"),
            "expired": ca.issue("expired", f"DNS:{NAME}", end="20210101000000Z"),
            "early": ca.issue("early", f"DNS:{NAME}", start="20390101000000Z"),
            "soon": ca.issue("soon", f"DNS:{NAME}", end=soon),
            "wrong": ca.issue("wrong", "DNS:elsewhere.example.test"),
            "unknown": other.issue("unknown", f"DNS:{NAME}"),
            "client": ca.issue("forclients", f"DNS:{NAME}"),
            "old": ca.issue("old", f"DNS:{NAME}"),
        }
        self.ports = {name: free_port() for name in self.certs}

    def command(self):
        more = {"client": f"ssl_client_certificate {self.ca}; ssl_verify_client on;", "old": "ssl_protocols TLSv1.1;"}
        blocks = "".join(f"""
  server {{ listen {self.address}:{self.ports[name]} ssl; http2 on_or_off; ssl_certificate {cert}; ssl_certificate_key {key}; {more.get(name, '')}
    location / {{ return 200 "$host $ssl_server_name\\n"; }} location /sick {{ return 503; }}
    location /header {{ return 200 "$http_x_a $http_x_check\n"; }} location /away {{ return 302 https://b.example.test:{self.ports['good']}/; }} location /round {{ return 302 /round; }} }}"""
                         .replace("http2 on_or_off;", "") for name, (cert, key) in self.certs.items())
        config = self.write("nginx.conf", f"""
daemon off; pid {self.path('pid')}; error_log stderr; worker_processes 1; events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {self.path('b')}; proxy_temp_path {self.path('p')}; fastcgi_temp_path {self.path('f')};
  uwsgi_temp_path {self.path('u')}; scgi_temp_path {self.path('s')}; server {{ listen {self.address}:{self.port}; }} {blocks} }}
""")
        return [self.program, "-c", config, "-p", self.folder, "-e", "stderr"]


# name, server block, script, arguments, state, a part of the reason
CASES = [
    ("good", "good", "http", "ca = CA", "up", "HTTP 200"),
    ("sick", "good", "http", 'ca = CA, path = "/sick"', "down", "HTTP status: 503, expected 2xx"),
    ("host", "good", "http", f'ca = CA, host = "b.example.test", contains = "b.example.test b.example.test"', "up", "HTTP 200"),
    ("name", "good", "http", 'ca = CA, name = "b.example.test", contains = "b.example.test"', "up", "HTTP 200"),
    ("away", "good", "http", 'ca = CA, path = "/away"', "down", "HTTP status: 302, expected 2xx"),
    ("followed", "good", "http", 'ca = CA, path = "/away", redirects = 1, contains = "b.example.test b.example.test"', "up", "HTTP 200"),
    ("round", "good", "http", 'ca = CA, path = "/round", redirects = 5', "down", "HTTP status: 302, expected 2xx"),
    ("headers", "good", "http", 'ca = CA, path = "/header", headers = "X-A: 1\\nX-Check: a: b", contains = "1 a: b"', "up", "HTTP 200"),
    ("machine", "good", "http", "tls = true", "down", "unknown CA: port"),
    ("unverified", "good", "http", "tls = true, verify = false", "up", "HTTP 200"),
    ("plain", "good", "http", "", "down", "HTTP status: 400, expected 2xx"),
    ("expired", "expired", "http", "ca = CA", "down", "on 2021-01-01"),
    ("early", "early", "http", "ca = CA", "down", "certificate is not yet valid"),
    ("wrong", "wrong", "http", "ca = CA", "down", "it is for elsewhere.example.test"),
    ("unknown", "unknown", "http", "ca = CA", "down", "unknown CA: port"),
    ("known", "unknown", "http", "ca = OTHER", "up", "HTTP 200"),
    ("client", "client", "http", "ca = CA, cert = CERT, key = KEY", "up", "HTTP 200"),
    ("noclient", "client", "http", "ca = CA", "down", "HTTP status: 400, expected 2xx"),
    ("old", "old", "http", "ca = CA", "down", "alert protocol version"),
    ("days", "good", "tls", "ca = CA", "up", "days left"),
    ("soon", "soon", "tls", "ca = CA", "down", "wrong reply: 5.4 days left, 14 wanted"),
    ("soon5", "soon", "tls", "ca = CA, days = 5", "up", "5.4 days left"),
    ("past", "expired", "tls", "ca = CA, days = 0", "down", "wrong reply: -"),
    ("days-wrong", "wrong", "tls", "ca = CA", "down", "wrong reply: hostname mismatch"),
    ("days-unknown", "unknown", "tls", "verify = false", "up", "days left"),
]


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = Scratch()
        cls.addClassCleanup(cls.shared.cleanup)
        cls.server = NginxTls(cls.shared)

    def setUp(self):
        super().setUp()
        if not self.server.there() or not shutil.which("openssl"):
            self.skipTest("nginx or openssl is not installed")

    def begin(self, cases):
        """None of the cases is about being late: one is six handshakes, and all share one process of nginx."""
        paths = {"CA": self.server.ca, "OTHER": self.server.other, "CERT": self.server.client, "KEY": self.server.client_key}
        body = "".join(f'local {word} = "{path}"\n' for word, path in paths.items())
        for name, block, script, args, _, _ in cases:
            owner = "host" if script == "http" else "name"
            words = [f"port = {self.server.ports[block]}"] + [args] * bool(args) + [f'{owner} = "{NAME}"'] * (f"{owner} =" not in args)
            args = ", ".join(words)
            body += (f'service "{name}.example.test" {{ tiers = {{ {{ "127.0.0.1" }} }}, check = {{ script = "{script}", args = {{ {args} }}, '
                     f'interval = "250ms", timeout = "20s", fall = 1, rise = 1 }} }}\n')
        self.node(self.single_config(body), "solo")

    def reason(self, name):
        status, out, _ = self.ctl("solo", "--json", "service", f"{name}.example.test")
        member = json.loads(out)["members"][0] if status == 0 else {}
        return member.get("state"), member.get("reason") or ""

    def is_so(self, name, state, reason):
        now = self.reason(name)
        return now[0] == state and reason in now[1]

    def test_each_certificate(self):
        self.server.prepare()
        self.addCleanup(self.server.kill)
        self.server.start()
        self.begin(CASES)
        for name, _, _, _, state, reason in CASES:
            with self.subTest(name):
                if not wait_until(lambda: self.is_so(name, state, reason), 30, 0.05):
                    self.fail_with_logs(f"{name}: expected {state}, {reason}; is {self.reason(name)}")
        self.assertNotIn("PRIVATE", self.nodes["solo"].log())
        self.a_broken_file_is_refused_at_its_line()

    def a_broken_file_is_refused_at_its_line(self):
        path = self.scratch.path("gemel.lua")
        with open(path) as f:
            text = f.read()
        self.scratch.write("broken.pem", open(self.server.ca).read()[:-40])
        self.scratch.write("gemel.lua", text + 'check "x" { script = "tls", args = { ca = "broken.pem" } }\n')
        line = text.count("\n") + 1
        status, _, err = self.run_gemeld("-c", path, "-t")
        self.assertEqual(status, 1, err)
        self.assertIn(f"gemel.lua:{line}: the file broken.pem holds a block without its end; expected certificates in PEM", err)
        for key, fits in ((self.server.client_key, True), (f"{self.server.other[:-4]}.key", False)):
            self.scratch.write("gemel.lua", text + f'check "x" {{ script = "http", args = {{ ca = "{self.server.ca}",\n'
                               f'cert = "{self.server.client}", key = "{key}" }} }}\n')
            status, _, err = self.run_gemeld("-c", self.scratch.path("gemel.lua"), "-t")
            self.assertEqual(status, 0 if fits else 1, err)
            self.assertEqual(f"gemel.lua:{line + 1}: the file {key} holds no private key that fits the certificate in "
                             f"{self.server.client}; expected the key of that certificate" in err, not fits, err)


if __name__ == "__main__":
    main()
