"""Metrics, alert rules and dashboard in a real Prometheus that scrapes two twins."""
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from func import SRC, Case, main
from gemelkit import addresses, fetch, free_port

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"
RULES = os.path.join(SRC, "contrib", "prometheus", "gemel.rules.yml")
DASHBOARD = os.path.join(SRC, "contrib", "prometheus", "gemel-dashboard.json")
NAMES = re.compile(r"\bgemel_[a-z_]+")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def expressions(dashboard):
    """Every query of the dashboard, as Grafana would send it."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            text = target["expr"].replace("$job", "gemel").replace("$node", ".+").replace("$__rate_interval", "30s")
            yield panel["title"], text


class Prometheus(Case):
    def setUp(self):
        for program in ("prometheus", "promtool"):
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B)}
        config = self.pair_config(f"""
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}" }}, {{ "{B}" }} }} }}
""", self.port)
        self.http = {n: free_port() for n in ("ns1", "ns2")}
        text = read(config)
        for name, port in self.http.items():
            text = text.replace(f'node "{name}" {{', f'node "{name}" {{ http = "127.0.0.1:{port}", on_event = "/bin/true",')
        config = self.scratch.write("gemel.lua", text)
        for name in self.http:
            self.node(config, name)
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A], "ns1 answers")
        self.start_prometheus()

    def start_prometheus(self):
        self.web = free_port()
        targets = ", ".join(f'"127.0.0.1:{p}"' for p in self.http.values())
        config = self.scratch.write("prometheus.yml", f"""
global: {{ scrape_interval: 500ms, evaluation_interval: 500ms }}
rule_files: [ "{RULES}" ]
scrape_configs:
  - job_name: gemel
    static_configs: [ {{ targets: [ {targets} ] }} ]
""")
        with open(self.scratch.path("prometheus.log"), "wb") as log:
            server = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.scratch.path('tsdb')}",
                                       f"--web.listen-address=127.0.0.1:{self.web}", "--log.level=warn"], stdout=log, stderr=log)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.web}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as r:
                return json.load(r)["data"]
        except urllib.error.HTTPError as e:
            if e.code == 503:
                return None  # it starts
            self.fail(f"{parameters}: {e.read().decode()}")
        except OSError:
            return None  # not there yet

    def query(self, text):
        data = self.ask("query", query=text)
        return data["result"] if data else []

    def rules(self):
        return [r for g in (self.ask("rules") or {"groups": []})["groups"] for r in g["rules"]]

    def alerts(self, name):
        return next((r["alerts"] for r in self.rules() if r["name"] == name), None)

    def metrics(self):
        return fetch(f"http://127.0.0.1:{self.http['ns1']}/metrics")

    def test_it_scrapes_rules_hold_and_every_panel_has_something_to_show(self):
        both = {"ns1", "ns2"}
        self.assert_soon(lambda: {r["metric"]["node"] for r in self.query("gemel_build_info")} == both, "both twins are scraped")
        self.assert_soon(lambda: sum(float(r["value"][1]) for r in self.query('gemel_peer_link_state{state="active"}')) == 2, "both links")
        for title, text in expressions(json.loads(read(DASHBOARD))):
            with self.subTest(title, query=text):
                self.assert_soon(lambda text=text: self.query(text), f"{text} gives something")
        self.assert_soon(lambda: {r["health"] for r in self.rules()} == {"ok"}, "every rule can be evaluated")
        self.assert_soon(lambda: self.ask("alerts") == {"alerts": []}, "nothing is wrong, and nothing rings")
        for b in self.backends.values():
            b.kill()
        alert = self.assert_soon(lambda: self.alerts("GemelServiceFailed"), "an alert is on its way")[0]
        self.assertIn("1 services on 127.0.0.1:", alert["annotations"]["summary"])
        self.nodes["ns2"].kill()
        self.assert_soon(lambda: self.alerts("GemelTwinLost"), "the lost twin too")
        self.assert_soon(lambda: self.alerts("GemelDown"), "and that it cannot be asked")

    def test_no_name_is_made_up(self):
        def served():
            return set(NAMES.findall("\n".join(line.split("{")[0] for line in self.metrics().splitlines() if not line.startswith("# HELP"))))
        used = set(NAMES.findall(read(RULES))) | set(NAMES.findall(read(DASHBOARD)))
        self.assert_soon(lambda: not used - served(), "what is used is served, the zones as soon as the responder tells of them")

    def test_all_that_peers_counts_is_a_metric(self):
        packets = json.loads(fetch(f"http://127.0.0.1:{self.http['ns1']}/api/v1/peers"))["packets"]
        text = self.metrics()
        for key in packets:
            reason = key.removeprefix("refused_")
            if key == "refused_streams":
                self.assertRegex(text, r"(?m)^gemel_pair_streams_refused_total \d")
            elif reason != key:
                self.assertIn(f'reason="{reason}"', text)
        for name in ("hellos", "streams_cut", "divergences", "refutes", "duplicate_ids", "clock_skews"):
            self.assertRegex(text, rf"(?m)^gemel_pair_{name}_total \d+$")
            self.assertIn(f"# HELP gemel_pair_{name}_total ", text)

    def test_promtool_takes_metrics_and_rules(self):
        for words, text in ((["check", "rules", RULES], None), (["check", "metrics"], self.metrics())):
            run = subprocess.run(["promtool", *words], input=text, capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)


if __name__ == "__main__":
    main()
