"""HTTP: who may ask, what is answered, live events, metrics; and that none of it is in the way of DNS."""
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse

from func import PATIENCE_S, SRC, Case, main
from gemelkit import addresses, ask, free_port

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"
CONNECTIONS_MAX = 64
FOLLOWERS_MAX = 16


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class HttpCase(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B)}

    def services(self):
        return f"""
check "web" {{ script = "http", args = {{ port = {self.port}, path = "/" }}, interval = "1s", timeout = "2s",
              retry = "100ms", fall = 2, rise = 2 }}
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}" }}, {{ "{B}" }} }} }}
"""

    def start(self, name="solo", keys="", ready=True):
        self.http = free_port()
        config = self.single_config(self.services())
        text = read(config).replace('node "solo" {', f'node "solo" {{ http = "127.0.0.1:{self.http}", {keys}')
        config = self.scratch.write("gemel.lua", text)
        node = self.node(config, name)
        if ready:
            self.assert_soon(lambda: self.get("/readyz")[0] == 200, "ready")
        return node

    def request(self, method, path, headers=None, source="127.0.0.1"):
        c = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10, source_address=(source, 0))
        try:
            c.request(method, path, headers=headers or {})
            r = c.getresponse()
            return r.status, dict(r.getheaders()), r.read().decode()
        finally:
            c.close()

    def get(self, path, headers=None, source="127.0.0.1"):
        return self.request("GET", path, headers, source)

    def document(self, path):
        """As get; who finds the second's time for documents used up asks again, as he is told."""
        def answered():
            got = self.get(path)
            return None if got[0] == 503 and "Retry-After" in got[1] else got
        return self.assert_soon(answered, f"there is time for {path}")

    def json(self, path):
        status, headers, body = self.document(path)
        self.assertEqual(status, 200, body)
        self.assertEqual(headers["Content-Type"], "application/json")
        return json.loads(body)

    def metrics(self):
        status, _, body = self.document("/metrics")
        self.assertEqual(status, 200)
        return {k: float(v) for k, v in (line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))}


class Follower:
    """One that reads server-sent events as a browser does."""

    def __init__(self, port, query="", last=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        head = f"GET /api/v1/events?follow{query} HTTP/1.0\r\nHost: x\r\n"
        if last is not None:
            head += f"Last-Event-ID: {last}\r\n"
        self.socket.sendall((head + "\r\n").encode())
        self.file = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            pass

    def next(self):
        """The next event: (id, document); None at the end."""
        fields = {}
        for line in self.file:
            line = line.rstrip("\n")
            if not line and "data" in fields:
                return int(fields["id"]), json.loads(fields["data"])
            if ": " in line:
                key, value = line.split(": ", 1)
                fields[key] = value
        return None

    def close(self):
        self.file.close()
        self.socket.close()


class Http(HttpCase):
    def test_documents_are_those_of_gemelctl(self):
        self.start()
        for path, words in (("services", ["services"]), (f"service?name={NAME}", ["service", NAME]), ("peers", ["peers"]),
                            ("overrides", ["overrides"]), ("windows", ["windows"]), ("events?last=1", ["events", "-n", "1"])):
            with self.subTest(path):
                def same(path=path, words=words):
                    status, out, err = self.ctl("solo", "--json", *words)
                    self.assertEqual((status, err), (0, ""))
                    return self.get("/api/v1/" + path)[2] == out
                self.assert_soon(same, f"{path} as gemelctl has it")  # probes go on: took_us and events may differ once
        explained = self.json(f"/api/v1/explain?name={NAME}&client=198.51.100.7")
        self.assertEqual((explained["service"], explained["client"]), (NAME, "198.51.100.7"))
        self.assertIn("tier 1 answers", json.dumps(explained["sentences"]))
        self.assertEqual(self.json("/api/v1/status")["node"], "solo")

    def states(self, member=0, hours=24):
        doc = self.json(f"/api/v1/history?name={NAME}&hours={hours}")
        spans = doc["members"][member]["spans"]
        self.assertEqual(spans[0]["from"], doc["from"])
        self.assertEqual([s["from"] for s in spans], sorted(s["from"] for s in spans))
        return " ".join(s["state"] for s in spans)

    def test_history_tells_what_was_and_outlives_a_restart(self):
        node = self.start()
        self.assert_soon(lambda: (self.states(0), self.states(1)) == ("none up", "none up"), "both come up")
        self.backends[A].kill()
        self.assert_soon(lambda: self.states() == "none up down", "the fall is seen")
        self.ctl("solo", "drain", A)
        self.assert_soon(lambda: self.states() == "none up down drained", "the override is")
        node.stop()
        node.start()
        self.assert_soon(self.live, "HTTP is back")
        self.assert_soon(lambda: self.states().endswith("up down drained") and self.states(1).endswith("up"), "all is there still")
        self.ctl("solo", "auto", A)
        self.assert_soon(lambda: self.states().endswith("up down drained down"), "and goes on")
        event = next(e for e in self.json("/api/v1/events")["events"] if e["kind"] == "verdict" and e["new"] == "down")
        spans = self.json(f"/api/v1/history?name={NAME}")["members"][0]["spans"]
        self.assertIn({"from": event["time"], "state": "down"}, spans)  # to the millisecond
        for query, status in (("", 400), ("?name=absent.example.test", 404), (f"?name={NAME}&hours=0", 400), (f"?name={NAME}&hours=169", 400),
                              (f"?name={NAME}&days=1", 400)):
            self.assertEqual(self.document("/api/v1/history" + query)[0], status, query)

    def test_what_is_wrong_is_said(self):
        self.start()
        for path, status, text in (("/nothing", 404, "no such page"), ("/api/v1/", 404, "no such page"),
                                   ("/api/v1/stop", 404, "no such page"),
                                   ("/api/v1/service", 400, "needs a parameter"),
                                   ("/api/v1/service?name=absent.example.test", 404, "no service"),
                                   ("/api/v1/service?name=-x", 404, "no service"),
                                   ("/api/v1/explain?name=--client", 404, "is no service"),
                                   (f"/api/v1/explain?name={NAME}&client=nobody", 400, "is no address"),
                                   ("/api/v1/status?x=1", 400, "has no parameter"),
                                   ("/api/v1/explain?name=a&name=b", 400, "cannot be read"),
                                   ("/api/v1/explain?name=%00", 400, "cannot be read"),
                                   ("/api/v1/explain?name=%zz", 400, "cannot be read"),
                                   ("/api/v1/events?last=x", 400, "is no number"),
                                   ("/api/v1/events?follow&after=x", 400, "expected the number"),
                                   ("/api/v1/events?follow&last=2", 400, "has no parameter"),
                                   ("/api/v1/explain?name=" + "a" * 3000, 400, "cannot be read"),
                                   ("/api/v1/status?" + "&".join(f"k{i}=1" for i in range(20)), 400, "cannot be read")):
            with self.subTest(path[:60]):
                got, _, body = self.document(path)
                self.assertEqual(got, status, body)
                self.assertIn(text, json.loads(body)["error"])

    def test_nothing_can_be_changed(self):
        self.start()
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status, headers, _ = self.request(method, "/api/v1/status")
            self.assertEqual((status, headers.get("Allow")), (405, "GET, HEAD"), method)

    def test_head_has_no_content(self):
        self.start()
        for path in ("/", "/livez", "/api/v1/services"):
            with socket.create_connection(("127.0.0.1", self.http), timeout=10) as s:
                s.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                octets = b""
                while chunk := s.recv(65536):
                    octets += chunk
            head, _, body = octets.partition(b"\r\n\r\n")
            self.assertEqual(body, b"", path)
            self.assertIn(b"200 OK", head)
            self.assertNotIn(b"Content-Length: 0\r\n", head)

    def test_only_those_of_http_from_may_ask(self):
        node = self.start(keys='http_from = { "127.0.0.1/32", "127.0.0.7/32" }, ')
        self.assertEqual(self.get("/livez", source="127.0.0.7")[0], 200)
        status, _, body = self.get("/livez", source="127.0.0.8")
        self.assertEqual((status, json.loads(body)["error"]), (403, "this address is not in http_from"))
        for path in ("/", "/metrics", "/readyz", "/api/v1/status", "/api/v1/events?follow"):
            self.assertEqual(self.get(path, source="127.0.0.8")[0], 403, path)
        text = read(self.scratch.path("gemel.lua"))
        self.scratch.write("gemel.lua", text.replace("127.0.0.7/32", "127.0.0.8/32"))
        node.reload()
        self.assert_soon(lambda: self.get("/livez", source="127.0.0.8")[0] == 200, "the reload counts")
        self.assertEqual(self.get("/livez", source="127.0.0.7")[0], 403)

    def test_readiness_waits_for_zones_and_the_first_round(self):
        silent = socket.create_server(("127.0.0.13", self.port))  # accepts, and never says anything
        self.addCleanup(silent.close)
        self.http = free_port()
        config = self.single_config(f"""
check "slow" {{ script = "http", args = {{ port = {self.port} }}, interval = "10s", timeout = "10s" }}
service "{NAME}" {{ check = "slow", tiers = {{ {{ "127.0.0.13" }} }} }}
""")
        text = read(config)
        config = self.scratch.write("gemel.lua", text.replace('"solo" {', f'"solo" {{ http = "127.0.0.1:{self.http}",'))
        self.node(config, "solo")
        self.assertEqual(self.get("/livez")[0], 200)
        status, _, body = self.get("/readyz")
        self.assertEqual(status, 503)
        self.assertRegex(body, "^(the first round of checks is not over|the responder does not answer from these zones yet)\n$")
        self.assert_soon(lambda: self.get("/readyz")[0] == 200, "ready once the round is over")

    def test_who_was_away_misses_no_event(self):
        node = self.start()
        first = Follower(self.http)
        self.assertEqual(first.status, 200)
        number, document = first.next()
        self.assertEqual((number, document["kind"]), (document["number"], "node"))
        self.backends[A].kill()
        seen = []
        while not any(e["kind"] == "answer" for _, e in seen):
            seen.append(first.next())
        first.close()
        numbers = [n for n, _ in seen]
        self.assertEqual(numbers, sorted(numbers))
        self.ctl("solo", "down", B, "--force")
        again = Follower(self.http, last=numbers[0])
        number, event = numbers[0], {"kind": None}
        while event["kind"] != "override":  # a verdict of B may come between
            before, (number, event) = number, again.next()
            self.assertEqual(number, before + 1)
        again.close()
        node.kill_child("coordinator")  # the journal has them still
        self.assert_soon(self.live, "HTTP is back")
        back = Follower(self.http, query=f"&after={numbers[0]}")
        self.assertEqual([back.next()[0] for _ in numbers[1:]], numbers[1:])
        back.close()
        fresh = Follower(self.http, last=10**9)  # of a journal that is gone
        self.assertEqual(fresh.next()[0], 1)
        fresh.close()

    def live(self):
        try:
            return self.get("/livez")[0] == 200
        except OSError:
            return False

    def test_followers_are_few_and_a_full_house_lets_new_ones_in(self):
        self.start()
        followers = [Follower(self.http) for _ in range(FOLLOWERS_MAX)]
        self.assertEqual({f.status for f in followers}, {200})
        self.assertEqual(self.get("/api/v1/events?follow")[0], 503)
        idle = []
        for _ in range(3 * CONNECTIONS_MAX):
            idle.append(socket.create_connection(("127.0.0.1", self.http), timeout=10))
            idle[-1].sendall(b"GET /livez HTTP/1.1\r\nHo")  # never to be ended
        self.assertEqual(self.get("/livez")[0], 200)
        metrics = self.metrics()
        self.assertLessEqual(metrics["gemel_http_connections"], CONNECTIONS_MAX)
        self.assertGreater(metrics["gemel_http_connections_evicted_total"], CONNECTIONS_MAX)
        self.assertEqual(metrics["gemel_http_followers"], FOLLOWERS_MAX)
        for s in idle:
            s.close()
        self.backends[A].kill()
        for f in followers:  # none of them was shown out
            while f.next()[1]["kind"] != "answer":
                pass
            f.close()
        self.assert_soon(lambda: self.metrics()["gemel_http_followers"] == 0, "their ends are seen")
        self.assert_soon(lambda: self.metrics()["gemel_http_connections"] <= 2, "and those of the others")

    def test_headers_and_bodies_are_bounded(self):
        self.start()
        for junk in (b"GET / HTTP/1.1\r\nX: " + b"x" * 20000, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.http), timeout=10) as s, contextlib.suppress(ConnectionError):
                s.sendall(junk)  # it may hang up before it has read, or the other has sent, all of it
                self.assertNotIn(b"200 OK", s.recv(4096))
        for junk in (b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET http://[ HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0"):
            with socket.create_connection(("127.0.0.1", self.http), timeout=10) as s:
                s.sendall(junk)
                s.shutdown(socket.SHUT_WR)
                self.assertNotIn(b"200 OK", s.recv(4096))
        self.assertEqual(self.get("/livez")[0], 200)

    def test_documents_take_a_part_of_a_second_only(self):
        self.start()
        s = socket.create_connection(("127.0.0.1", self.http), timeout=20)
        file = s.makefile("rb")
        statuses, again = set(), set()
        deadline = time.monotonic() + 20
        while statuses != {200, 503} and time.monotonic() < deadline:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 40)  # at once: the server shall wait for nobody
            for _ in range(40):
                status = int(file.readline().split()[1])
                head = dict(line.decode().rstrip().split(": ", 1) for line in iter(file.readline, b"\r\n"))
                file.read(int(head["Content-Length"]))
                statuses.add(status)
                if status == 503:
                    again.add(head["Retry-After"])
        self.assertEqual((statuses, again), ({200, 503}, {"1"}))
        file.close()
        s.close()
        c = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        c.request("GET", "/livez")
        self.assertEqual(c.getresponse().read(), b"live\n")
        c.close()
        self.assert_answer("solo", NAME, [A])
        self.assert_soon(lambda: self.get("/metrics")[0] == 200, "the next second has time again")

    def test_a_failover_is_as_quick_while_someone_asks_without_end(self):
        self.start()
        program = ("import http.client,sys\n"
                   "while True:\n"
                   " c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n"
                   " try:\n  c.request('GET', '/api/v1/services'); c.getresponse().read()\n"
                   " except Exception: pass\n"
                   " finally: c.close()\n")
        greedy = subprocess.Popen(["python3", "-c", program, str(self.http)])
        self.addCleanup(greedy.wait)
        self.addCleanup(greedy.kill)
        self.backends[A].kill()
        self.assert_soon(lambda: addresses(self.server("solo"), NAME) == [B], "failover")
        self.assertEqual(self.get("/livez")[0], 200)

    def test_the_page_is_whole_and_strict(self):
        self.start()
        status, headers, body = self.get("/")
        self.assertEqual(status, 200)
        self.assertEqual(body, read(os.path.join(SRC, "src", "ctl", "page.html")))
        policy = headers["Content-Security-Policy"]
        self.assertRegex(policy, r"^default-src 'none'; script-src 'sha256-[A-Za-z0-9+/]{43}='; style-src 'sha256-[A-Za-z0-9+/]{43}='; ")
        self.assertNotIn("unsafe", policy)
        self.assertEqual(self.get("/", {"If-None-Match": headers["ETag"]})[0], 304)

    def test_without_the_key_nothing_listens(self):
        self.http = free_port()
        self.node(self.single_config(self.services()), "solo")
        with self.assertRaises(ConnectionRefusedError):
            self.get("/livez")


class Admin(HttpCase):
    """Overrides over HTTP, for who has the token."""

    TOKEN = "correct-horse-battery-staple"

    def start_admin(self, token=TOKEN, keys=""):
        path = self.scratch.write("token", token + "\n")
        os.chmod(path, 0o600)
        return self.start(keys='http_admin = "token", ' + keys)

    def post(self, verb, form, token=TOKEN, headers=None, source="127.0.0.1"):
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        if token is not None:
            head["Authorization"] = "Bearer " + token
        head.update(headers or {})
        c = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20, source_address=(source, 0))
        try:
            body = form if isinstance(form, (str, bytes)) else urllib.parse.urlencode(form)
            c.request("POST", "/api/v1/" + verb, body=body, headers=head)
            r = c.getresponse()
            return r.status, json.loads(r.read())
        finally:
            c.close()

    def test_an_override_is_given_and_ended(self):
        self.start_admin()
        status, said = self.post("drain", {"what": A, "for": "30m", "reason": "new disk"})
        self.assertEqual((status, said["verb"], said["what"]), (200, "drain", A))
        self.assertIn("in force on solo", said["message"])
        self.assert_answer("solo", NAME, [B])  # it was told when every worker answered so
        o = self.json("/api/v1/overrides")["overrides"][0]
        self.assertEqual((o["what"], o["verb"], o["by"], o["why"]), (A, "drain", "http 127.0.0.1", "new disk"))
        self.assertIsNotNone(o["until"])
        event = [e for e in self.json("/api/v1/events")["events"] if e["kind"] == "override"][-1]
        self.assertEqual((event["new"], event["detail"]["author"]), ("drain", "http 127.0.0.1"))
        self.assertEqual(self.post("auto", {"what": A})[0], 200)
        self.assert_answer("solo", NAME, [A])
        self.assertEqual(self.json("/api/v1/overrides")["overrides"], [])

    def test_the_core_refuses_as_it_does_gemelctl(self):
        self.start_admin()
        status, said = self.post("down", {"what": NAME})
        self.assertEqual(status, 409)
        _, _, err = self.ctl("solo", "down", NAME)
        self.assertEqual("gemelctl: " + said["error"] + "\n", err)
        self.assertIn("--force", said["error"])
        self.assert_answer("solo", NAME, [A])
        self.assertEqual(self.post("down", {"what": NAME, "force": "true"})[0], 200)
        self.assert_answer("solo", NAME, [])
        self.assertEqual(self.post("down", {"what": "absent.example.test"})[0], 409)

    def test_nobody_else_changes_anything(self):
        self.start_admin()
        own = f"127.0.0.1:{self.http}"
        for name, want, arguments in (
                ("no token", 401, {"token": None}), ("a wrong one", 401, {"token": self.TOKEN[:-1]}),
                ("a longer one", 401, {"token": self.TOKEN + "x"}), ("an empty one", 401, {"token": ""}),
                ("another scheme", 401, {"token": None, "headers": {"Authorization": "Basic " + self.TOKEN}}),
                ("another origin", 403, {"headers": {"Origin": "http://evil.example"}}),
                ("no origin", 403, {"headers": {"Origin": "null"}}),
                ("another port", 403, {"headers": {"Origin": "http://127.0.0.1:1"}}),
                ("another site", 403, {"headers": {"Origin": "http://" + own, "Sec-Fetch-Site": "cross-site"}}),
                ("no form", 415, {"headers": {"Content-Type": "application/json"}}),
                ("text", 415, {"headers": {"Content-Type": "text/plain"}})):
            with self.subTest(name):
                self.assertEqual(self.post("down", {"what": A}, **arguments)[0], want)
        self.assertEqual(self.json("/api/v1/overrides")["overrides"], [])
        self.assertEqual(self.post("down", {"what": A}, headers={"Origin": "https://" + own, "Sec-Fetch-Site": "same-origin"})[0], 200)

    def test_what_is_wrong_with_a_form_is_said(self):
        self.start_admin()
        for form, text in (({}, 'needs "what"'), ({"what": ""}, "WHAT is empty"), ({"what": A, "for": "soon"}, "is no duration"),
                           ({"what": A, "whom": "x"}, 'has no "whom"'), ({"what": A, "force": "yes"}, "expected true or false"),
                           ("what=%zz", "cannot be read"), ("what=a&what=b", "cannot be read"), ("what=%00", "cannot be read"),
                           ({"what": A, "reason": "x" * 96}, "too long"), ({"what": A, "reason": "a\nb"}, "control characters")):
            with self.subTest(form=str(form)[:40]):
                status, said = self.post("down", form)
                self.assertEqual(status, 400, said)
                self.assertIn(text, said["error"])
        self.assertEqual(self.post("down?what=" + A, "")[0], 400)
        self.assertEqual(self.post("auto", {"what": A, "for": "1m"})[0], 400)
        self.assertEqual(self.post("stop", {})[0], 405)
        self.assertEqual(self.get("/api/v1/down")[0], 405)
        self.assertEqual(self.request("GET", "/api/v1/down")[1]["Allow"], "POST")
        self.assertEqual(self.post("drain", {"what": "--force", "reason": "--for"})[0], 409)  # words stay words
        with socket.create_connection(("127.0.0.1", self.http), timeout=10) as s:
            s.sendall(b"POST /api/v1/down HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"what=" * 1000)
            self.assertNotIn(b"200 OK", s.recv(4096))

    def test_guessing_is_bounded(self):
        self.start_admin(keys='http_from = { "127.0.0.0/8" }, ')
        refused = []

        def guess(token):
            refused.append(self.post("auto", {"what": A}, token=token, source="127.0.0.9")[0])
            return refused[-1]

        def is_bounded():  # each ten seconds one more is looked at, which may be between the two
            if guess("guess-guess-guess-guess") == 429 and guess(self.TOKEN) == 200:
                refused.pop()
            return refused[-2:] == [429, 429]  # the right one is not looked at either
        begun = time.monotonic()
        self.assert_soon(is_bounded, "guessing is ended")
        self.assertEqual(refused[:5], [401] * 5)
        self.assertLessEqual(refused.count(401), 5 + (time.monotonic() - begun) / 10 + 1)
        self.assertEqual(self.post("down", {"what": A}, token=None)[0], 401)
        self.assertEqual(self.post("down", {"what": A})[0], 200)  # from elsewhere it is
        self.assertEqual(self.metrics()["gemel_http_tokens_refused_total"], len(refused))
        self.assertIn("a wrong token for http_admin came from 127.0.0.9", self.nodes["solo"].log())

    def test_who_hangs_up_did_give_it(self):
        self.start_admin()
        body = f"what={A}"
        with socket.create_connection(("127.0.0.1", self.http), timeout=10) as s:
            s.sendall((f"POST /api/v1/down HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.TOKEN}\r\nContent-Type: "
                       f"application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
        self.assert_soon(lambda: addresses(self.server("solo"), NAME) == [B], "it is in force")
        self.assertEqual(self.post("auto", {"what": A})[0], 200)

    def test_a_reload_changes_the_token_and_ends_it(self):
        node = self.start_admin()
        self.assertTrue(self.json("/api/v1/status")["http_admin"])
        self.scratch.write("token", "another-token-for-everyone\n")
        node.reload()
        self.assert_soon(lambda: self.post("auto", {"what": A}, token="another-token-for-everyone")[0] == 200, "the new one counts")
        os.chmod(self.scratch.path("token"), 0o644)
        status, _, err = self.ctl("solo", "reload")
        self.assertEqual(status, 1)
        self.assertIn("is open to others than its owner (mode 0644)", err)
        self.assertEqual(self.post("auto", {"what": A}, token="another-token-for-everyone")[0], 200)
        text = read(self.scratch.path("gemel.lua"))
        self.scratch.write("gemel.lua", text.replace('http_admin = "token", ', ""))
        node.reload()
        self.assert_soon(lambda: not self.json("/api/v1/status")["http_admin"], "nobody may any more")
        self.assertEqual(self.post("auto", {"what": A}, token="another-token-for-everyone")[0], 405)
        self.assertNotIn("another-token", node.log())


class Metrics(HttpCase):
    def test_the_figures_are_right(self):
        node = self.start()
        for tcp in (False, True):
            for name in (NAME, "absent.example.test"):
                self.assertIsNotNone(ask(self.server("solo"), name, tcp=tcp, timeout=PATIENCE_S))
        for key, most in (('gemel_queries_total{transport="tcp"}', 2), ('gemel_responses_total{rcode="NXDOMAIN"}', 2),
                          ('gemel_queries_total{transport="udp"}', 2)):  # each worker tells of its own when it comes to it
            self.assert_soon(lambda k=key, n=most: self.metrics()[k] == n, f"{key} is {most}")
        self.assert_soon(lambda: self.metrics()['gemel_zone_queries_total{zone="example.test"}'] >= 4, "and by zone")
        self.assert_soon(lambda: ask(self.server("solo"), NAME) and self.metrics()["gemel_answer_duration_seconds_count"] > 0, "some are timed")
        m = self.metrics()
        self.assertEqual(m['gemel_answer_duration_seconds_bucket{le="+Inf"}'], m["gemel_answer_duration_seconds_count"])
        self.assert_soon(lambda: self.metrics()["gemel_members_up"] == 2, "both are up")
        memory = 'gemel_process_resident_memory_bytes{role="responder"}'
        self.assert_soon(lambda: self.metrics()[memory] > 1 << 20, "its memory is known")
        m = self.metrics()
        self.assertEqual((m["gemel_ready"], m["gemel_members"], m["gemel_members_up"]), (1, 2, 2))
        self.assertEqual(m['gemel_services{state="ok"}'], 1)
        self.assertEqual(m['gemel_service_rules{family="a",rule="tier"}'], 1)
        self.assertEqual(m[f'gemel_service_tier{{service="{NAME}",family="a"}}'], 1)
        self.assertGreater(m['gemel_probes_total{result="pass",reason="ok"}'], 0)
        verdicts = m['gemel_events_total{kind="verdict"}']
        self.backends[A].kill()
        self.assert_soon(lambda: self.metrics()["gemel_members_up"] == 1, "the dead back end is counted")
        m = self.metrics()
        self.assertEqual(m[f'gemel_service_tier{{service="{NAME}",family="a"}}'], 2)
        self.assertEqual(m[f'gemel_service_members_up{{service="{NAME}"}}'], 1)
        refused = 'gemel_probes_total{result="fail",reason="connect refused"}'  # a probe that the kill meets has another reason
        self.assert_soon(lambda: self.metrics().get(refused, 0) >= 2, "what was refused is counted")
        self.assertEqual(m['gemel_events_total{kind="verdict"}'], verdicts + 1)
        self.assertEqual(m['gemel_reloads_total{result="taken"}'], 0)
        asked = self.metrics()['gemel_zone_queries_total{zone="example.test"}']
        node.reload()
        self.assert_soon(lambda: self.metrics()['gemel_reloads_total{result="taken"}'] == 1, "a reload by signal counts")
        m = self.metrics()
        self.assertGreaterEqual(m['gemel_zone_queries_total{zone="example.test"}'], asked)
        self.assertLess(abs(m["gemel_reload_last_timestamp_seconds"] - time.time()), 60)
        self.assertGreater(m["gemel_reload_last_duration_seconds"], 0)
        node.kill_child("prober")
        self.assert_soon(lambda: self.metrics()['gemel_process_restarts_total{role="prober"}'] == 1, "the restart is counted")

    @staticmethod
    def promtool(*words, text=None):
        return subprocess.run(["promtool", *words], input=text, capture_output=True, text=True, check=False, timeout=60)

    def test_promtool_has_nothing_to_say(self):
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed")
        self.start()
        _, headers, body = self.document("/metrics")
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        run = self.promtool("check", "metrics", text=body)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "", ""))


if __name__ == "__main__":
    main()
