"""Maintenance windows and needs, with real processes: windows that open a moment from now, and what was needed dies."""
import datetime
import json

from func import Case, main
from gemelkit import addresses, free_port

A, B, DB = "127.0.0.11", "127.0.0.12", "127.0.0.51"
NAME, SHOP = "www.example.test", "shop.example.test"


def utc(seconds):
    """A moment from now, to the second, as the configuration has it."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%d %H:%M:%S")


class Maintenance(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B, DB)}
        self.checks = f"""
check "web" {{ script = "http", args = {{ port = {self.port}, path = "/" }}, interval = "1s", timeout = "5s",
              retry = "100ms", fall = 2, rise = 2 }}
host "ams1" {{ "{A}", site = "ams" }}
service "{NAME}" {{ check = "web", tiers = {{ {{ "ams1", "{B}" }} }} }}
"""

    def begin(self, body):
        self.config = self.single_config(self.checks + body)
        self.solo = self.node(self.config, "solo")

    def answers(self, name, *expected):
        self.assert_soon(lambda: addresses(self.server("solo"), name) == sorted(expected), f"{name} answers {expected}")

    def show(self, *words):
        status, out, err = self.ctl("solo", "--json", *words)
        self.assertEqual((status, err), (0, ""))
        return json.loads(out)

    def windows(self):
        return [(e["subject"], e["old"], e["new"]) for e in self.show("events")["events"] if e["kind"] == "window"]

    def test_a_window_opens_and_closes(self):
        self.begin("")
        self.answers(NAME, A, B)
        with open(self.config, "a", encoding="utf-8") as f:
            f.write(f'maintenance "kernel update" {{ what = "site:ams", from = "{utc(3)}", to = "{utc(10)}" }}\n')
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.assert_soon(lambda: self.show("windows")["windows"][0]["state"] == "over", "the window is over")
        self.answers(NAME, A, B)
        self.assertEqual(self.windows(), [("kernel update", "ended", "began"), ("kernel update", "began", "ended")])
        answers = [(e["old"], e["new"]) for e in self.show("events")["events"] if e["kind"] == "answer" and e["cause"] == "maintenance"]
        self.assertEqual(answers, [(f"{A} {B}", B), (B, f"{A} {B}")])

    def test_a_window_is_shown(self):
        self.begin(f'maintenance "all day" {{ what = {{ "site:ams" }}, from = "{utc(-60)}", to = "{utc(3600)}" }}')
        self.answers(NAME, B)
        window = self.show("windows")["windows"][0]
        self.assertEqual((window["window"], window["state"], window["does"], window["what"], window["services"]),
                         ("all day", "open", "drain", "site:ams", 1))
        member = next(m for m in self.show("service", NAME)["members"] if m["address"] == A)
        self.assertEqual((member["forced"], member["by"], member["window"], member["until"][:16]),
                         ("drain", "maintenance", "all day", window["closes"][:16]))
        said = self.ctl("solo", "explain", NAME)[1]
        self.assertIn(f'member {A} is taken out of every answer, and is not counted: maintenance window "all day", until', said)

    def test_the_last_that_could_answer_is_kept(self):
        self.begin(f'maintenance "all day" {{ what = "ams1", from = "{utc(-60)}", to = "{utc(3600)}" }}')
        self.answers(NAME, B)
        self.backends[B].kill()
        self.answers(NAME, A)
        self.assertEqual(self.show("windows")["windows"][0]["held_back_by"], NAME)
        self.assertIn(("all day", "began", "held back"), self.windows())
        self.backends[B] = self.backend(B, self.port)
        self.answers(NAME, B)
        self.assertIn(("all day", "held back", "began"), self.windows())
        self.assertEqual(self.ctl("solo", "up", A)[0], 0)  # the operator's word wins
        self.answers(NAME, A, B)
        self.assertEqual(self.ctl("solo", "auto", A)[0], 0)
        self.answers(NAME, B)

    def test_what_needs_what_is_down(self):
        self.begin(f"""
service "{SHOP}" {{ check = "web", all_down = "none", tiers = {{ {{ "{A}", {{ "{B}", needs = "{NAME}" }} }} }}, needs = "db.example.test" }}
service "db.example.test" {{ check = "web", tiers = {{ {{ "{DB}" }} }} }}
""")
        self.answers(SHOP, A, B)
        self.backends[DB].kill()
        self.answers(SHOP)
        self.answers(NAME, A, B)
        self.assertIn(f"member {A} (tier 1, host ams1) is up", self.ctl("solo", "explain", NAME)[1])
        self.assertIn(f"member {A} (tier 1) is down: it needs db.example.test, which is down; solo votes up (ok",
                      self.ctl("solo", "explain", SHOP)[1])
        member = self.show("service", SHOP)["members"][0]
        self.assertEqual((member["state"], member["own"], member["reason"]), ("down", "up", "needs db.example.test, which is down"))
        self.backends[DB] = self.backend(DB, self.port)
        self.answers(SHOP, A, B)

    def test_what_is_wrong_is_refused_and_the_rest_stays(self):
        self.begin("")
        self.answers(NAME, A, B)
        with open(self.config, "a", encoding="utf-8") as f:
            f.write('maintenance "x" { what = "ams2", cron = "0 0 31 2 *", lasts = "1h" }\n')
        status, _, err = self.ctl("solo", "reload")
        self.assertEqual(status, 1)
        self.assertIn("the window never opens", err + self.solo.log())
        self.answers(NAME, A, B)


if __name__ == "__main__":
    main()
