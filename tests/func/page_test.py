"""The status page in a real browser: what it shows, that it lives, and that it can be used on a phone, by keyboard, by ear."""
import os
import re

from func import Case, main
from browser import Browser, missing
from gemelkit import addresses, free_port, resolve

A, B, C, SILENT = "127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14"
NAME = "www.example.test"
HOSTILE = '<img src=x onerror="document.title=1">'
TOKEN = "correct-horse-battery-staple"
TAB, ENTER = "\ue004", "\ue007"


class PageCase(Case):
    """A pair whose nodes serve the page, and a browser."""

    def services(self):
        return f"""
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }}, {{ "{C}" }} }} }}
service "shop.example.test" {{ check = "web", answer = 1, pick = "weighted", tiers = {{ {{ {{ "{A}", weight = 3 }}, "{B}" }} }} }}
service "odd.example.test" {{ check = {{ script = "odd.lua", interval = "1s" }}, tiers = {{ {{ "{C}" }} }} }}
"""

    def setUp(self):
        if missing():
            self.skipTest(f"{missing()} is not installed")
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B, C)}
        config = self.pair_config(self.services(), self.port)
        self.scratch.write("odd.lua", "return function() return false, [==[" + HOSTILE + "]==] end")
        self.http = {n: free_port() for n in ("ns1", "ns2")}
        with open(config, encoding="utf-8") as f:
            text = f.read()
        for name in self.http:
            text = text.replace(f'node "{name}" {{', f'node "{name}" {{ http = "127.0.0.1:{self.http[name]}",')
        self.config = self.scratch.write("gemel.lua", text)
        self.twins = {n: self.node(self.config, n) for n in self.http}
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A, B], "ns1 answers")
        self.browser = Browser()
        self.addCleanup(self.browser.quit)

    def allow_changes(self):
        """Gives ns1 a token, and starts it again."""
        os.chmod(self.scratch.write("token", TOKEN + "\n"), 0o600)
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        self.scratch.write("gemel.lua", text.replace('node "ns1" {', 'node "ns1" { http_admin = "token",'))
        self.twins["ns1"].stop()
        self.twins["ns1"].start()

    def load(self):
        self.browser.open(f"http://127.0.0.1:{self.http['ns1']}/")
        self.shows("#live", "live")
        self.shows("#cards", A)

    def shows(self, selector, text):
        self.assert_soon(lambda: text in (self.browser.text(selector) or ""), f"{selector} shows {text}; it is: {self.browser.text(selector)}")

    def card(self, name):
        """What the card of a service says."""
        return self.browser.run("""for (const d of document.querySelectorAll("#cards details"))
            if (d.querySelector("h3").textContent === arguments[0]) return d.innerText;""", name) or ""

    def card_shows(self, name, text):
        self.assert_soon(lambda: re.search(text, self.card(name)), f"{name} shows {text}; it is: {self.card(name)}")

    def picture(self, name):
        """For people: set GEMEL_PICTURES to a folder."""
        folder = os.environ.get("GEMEL_PICTURES")
        if folder:
            self.browser.screenshot(os.path.join(folder, name + ".png"))

    def pictures(self, name):
        """The same four times: for a desk and for a phone, light and dark."""
        for width, scheme in ((1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")):
            if os.environ.get("GEMEL_PICTURES"):
                self.browser.emulate(width=width, scheme=scheme)
                self.picture(f"{name}-{width}-{scheme}")

    def fits_a_phone(self):
        """Nothing reaches out of a screen 360 points wide."""
        def wide():
            return self.browser.run("""const w = document.documentElement.clientWidth;
                return [w, document.documentElement.scrollWidth, [...document.querySelectorAll("main *, header *")]
                .filter(e => e.getBoundingClientRect().right > w + 1 && e.getBoundingClientRect().width > 0
                    && getComputedStyle(e).position !== "absolute" && !e.closest("thead"))
                .map(e => e.tagName + "." + e.className)]""")
        self.assert_soon(lambda: wide() == [360, 360, []], f"it fits: {wide()}")  # a browser takes its time to be a phone

    def no_complaint(self, *but):
        """503 is none: a machine that is slow has used up its time for documents sooner, and the page asks again."""
        self.assertEqual([c for c in self.browser.console() if not any(b in c for b in ("status of 503", *but))], [])


class Page(PageCase):
    def test_it_shows_what_is_and_what_happens(self):
        self.load()
        self.assertEqual(self.browser.text("#node"), "ns1")
        self.card_shows(NAME, r"A: tier 1, TTL \d+ s")
        self.card_shows(NAME, "A: tier 1 answers: it has 2 members up")
        self.card_shows(NAME, "ns1 up, ns2 up")
        self.shows("#pair", "ns2")
        self.shows("#peers", "the same")
        self.card_shows("odd.example.test", re.escape(HOSTILE))  # as text, wherever it came from
        self.shows("#tiles", "/ s")
        self.picture("light")
        self.browser.emulate(scheme="dark")
        colour = "return getComputedStyle(document.body).backgroundColor"
        self.assert_soon(lambda: self.browser.run(colour) != "rgb(246, 247, 248)", "it is dark")
        self.picture("dark")
        self.backends[A].kill()
        self.card_shows(NAME, "degraded")
        self.card_shows(NAME, "connect refused")
        self.card_shows(NAME, "down once in")
        self.shows("#events", f"{A} (web): up → down")
        self.ctl("ns1", "drain", B, "--for", "30m", "--reason", "new disk")
        self.shows("#overrides", "new disk")
        self.card_shows(NAME, "tier 2")
        self.picture("changed")
        self.assertEqual(self.browser.run("return document.querySelectorAll('#cards img').length"), 0)
        self.assertIn("ns1", self.browser.run("return document.title"))
        self.no_complaint()

    def test_it_is_back_when_the_server_is(self):
        self.load()
        self.twins["ns1"].stop()
        self.shows("#live", "reconnecting")
        self.shows("#trouble", "cannot be reached")
        self.picture("lost")
        self.twins["ns1"].start()
        self.shows("#live", "live")
        self.assert_soon(lambda: self.browser.text("#trouble") == "", "no trouble any more")
        self.backends[A].kill()
        self.shows("#events", f"{A} (web): up → down")
        self.card_shows(NAME, "degraded")
        self.twins["ns1"].kill_child("coordinator")
        self.backends[B].kill()
        self.shows("#events", f"{B} (web): up → down")
        numbers = self.browser.run("return state.events.map(e => e.number)")
        self.assertEqual(numbers, sorted(set(numbers)))
        self.card_shows(NAME, "A: tier 2")

    def test_a_phone_has_room_for_it(self):
        self.browser.emulate(width=360, height=740)
        self.load()
        self.backends[A].kill()
        self.card_shows(NAME, "degraded")
        self.picture("phone")
        self.fits_a_phone()
        self.no_complaint()

    def fill(self, **values):
        self.browser.run("""for (const [id, v] of Object.entries(arguments[0])) {
            const e = document.getElementById("order-" + id); e.value = v; e.dispatchEvent(new Event("input", { bubbles: true })); }""", values)

    def is_seen(self, identity):
        return self.browser.run("return document.getElementById(arguments[0]).getClientRects().length > 0", identity)

    def test_an_override_is_given_and_ended_from_the_page(self):
        self.allow_changes()
        self.load()
        self.shows("#order-title", "Give an override")
        self.shows("#foot", "token of http_admin")
        self.picture("admin")
        self.browser.run("""[...document.querySelectorAll("#cards button")].find(b => b.getAttribute("aria-label") === arguments[0]).click()""",
                         f"Drain {A} of {NAME}")
        self.assertEqual(self.browser.run("return document.activeElement.id"), "order-token")
        self.assertEqual(self.browser.run("return document.getElementById('order-what').value"), f"{NAME}/{A}")
        self.fill(reason="new disk")
        self.browser.keys("a wrong token that is long" + ENTER)
        self.shows("#order-said", "this is not the token")
        self.browser.keys(TOKEN + ENTER)
        self.shows("#order-said", "in force on ns1")
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [B], "ns1 answers without it")
        self.assert_soon(lambda: addresses(self.server("ns2"), NAME) == [B], "so does its twin")
        self.shows("#override-rows", "http 127.0.0.1")
        self.shows("#override-rows", "new disk")
        self.card_shows(NAME, "drained for")
        self.assertFalse(self.is_seen("order-token-label"))  # it is known now
        self.assertFalse(self.is_seen("order-force-label"))
        self.fill(what=NAME, verb="down")
        self.browser.run("document.getElementById('order-go').click()")
        self.shows("#order-said", "would leave")
        self.assertTrue(self.is_seen("order-force-label"))
        self.picture("refused")
        self.browser.run("""document.querySelector("#override-rows button").click()""")
        self.assertEqual(self.browser.run("return document.activeElement.id"), "order-go")
        self.browser.keys(ENTER)
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A, B], "it is ended")
        kept = self.browser.run("return [localStorage.length, sessionStorage.length, document.cookie, document.documentElement.outerHTML.includes(arguments[0])]",
                                TOKEN)
        self.assertEqual(kept, [0, 0, "", False])
        self.no_complaint("401", "409")
        self.browser.emulate(width=360, height=740)
        self.assert_soon(lambda: self.browser.run("return document.documentElement.scrollWidth") == 360, "it fits")
        self.picture("admin-phone")

    def test_nothing_to_change_without_a_token(self):
        self.load()
        self.assertFalse(self.is_seen("order"))
        self.assertEqual(self.browser.run("return document.querySelectorAll('#cards button').length"), 0)
        self.shows("#foot", "Read-only.")

    def test_a_keyboard_is_enough(self):
        self.load()
        focused = "return document.activeElement.className || document.activeElement.id || document.activeElement.tagName"
        self.browser.keys(TAB)
        self.assertEqual(self.browser.run(focused), "skip")
        self.browser.keys(ENTER)
        self.assert_soon(lambda: self.browser.run(focused) == "services", "the link leads to the services")
        self.browser.keys(TAB)
        self.assertEqual(self.browser.run(focused), "find")
        self.browser.keys("shop")
        self.assert_soon(lambda: self.browser.run("return document.querySelectorAll('#cards details').length") == 1, "one is found")
        self.browser.keys(TAB + TAB)
        self.assertEqual(self.browser.run(focused), "SUMMARY")
        self.browser.keys(ENTER)
        self.assertFalse(self.browser.run("return document.querySelector('#cards details').open"))
        self.backends[A].kill()  # what it shows changes; where one is does not
        self.card_shows("shop.example.test", "degraded")
        self.assertEqual(self.browser.run(focused), "SUMMARY")
        self.browser.keys(ENTER)
        self.card_shows("shop.example.test", "connect refused")

    def test_a_screen_reader_is_told_everything(self):
        self.load()
        self.card_shows(NAME, "ns1 up")
        for role, name in (("heading", "Services"), ("heading", "The pair"), ("heading", "Events"), ("heading", NAME), ("searchbox", "Find"),
                           ("checkbox", "only what is not ok"), ("main", ""), ("table", "Members"), ("columnheader", "State"),
                           ("log", "Events, newest first")):
            with self.subTest(role=role, name=name):
                self.assert_soon(lambda role=role, name=name: (role, name) in self.browser.accessibility(), f"{role} {name}")

        def pictures():
            return [name for role, name in self.browser.accessibility() if role in ("image", "img")]
        for start in ("Queries a second over the last", "Last 15 min: up 100 %"):
            self.assert_soon(lambda start=start: any(n.startswith(start) for n in pictures()), f"{start}: {pictures()}")
        for _ in range(200):  # a worker measures each 64th turn, and which one is asked is the kernel's choice
            resolve(self.server("ns1"), NAME)
        self.assert_soon(lambda: any(name.startswith("Time from reading a query") for _, name in self.browser.accessibility()),
                         "times are drawn, and told")
        self.assertNotIn("", pictures())


class Twins(PageCase):
    """Each asks for the first member at an address of its own; at ns2's nobody listens."""

    def services(self):
        return f"""
service "{NAME}" {{ check = "web", tiers = {{ {{ {{ "{A}", probe = {{ ns1 = "{A}", ns2 = "{SILENT}" }} }}, "{B}" }}, {{ "{C}" }} }} }}
"""

    def differing(self):
        return self.browser.run("""const t = document.querySelector("#peers table");
            return t ? [...t.rows].map(r => [...r.cells].map(c => c.innerText.trim())) : []""")

    def test_where_they_differ(self):
        self.browser.emulate(width=1280)
        self.load()
        def told():  # for a moment in which it does not hear its twin, there is nothing to compare
            rows = self.differing()
            return rows if [r[1:] for r in rows[1:]] == [["web", "✓ up", "✕ down"]] else None
        head, row = self.assert_soon(told, f"what they see differently is a row; it is: {self.differing()}")
        self.assertEqual(head, ["Target", "Check", "ns1 says", "The twin says"])
        self.assertIn(A, row[0])
        self.assert_soon(lambda: ("table", "Where the twins differ") in self.browser.accessibility(), "it is a table for all")
        self.card_shows(NAME, "ns1 up, ns2 down")
        self.shows("#peers", "of 3")
        self.pictures("differ")
        self.browser.emulate(width=360, height=740)
        self.assert_soon(lambda: self.differing(), "it is there on a phone, too")
        self.fits_a_phone()
        self.backend(SILENT, self.port)
        self.assert_soon(lambda: not self.differing(), "it is gone when they agree")
        self.no_complaint()

    def test_a_twin_that_is_dead(self):
        self.browser.emulate(width=1280)
        self.load()
        self.shows("#peers", "active")
        self.twins["ns2"].kill()
        self.assert_soon(lambda: "active" not in (self.browser.text("#peers") or "active"), "its link is not active any more")
        self.assert_soon(lambda: not self.differing(), "what it does not say cannot differ")
        self.backends[A].kill()
        self.card_shows(NAME, "connect refused")
        self.shows("#events", "ns2")
        self.shows("#peers", "not heard")
        self.pictures("dead")
        self.browser.emulate(width=360, height=740)
        self.fits_a_phone()
        self.twins["ns2"].start()
        self.shows("#peers", "active")


class Crowd(PageCase):
    """More services than a page has cards, and more zones than metrics are told of one by one."""
    SERVICES, ZONES = 260, 1100

    def services(self):
        os.mkdir(self.scratch.path("zones"))
        for i in range(self.ZONES):
            self.scratch.write(f"zones/z{i}.test", "$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns\nns A 127.0.0.1\n")
        check = f'check "port" {{ script = "tcp", args = {{ port = {self.port} }}, interval = "1s" }}\n'
        return 'zones "zones"\n' + check + f'service "{NAME}" {{ check = "port", tiers = {{ {{ "{A}", "{B}" }}, {{ "{C}" }} }} }}\n' + "".join(
            f'service "s{i}.example.test" {{ check = "port", tiers = {{ {{ "{B}" }} }} }}\n' for i in range(self.SERVICES - 1))

    def cards(self):
        return self.browser.run("return [...document.querySelectorAll('#cards h3')].map(e => e.innerText)")

    def test_a_long_list(self):
        self.browser.emulate(width=1280)
        self.browser.open(f"http://127.0.0.1:{self.http['ns1']}/")
        self.shows("#services-note", f"200 of {self.SERVICES} are shown, those in trouble first. Find narrows it.")
        self.assertEqual(len(self.cards()), 200)
        self.backends[A].kill()
        self.assert_soon(lambda: self.cards()[:1] == [NAME], "who is in trouble comes first")
        self.browser.run("document.querySelector('#cards details').open = true")
        self.card_shows(NAME, "connect refused")
        self.pictures("crowd")
        self.browser.emulate(width=360, height=740)
        self.fits_a_phone()
        self.browser.run("""const e = document.getElementById("find"); e.value = "s25"; e.dispatchEvent(new Event("input", { bubbles: true }));""")
        self.assert_soon(lambda: self.cards() and all("s25" in c for c in self.cards()), "those that match are found")
        self.assertEqual(len(self.cards()), 10)
        self.no_complaint()

    def test_many_zones(self):
        def told():
            code, out, _ = self.ctl("ns1", "zones")
            return out if (code, len(out.splitlines())) == (0, self.ZONES + 2) else None
        out = self.assert_soon(told, "every zone, as soon as the responder tells of them")
        self.assertRegex(out, r"(?m)^z1099\.test +served +1\b")


if __name__ == "__main__":
    main()
