"""Monitoring plugins through the runner: what each end means, and that nothing of a plugin outlives its probe."""
import json
import os
import signal

from func import PATIENCE_S, Case, main
from gemelkit import is_alive, wait_until
from servers import Nginx, find

SLEEP = f"sleep 1000.{os.getpid()}"  # of this test and nobody else
SCRIPTS = {  # name, the plugin's text, state, a part of the reason
    "ok": ("echo 'FINE - it works | time=0.5s;1;2;0;9'", "up", "ok: FINE - it works"),
    "warning": ("echo 'so so'; exit 1", "up", "so so"),
    "critical": ("echo BAD; exit 2", "down", "check said down: BAD"),
    "unknown": ("echo 'who knows'; exit 3", "unknown", "check said unknown: who knows"),
    "seven": ("echo x; exit 7", "unknown", "the plugin ended with status 7"),
    "signal": ("kill -9 $$", "unknown", "the plugin died of signal 9"),
    "stubborn": ("trap '' TERM INT HUP; while :; do sleep 1; done", "down", "check timeout: the plugin did not end"),
    "family": (f"{SLEEP} & {SLEEP} & echo 'has children'", "up", "has children"),
    "daemon": (f"setsid sh -c '{SLEEP} & {SLEEP}' & echo 'left its group'", "up", "left its group"),
    "lingers": (f"exec >&- 2>&-; {SLEEP}", "down", "the plugin did not end"),
    "endless": ("yes", "unknown", "the plugin wrote more than 65536 octets"),
    "silent": ("exit 0", "up", "ok"),
    "clean": ("[ \"$(env | cut -d= -f1 | sort | tr '\\n' ' ')\" = 'LC_ALL PATH PWD ' ] && [ \"$(pwd)\" = / ] && echo clean || { env; exit 2; }", "up", "clean"),
    "files": ("ls -l /proc/$$/fd | grep -E 'socket|anon|memfd' && exit 2; echo few", "up", "few"),
}


class Plugins(Case):
    def member(self, name):
        status, out, _ = self.ctl("solo", "--json", "service", f"{name}.example.test")
        return json.loads(out)["members"][0] if status == 0 else {"state": None, "reason": None}

    def expect(self, name, state, reason):
        def so():
            m = self.member(name)
            return m["reason"] and m["state"] == state and reason in m["reason"]
        if not wait_until(so, PATIENCE_S, 0.05):
            self.fail_with_logs(f"{name}: expected {state}, {reason}; is {self.member(name)}")

    def plugin(self, name, text):
        path = self.scratch.write(f"plugin_{name}", "#!/bin/sh\n" + text + "\n")
        os.chmod(path, 0o755)
        return path

    def service(self, name, command, more=""):
        return (f'service "{name}.example.test" {{ tiers = {{ {{ "127.0.0.1" }} }}, check = {{ script = "nagios", '
                f'args = {{ command = [[{command}]]{more} }}, interval = "400ms", timeout = "1500ms", fall = 1, rise = 1 }} }}\n')

    def left_over(self):
        """Processes below the runner, or anywhere with one of our sleeps."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
                if words[:2] == SLEEP.encode().split():
                    found.append(int(pid))
            except OSError:
                pass
        return found

    def test_ends(self):
        before = set(self.left_over())
        body = "".join(self.service(name, self.plugin(name, text)) for name, (text, _, _) in SCRIPTS.items())
        body += self.service("warns", self.scratch.path("plugin_warning"), ', warning = "down"')
        body += self.service("absent", "/nowhere/check_nothing")
        body += self.service("words", self.plugin("words", 'echo "$# <$1> <$2>"') + " 'a  b' $HOSTADDRESS$,$SERVICE$")
        body += self.service("quotes", self.plugin("quotes", 'echo "$#"') + ''' "$SERVICE$; rm -rf / | $(id)" ""''')
        self.node(self.single_config(body), "solo")
        for name, (_, state, reason) in SCRIPTS.items():
            with self.subTest(name):
                self.expect(name, state, reason)
        self.expect("warns", "down", "check said down: so so")
        self.expect("absent", "unknown", "check not possible: the plugin cannot be run: No such file or directory")
        self.expect("words", "up", "2 <a  b> <127.0.0.1,words.example.test>")
        self.expect("quotes", "up", "ok: 2")
        old = self.nodes["solo"].kill_child("prober")
        self.assert_soon(lambda: self.nodes["solo"].children().get("prober", old) != old, "a new prober")
        self.expect("ok", "up", "it works")
        with open(self.scratch.path("gemel.lua")) as f:
            whole = f.read()
        self.scratch.write("gemel.lua", whole.split("service")[0])
        self.nodes["solo"].reload()
        self.assert_soon(lambda: "runner" not in self.nodes["solo"].children(), "no check needs the runner any more")
        self.assert_soon(lambda: not set(self.left_over()) - before, "nothing of a plugin is left")
        self.assertNotRegex(self.nodes["solo"].log(), "the runner (ended|died)")

    def test_a_runner_outlives_its_prober(self):
        """Whose words it still reads when nobody is there to be told of what they led to."""
        node = self.node(self.single_config(self.service("ok", self.plugin("ok", "echo fine"))), "solo")
        probe = lambda: self.ctl("solo", "probe", "ok.example.test", "127.0.0.1")[0]  # noqa: E731
        self.assert_soon(lambda: probe() == 0, "it runs")
        runner = node.child("runner")
        os.kill(runner, signal.SIGSTOP)
        self.assertEqual(probe(), 3, "it was asked for, and nobody came")
        prober = node.kill_child("prober")
        self.assert_soon(lambda: not is_alive(prober), "the prober is dead")
        os.kill(runner, signal.SIGCONT)
        self.assert_soon(lambda: probe() == 0, "the next one is served")
        self.assertEqual(node.child("runner"), runner)
        self.assertNotRegex(node.log(), "the runner (ended|died)")

    def test_a_program_of_an_event_outlives_the_prober(self):
        os.mkdir(self.scratch.path("out"))
        os.chmod(self.scratch.path("out"), 0o777)
        began, go, told = (self.scratch.path("out", name) for name in ("began", "go", "told"))
        program = self.plugin("event", f"echo > {began}; until [ -e {go} ]; do sleep 0.05; done; echo > {told}")
        config = self.single_config(self.service("ok", self.plugin("ok", "echo fine")))
        with open(config) as f:
            text = f.read()
        hook = f'on_event = {{ "{program}", kinds = "override", timeout = "60s" }}'
        self.scratch.write("gemel.lua", text.replace("state =", hook + ", state ="))
        node = self.node(config, "solo")
        self.expect("ok", "up", "fine")
        self.assertEqual(self.ctl("solo", "up", "127.0.0.1")[0], 0)
        self.assert_soon(lambda: os.path.exists(began), "the program runs")
        old = node.kill_child("prober")
        self.assert_soon(lambda: self.ctl("solo", "probe", "ok.example.test", "127.0.0.1")[0] == 0 and not is_alive(old),
                         "another prober works")
        self.scratch.write("out/go", "")
        self.assert_soon(lambda: os.path.exists(told), "it runs to its end")

        def counts():
            hook = json.loads(self.ctl("solo", "--json", "status")[1])["hook"]
            return hook["ran"], hook["failed"]
        self.assert_soon(lambda: counts() == (1, 0), f"which is told: {counts()}")

    def test_what_left_its_group_ends_with_the_runner(self):
        before = set(self.left_over())
        away = lambda: set(self.left_over()) - before
        config = self.single_config()
        with open(config) as f:
            empty = f.read()
        command = self.plugin("away", f"setsid {SLEEP} &\n{SLEEP}")
        self.scratch.write("gemel.lua", empty + self.service("away", command).replace("1500ms", "10m"))
        self.node(config, "solo")
        self.assert_soon(lambda: len(away()) == 2, "it runs, and so does what it left behind")
        self.scratch.write("gemel.lua", empty)
        self.nodes["solo"].reload()
        self.assert_soon(lambda: not away(), "nothing of it is left")

    def test_no_plugin_no_runner(self):
        self.node(self.single_config(), "solo")
        self.assertNotIn("runner", self.nodes["solo"].children())
        self.scratch.write("own.lua", "return { plugins = true, run = function (target)\n"
                           "  local r = run('/bin/echo', 'fine | a=1.5ms;2:3;;0 \\'b c\\'=7%', { env = { X = '1' } })\n"
                           "  return r.perfdata.a.value == 1.5 and r.perfdata.a.unit == 'ms' and r.perfdata.a.warn == '2:3' and\n"
                           "    r.perfdata.a.crit == nil and r.perfdata['b c'].value == 7, r.output\nend }")
        self.scratch.write("bare.lua", "return function () return run('/bin/true').status == 'ok' end")
        one = ('"{0}.example.test" {{ tiers = {{ {{ "127.0.0.1" }} }}, check = {{ script = "{0}.lua", interval = "300ms", '
               'timeout = "20s", fall = 1 }} }}\n')
        with open(self.scratch.path("gemel.lua"), "a") as f:
            f.write("service " + one.format("own") + "service " + one.format("bare"))
        self.nodes["solo"].reload()
        self.assert_soon(lambda: "runner" in self.nodes["solo"].children(), "a reload brings the runner")
        self.expect("own", "up", "ok: fine")
        self.expect("bare", "unknown", "bare.lua:1: run() is for scripts that say plugins = true")
        for _ in range(2):
            old = self.nodes["solo"].kill_child("runner")
            self.assert_soon(lambda: self.nodes["solo"].children().get("runner", old) != old, "a new runner")
        self.expect("own", "up", "ok: fine")
        self.assertNotIn("state=down", self.nodes["solo"].log())
        self.scratch.write("bad.lua", "return { plugins = 1, run = function () end }")
        with open(self.scratch.path("gemel.lua"), "a") as f:
            f.write("service " + one.format("bad"))
        status, _, err = self.run_gemeld("-c", self.scratch.path("gemel.lua"), "-t")
        self.assertEqual(status, 1)
        self.assertIn("plugins is neither true nor false", err)

    def test_debian_plugins(self):
        server = Nginx(self.scratch)
        if not find("/usr/lib/nagios/plugins/check_http") or not server.there():
            self.skipTest("monitoring-plugins-basic or nginx is not installed")
        self.addCleanup(server.kill)
        server.start()
        self.node(self.single_config(
            self.service("http", f"check_http -I $HOSTADDRESS$ -p {server.port} -u /healthz -s fine") +
            self.service("sick", "check_http -I $HOSTADDRESS$ -p $PORT$ -u /sick", f", port = {server.port}") +
            self.service("tcp", f"check_tcp -H $ADDRESS$ -p {server.port}") +
            self.service("bad", "check_tcp --nonsense")), "solo")
        self.expect("http", "up", "HTTP OK: HTTP/1.1 200 OK")
        self.expect("sick", "down", "check said down: HTTP CRITICAL: HTTP/1.1 503")
        self.expect("tcp", "up", "TCP OK")
        self.expect("bad", "unknown", "check said unknown")
        server.kill()
        self.expect("http", "down", "")
        self.expect("tcp", "down", "refused")


if __name__ == "__main__":
    main()
