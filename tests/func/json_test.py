"""Every verb with --json: one document, and its keys are those that gemelctl(1) tells under JSON, no more and no fewer."""
import json
import os
import re
import subprocess

import func
from func import GEMELCTL, SRC, ZONE, Case

BODY = """service "www.example.test" { check = "web", failback = "manual", tiers = { { "127.0.0.11", "127.0.0.12" }, { "127.0.0.13", "::1" } } }
maintenance "update" { what = "127.0.0.12", from = "2120-01-01 00:00", to = "2120-01-02 00:00" }
"""
# With the words that make the server do it; stop comes last. A verb that is not here, and not told of below, is missing.
VERBS = [
    ("status",), ("services",), ("service", "www.example.test"), ("targets",), ("peers",), ("zones",), ("events", "-n", "50"), ("top",),
    ("explain", "www.example.test"), ("drain", "127.0.0.13", "--force"), ("up", "127.0.0.13"), ("down", "127.0.0.13", "--reason", "new disk", "--force"),
    ("overrides",), ("windows",), ("auto", "127.0.0.13"), ("failback", "www.example.test"), ("maint", "on", "--force"), ("maint", "off"),
    ("reload",), ("what-if", "OTHER"), ("probe", "www.example.test", "127.0.0.11", "--verbose"), ("test", "LUA/http.lua"), ("stats",), ("log",), ("querylog",), ("dnstap",), ("key",),
    ("upgrade",),
    ("completion", "bash"), ("help",), ("stop",),
]
MAY_FAIL = {"failback": 1, "probe": 1}  # nothing to fail back to; the member is down: told by the exit status


def parse(text):
    """a b{c d} e[f] → {a: None, b: {…}, e: [{…}]}"""
    words, at = re.findall(r"[\w]+|[{}\[\]]", text), 0

    def level(end):
        nonlocal at
        out, last = {}, None
        while at < len(words) and words[at] != end:
            word = words[at]
            at += 1
            if word in "{[":
                inner = level("}" if word == "{" else "]")
                out[last] = inner if word == "{" else [inner]
                at += 1
            else:
                out[word] = None
                last = word
        return out
    return level(None)


def told():
    with open(os.path.join(SRC, "doc", "gemelctl.1")) as f:
        page = f.read()
    block = page[page.index(".Sh JSON"):]
    block = block[block.index(".Bd -literal\n") + 13:block.index("\n.Ed")]
    forms = {}
    for line in block.split("\n"):
        if not line.startswith(" "):
            verb, line = line.split(None, 1)
            forms[verb] = ""
        forms[verb] += " " + line.strip()
    return {verb: parse(text) for verb, text in forms.items()}


class Json(Case):
    def compare(self, where, value, form):
        """Objects have just the keys told; of what is null, empty or told as {} and [] only the kind is looked at."""
        if isinstance(form, list):
            self.assertIsInstance(value, list, where)
            keys = set().union(*[set(row) for row in value if isinstance(row, dict)])
            if value and form[0]:
                self.assertEqual(keys, set(form[0]), where)
            for row in value:
                if form[0]:
                    self.compare(where, row, form[0])
        elif isinstance(form, dict) and value is not None:
            self.assertIsInstance(value, dict, where)
            if form:
                self.assertEqual(set(value), set(form), where)
            for key in form:
                self.compare(f"{where}.{key}", value[key], form[key])

    def told(self, *words):
        """None of a probe that the prober was too late for, and while what a reload brought is still saved: it is asked again."""
        said = self.ctl("ns1", *words)
        return None if ("probe" in words and said[0] == 3) or "a reload is running" in said[2] else said

    def test_each_verb(self):
        config = self.pair_config(BODY, 1)  # nothing listens on port 1
        for name in ("ns1", "ns2"):
            self.node(config, name)
        self.assert_soon(lambda: "active" in self.ctl("ns1", "peers")[1] and self.ctl("ns1", "zones")[0] == 0, "a link, and figures")
        forms, seen = told(), set()
        for verb in VERBS:
            words = [w.replace("OTHER", config).replace("LUA", os.path.join(SRC, "lua")) for w in verb]
            options = ("-n", "ns1", "--json") if verb[0] == "what-if" else ("--json",)
            status, out, err = self.assert_soon(lambda o=options, w=words: self.told(*o, *w), f"{verb[0]} has an outcome")
            with self.subTest(verb=verb):
                seen.add(verb[0])
                if status and verb[0] == "failback":
                    self.assertEqual((out, err.count("\n")), ("", 1))  # as for all that fails
                    continue
                self.assertEqual((status, err), (MAY_FAIL.get(verb[0], 0), ""))
                self.compare(verb[0], json.loads(out), forms[verb[0]])
        run = subprocess.run([GEMELCTL, "--json", "help"], capture_output=True, text=True, check=True)
        verbs = {v["verb"] for v in json.loads(run.stdout)["verbs"]}
        self.assertEqual(seen, verbs, "a verb of the table is not tried")
        self.assertEqual(set(forms), verbs, "gemelctl(1) tells of other verbs under JSON")

    def test_a_change_of_keys_is_one_document_a_step(self):
        config = self.pair_config(BODY, 1)
        for name in ("ns1", "ns2"):
            self.node(config, name)

        def step(*words):
            run = subprocess.run([GEMELCTL, "-c", config, "-n", "ns1", "--json", "key", *words], capture_output=True, text=True, check=False)
            return run.returncode, run.stdout, run.stderr

        def heard(*words):
            """None where it is refused for the twin's silence, which is not what this is about."""
            said = step(*words)
            return None if "is not heard" in said[2] else said
        for n in range(9):  # one new key in 256 has the id of the old one, and is refused
            fresh = self.scratch.path(f"next{n}.key")
            self.assertEqual(json.loads(step("new", fresh)[1]), {"verb": "key new", "file": fresh})
            status, out, err = step("accept", fresh)
            if status == 0:
                break
        self.assertEqual((status, err), (0, ""))
        document = json.loads(out)
        self.compare("key", document, told()["key"])
        self.assertEqual([k["sends"] for k in document["keys"]], [True, False])
        status, out, err = self.assert_soon(lambda: heard("drop", document["keys"][1]["id"]), "the twin is heard")
        self.assertEqual((status, err), (0, ""))
        document = json.loads(out)
        self.compare("key", document, told()["key"])
        self.assertEqual([k["sends"] for k in document["keys"]], [True])

    def test_a_plugin_prints_its_line_all_the_same(self):
        self.node(self.pair_config(BODY, 1), "ns1")
        self.assertRegex(self.ctl("ns1", "--json", "status", "--check")[1], r"\AGEMEL [A-Z]+ - .*\n\Z")

    def digests(self, node):
        """Of all zones, and of the one; None while nobody can tell."""
        status, out, _ = self.ctl(node, "--json", "zones")
        document = json.loads(out) if status == 0 else {"digest": None, "zones": [{"digest": None}]}
        return document["digest"], document["zones"][0]["digest"]

    def test_twins_with_other_zones_show_it(self):
        config = self.pair_config(BODY, 1)
        for name in ("ns1", "ns2"):
            self.node(config, name)
        self.assert_soon(lambda: None not in self.digests("ns1") and self.digests("ns1") == self.digests("ns2"), "the same file, the same digests")
        before = self.digests("ns1")
        self.scratch.write("example.test.zone", ZONE + "more TXT \"under the old serial\"\n")
        self.assertEqual(self.ctl("ns1", "reload")[0], 0)
        self.assert_soon(lambda: self.digests("ns1") not in (before, (None, None)), "another content")
        self.assert_soon(lambda: self.digests("ns2") == before, "the twin has what it had")
        self.assertEqual(self.ctl("ns2", "reload")[0], 0)
        self.assert_soon(lambda: self.digests("ns2") == self.digests("ns1"), "both have it")
        lines = ZONE.splitlines()
        self.scratch.write("example.test.zone", "\n".join(["; as it was at first, said otherwise", *lines, "", lines[-1]]) + "\n")
        self.assertEqual(self.ctl("ns1", "reload")[0], 0)
        self.assert_soon(lambda: self.digests("ns1") == before, "neither comments nor repetitions matter")


if __name__ == "__main__":
    func.main()
