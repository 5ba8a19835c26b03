"""The status page in a real browser: what it shows, that it lives, and that it can be used on a phone, by keyboard, by ear."""
import os
import re

from func import Case, main
from browser import Browser, missing
from gemelkit import addresses, free_port

A, B, C = "127.0.0.11", "127.0.0.12", "127.0.0.13"
NAME = "www.example.test"
HOSTILE = '<img src=x onerror="document.title=1">'
TOKEN = "correct-horse-battery-staple"
TAB, ENTER = "\ue004", "\ue007"


class Page(Case):
    def setUp(self):
        if missing():
            self.skipTest(f"{missing()} is not installed")
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B, C)}
        config = self.pair_config(f"""
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }}, {{ "{C}" }} }} }}
service "shop.example.test" {{ check = "web", answer = 1, pick = "weighted", tiers = {{ {{ {{ "{A}", weight = 3 }}, "{B}" }} }} }}
service "odd.example.test" {{ check = {{ script = "odd.lua", interval = "1s" }}, tiers = {{ {{ "{C}" }} }} }}
""", self.port)
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

    def no_complaint(self, *but):
        self.assertEqual([c for c in self.browser.console() if not any(b in c for b in but)], [])

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
        self.assertNotEqual(self.browser.run("return getComputedStyle(document.body).backgroundColor"), "rgb(246, 247, 248)")
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
        wide = self.browser.run("""const w = document.documentElement.clientWidth;
            return [w, document.documentElement.scrollWidth, [...document.querySelectorAll("main *, header *")]
            .filter(e => e.getBoundingClientRect().right > w + 1 && e.getBoundingClientRect().width > 0 && getComputedStyle(e).position !== "absolute"
                && !e.closest("thead")).map(e => e.tagName + "." + e.className)]""")
        self.assertEqual(wide, [360, 360, []])
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
        self.assertEqual(self.browser.run("return document.documentElement.scrollWidth"), 360)
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
        nodes = self.browser.accessibility()
        for role, name in (("heading", "Services"), ("heading", "The pair"), ("heading", "Events"), ("heading", NAME), ("searchbox", "Find"),
                           ("checkbox", "only what is not ok"), ("main", ""), ("table", "Members"), ("columnheader", "State"),
                           ("log", "Events, newest first")):
            with self.subTest(role=role, name=name):
                self.assertIn((role, name), nodes)
        pictures = [name for role, name in nodes if role in ("image", "img")]
        self.assertTrue(any(n.startswith("Queries a second over the last") for n in pictures), pictures)
        self.assertTrue(any(re.match("Last 15 min: up 100 %", n) for n in pictures), pictures)
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) and
                         any(name.startswith("Time from reading a query") for _, name in self.browser.accessibility()), "times are drawn, and told")
        self.assertNotIn("", pictures)


if __name__ == "__main__":
    main()
