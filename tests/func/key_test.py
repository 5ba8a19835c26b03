#!/usr/bin/env python3
"""A pair changes its key while it runs, and keeps it to itself; twins with different configurations say so and go on."""
import glob
import json
import os
import re
import resource
import shutil
import signal
import subprocess

from func import GEMELCTL, GEMELD, Case, main
from gemelkit import addresses, write_key

SERVICE = 'service "www.example.test" { check = "web", tiers = { { "127.0.0.11", "127.0.0.12" } } }\n'
SHOP = 'service "shop.example.test" { check = "web", tiers = { { "127.0.0.13" } } }\n'
INTERVAL = "1s"  # four without a word make a link suspect: a machine that stands still for a while is no reason to refuse a step


def read(path):
    with open(path, "rb") as f:
        return f.read()


def memory_of(pid):
    """All that it may write to; None where we may not look."""
    out = []
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                where, rights = line.split()[:2]
                start, end = (int(n, 16) for n in where.split("-"))
                if "w" not in rights or end - start > 1 << 28:
                    continue
                try:
                    memory.seek(start)
                    out.append(memory.read(end - start))
                except OSError:  # what it has marked as not to be read
                    pass
    except PermissionError:
        return None
    return b"".join(out)


def core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        return tuple(next(line for line in f if line.startswith("Max core")).split()[4:6])


def has_socket(pid):
    try:
        return any(os.readlink(f).startswith("socket:") for f in glob.glob(f"/proc/{pid}/fd/*"))
    except OSError:
        return False


def is_dumpable(pid):
    """The kernel gives the files of one that is not to root, whoever it runs as."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        euid = int(next(line for line in f if line.startswith("Uid:")).split()[2])
    return euid == 0 or os.stat(f"/proc/{pid}/environ").st_uid == euid


class Pair(Case):
    """Two nodes, each with a folder of its own: configuration and key are two files that can differ."""

    def setUp(self):
        super().setUp()
        self.config = {}

    def write_node(self, name, body):
        folder = self.scratch.path(name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "gemel.lua"), "w") as f:
            f.write(self.head + body)
        with open(os.path.join(folder, "example.test.zone"), "wb") as f:
            f.write(read(self.scratch.path("example.test.zone")))
        self.config[name] = os.path.join(folder, "gemel.lua")
        return self.config[name]

    def begin(self, body=SERVICE):
        shared = self.pair_config("", 1, INTERVAL)  # nothing listens on port 1
        with open(shared) as f:
            self.head = f.read().replace('"run/', f'"{self.scratch.path("run")}/')
        for name in ("ns1", "ns2"):
            self.write_node(name, body)
            path = os.path.join(self.scratch.path(name), "pair.key")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
                f.write(read(self.scratch.path("pair.key")))
        for name in ("ns1", "ns2"):
            self.node(self.config[name], name)
        self.assert_soon(self.are_alike, "an active link and equal records")

    def key_file(self, name):
        return os.path.join(self.scratch.path(name), "pair.key")

    def keys(self, name):
        return read(self.key_file(name)).decode().split()

    def json(self, node, *words):
        status, out, err = self.ctl(node, "--json", *words)
        self.assertEqual((status, err), (0, ""))
        return json.loads(out)

    def ctl(self, node, *words):
        run = subprocess.run([GEMELCTL, "-c", self.config[node], "-n", node, *words], capture_output=True, text=True, check=False,
                             timeout=60)
        return run.returncode, run.stdout, run.stderr

    def peer(self, node):
        return self.json(node, "peers")["peers"][0]

    def are_alike(self):
        """False too while a coordinator that is new does not answer, or knows nothing of its twin."""
        for node in ("ns1", "ns2"):
            status, out, _ = self.ctl(node, "--json", "peers")
            peers = json.loads(out)["peers"] if status == 0 else []
            if not peers or peers[0]["link"] not in ("active", "mismatch") or not peers[0]["same_records"]:
                return False
        return True

    def refused(self, node):
        packets = self.json(node, "peers")["packets"]
        return {k: v for k, v in packets.items() if k.startswith("refused") and v}

    def links(self, node):
        """What it tells of its link; the twin's words on that come when they come."""
        events = self.json(node, "events")["events"]
        return [(e["old"], e["new"]) for e in events if e["kind"] == "link" and e["observer"] == node]

    def alarms(self, node):
        return [e for e in self.json(node, "events")["events"] if e["kind"] == "alarm"]

    def must(self, node, *words):
        status, out, err = self.ctl(node, *words)
        self.assertEqual(status, 0, err)
        return out


class Rotation(Pair):
    def make_key(self):
        path = self.scratch.path("new.key")
        if os.path.exists(path):
            os.unlink(path)
        self.must("ns1", "key", "new", path)
        return path

    def rotate(self):
        """In the documented order; after each step the twins are as they were."""
        old = self.json("ns1", "key")["keys"][0]["id"]
        while True:  # one new key in 256 has the id of the old one, and is refused
            fresh = self.make_key()
            status, out, err = self.ctl("ns1", "key", "accept", fresh)
            if status == 0:
                break
            self.assertIn("has the id of the one in use", err)
        self.must("ns2", "key", "accept", fresh)
        new = self.json("ns2", "key")["keys"][1]["id"]
        self.assert_soon(self.are_alike, "records alike under two keys")
        self.assert_soon(lambda: self.json("ns1", "key")["peers"][0]["accepts"] == f"{old} {new}", "ns2 tells its two keys")
        self.assert_soon(lambda: self.json("ns2", "key")["peers"][0]["accepts"] == f"{old} {new}", "ns1 tells its two keys")
        for node, twin in (("ns1", "ns2"), ("ns2", "ns1")):
            self.must(node, "key", "send", new)
            self.assert_soon(lambda twin=twin: self.json(twin, "key")["peers"][0]["uses"] == new, f"{twin} hears the new key")
            self.assert_soon(self.are_alike, "records alike while each sends with another")
            self.assert_soon(lambda twin=twin: self.json(twin, "key")["peers"][0]["accepts"] == f"{new} {old}", "the keys are told")
        for node in ("ns1", "ns2"):
            self.must(node, "key", "drop", old)
            self.assert_soon(self.are_alike, "records alike under the new key")
        return old, new

    def test_no_packet_is_refused_and_no_link_falls(self):
        self.begin()
        links = {n: self.links(n) for n in ("ns1", "ns2")}
        first = self.keys("ns1")
        old, new = self.rotate()
        for node in ("ns1", "ns2"):
            refused = self.refused(node)
            self.assertEqual({k: v for k, v in refused.items() if k in ("refused_auth", "refused_replay", "refused_format")}, {})
            state = self.json(node, "key")
            self.assertEqual(state["keys"], [{"id": new, "sends": True}])
            self.assertEqual(state["peers"][0]["uses"], new)
            self.assertNotIn(first[0], self.keys(node))
            self.assertEqual(os.stat(self.key_file(node)).st_mode & 0o7777, 0o600)
            self.assertEqual(self.alarms(node), [])
            self.assertEqual(glob.glob(self.key_file(node) + ".*"), [])
            self.assertEqual(self.links(node), links[node])
        self.assertNotEqual(old, new)
        # a start, and one of the coordinator alone, find the key in use
        self.nodes["ns1"].kill_child("coordinator")
        self.assert_soon(self.are_alike, "the link after a new coordinator")
        self.nodes["ns2"].stop()
        self.nodes["ns2"].start()
        self.assert_soon(self.are_alike, "the link after a restart")
        self.assertEqual(self.json("ns1", "key")["keys"], [{"id": new, "sends": True}])

    def test_the_wrong_order_is_refused(self):
        self.begin()
        old = self.json("ns1", "key")["keys"][0]["id"]
        fresh = self.make_key()
        status, _, err = self.ctl("ns1", "key", "accept", fresh)
        while "has the id" in err:  # one in 256
            fresh = self.make_key()
            status, _, err = self.ctl("ns1", "key", "accept", fresh)
        self.assertEqual(status, 0, err)
        new = self.json("ns1", "key")["keys"][1]["id"]
        before = self.keys("ns1")
        status, _, err = self.ctl("ns1", "key", "send", new)
        self.assertEqual((status, f"ns2 does not accept {new} yet" in err), (1, True), err)
        status, _, err = self.ctl("ns1", "key", "drop", old)
        self.assertEqual((status, "this node sends with" in err), (1, True), err)
        status, _, err = self.ctl("ns1", "key", "accept", fresh)
        self.assertEqual((status, "two keys are in use already" in err), (1, True), err)
        status, _, err = self.ctl("ns1", "key", "drop", "zz")
        self.assertEqual((status, "this node has no key zz" in err), (1, True), err)
        self.assertEqual(self.keys("ns1"), before)
        self.must("ns2", "key", "accept", fresh)
        self.assert_soon(lambda: self.json("ns1", "key")["peers"][0]["accepts"] == f"{old} {new}", "ns2 tells its keys")
        self.must("ns1", "key", "send", new)
        # ns2 still sends with the old one
        status, _, err = self.ctl("ns1", "key", "drop", old)
        self.assertEqual((status, f"ns2 still sends with {old}" in err), (1, True), err)
        # who is not heard may have any
        self.nodes["ns2"].kill()
        self.assert_soon(lambda: self.peer("ns1")["link"] == "lost", "a lost link")
        self.assert_soon(lambda: "ns2 is not heard" in self.ctl("ns1", "key", "drop", old)[2], "a refusal for want of a twin")
        self.must("ns1", "key", "drop", old, "--force")
        self.assertEqual(self.json("ns1", "key")["keys"], [{"id": new, "sends": True}])

    def test_files_changed_by_hand_are_warned_of(self):
        self.begin()
        write_key(self.key_file("ns1"))
        self.must("ns1", "reload")
        self.assert_soon(lambda: any("still sends with a key that this node no longer has" in a["reason"] for a in self.alarms("ns1")),
                         "an alarm about the key")
        # a file that others may read is refused, and the keys in use stay
        os.chmod(self.key_file("ns1"), 0o640)
        status, _, err = self.ctl("ns1", "reload")
        self.assertEqual((status, "is open to others than its owner (mode 0640)" in err), (1, True), err)
        status, _, err = self.run_gemeld("-c", self.config["ns1"], "-n", "ns1")
        self.assertEqual((status, "is open to others" in err), (1, True), err)


class Secrecy(Pair):
    def test_no_core_log_or_journal_holds_a_key(self):
        if os.environ.get("SANITIZED"):
            self.skipTest("a build with sanitizers traces itself")
        with open("/proc/sys/kernel/core_pattern") as f:
            pattern = f.read().strip()
        here = os.getcwd()
        cores = self.scratch.path("cores")
        os.mkdir(cores)
        os.chmod(cores, 0o777)
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        self.addCleanup(os.chdir, here)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, (soft, hard))
        os.chdir(cores)
        if hard == resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        os.environ["GEMEL_CONFINE"] = "no"  # with Landlock the kernel may write no core of the responder either
        self.addCleanup(os.environ.pop, "GEMEL_CONFINE")
        self.begin()
        secrets = [k for name in ("ns1", "ns2") for k in self.keys(name)]
        node = self.nodes["ns1"]
        for role in ("responder", "coordinator", "prober"):
            pid = node.child(role)
            os.kill(pid, signal.SIGSEGV)
            self.assert_soon(lambda role=role, pid=pid: node.children().get(role, pid) != pid, f"another {role}")
        files = glob.glob(os.path.join(cores, "*"))
        if hard == resource.RLIM_INFINITY and not pattern.startswith(("|", "/")):
            self.assertEqual(len(files), 1, "the responder's, and no other's")
        self.assert_soon(self.are_alike, "the link after that")
        self.must("ns1", "reload")
        for verb in (["peers"], ["key"], ["status"], ["events"]):
            self.assertNotIn(secrets[0], self.must("ns1", "--json", *verb))
        for n in self.nodes.values():
            self.assertEqual(n.stop(), 0)  # who runs writes files anew, under other names until they are whole
        for name in ("ns1", "ns2"):
            for folder, _, found in os.walk(self.scratch.path("run", name)):
                files += [os.path.join(folder, f) for f in found]
            files.append(self.scratch.path(f"{name}.log"))
        self.assertGreater(len(files), 6)
        for path in files:
            content = read(path)
            for k in secrets:
                for form in (k.encode(), bytes.fromhex(k)):
                    self.assertNotIn(form, content, path)

    def test_who_holds_a_key_leaves_no_core(self):
        """The memory of each process is searched as a core would hold it: who has a key in it may leave none, be it by a limit or by
        being not dumpable, and who may leave one has no key."""
        if os.environ.get("SANITIZED"):
            self.skipTest("a build with sanitizers traces itself")
        self.begin()
        secrets = [k for name in ("ns1", "ns2") for k in self.keys(name)]
        node = self.nodes["ns1"]
        self.confined("ns1")
        holders = set()
        for role, pid in {"supervisor": node.process.pid, **node.children()}.items():
            memory = memory_of(pid)
            if memory is None:
                self.skipTest("the memory of a process cannot be read here")
            holds = any(form in memory for k in secrets for form in (k.encode(), k.upper().encode(), bytes.fromhex(k)))
            if holds:
                holders.add(role)
                self.assertEqual(core_limit(pid), ("0", "0"), role)
                self.assertFalse(is_dumpable(pid), role)
            elif is_dumpable(pid) and core_limit(pid) != ("0", "0"):
                self.assertIn(role, ("responder", "supervisor", "runner"), "as doc/design/processes.md has it")
        self.assertIn("coordinator", holders)  # else nothing was searched
        self.assertFalse(holders & {"responder", "prober", "runner"}, holders)

    def readers(self):
        """Every command that reads the keys itself."""
        config = self.config["ns1"]
        ctl = [GEMELCTL, "-c", config, "-n", "ns1"]
        return {
            "-t": [GEMELD, "-c", config, "-n", "ns1", "-t"],
            "--replay": [GEMELD, "-c", config, "-n", "ns1", "--replay", self.scratch.path("run", "ns1")],
            "status": [*ctl, "status"],
            "top": [*ctl, "top"],
            "what-if": [*ctl, "what-if", config],
            "probe": [*ctl, "probe", "www.example.test", "127.0.0.11"],
            "key": [*ctl, "key", "send", self.json("ns1", "key")["keys"][0]["id"]],
        }

    def traced(self, command, *options):
        """What strace tells of a command, which may leave a core as far as we may."""
        out = self.scratch.path("trace")
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        subprocess.run(["strace", "-o", out, *options, *command], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60,
                       cwd=self.scratch.path("ns1"), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)))
        with open(out, encoding="utf-8") as f:
            return f.read()

    def test_who_reads_a_key_once_leaves_no_core(self):
        """Each is killed where it has just read the keys; and the file is opened, and asked for nothing by its name."""
        if os.environ.get("SANITIZED"):
            self.skipTest("a build with sanitizers traces itself")
        if not shutil.which("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
            self.skipTest("no process can be traced here")
        self.begin()
        key = self.key_file("ns1")
        calls = "trace=prctl,prlimit64,setrlimit,%file"
        for name, command in self.readers().items():
            with self.subTest(name):
                text = self.traced(command, "-e", calls)
                at = text.find(f'"{key}"')
                self.assertGreater(at, 0, text[-2000:])
                self.assertIn("PR_SET_DUMPABLE, SUID_DUMP_DISABLE", text[:at])
                self.assertRegex(text[:at], r"RLIMIT_CORE, \{rlim_cur=0, rlim_max=0\}")
                self.assertNotIn("SUID_DUMP_USER", text)
                if name != "key":
                    uses = re.findall(r"(\w+)\([^\n]*" + re.escape(f'"{key}"'), text)
                    self.assertEqual(set(uses), {"openat"}, "what is read is what was judged")
                text = self.traced(command, "-P", key, "-e", "trace=close", "-e", "inject=close:signal=SEGV")
                self.assertIn("killed by SIGSEGV", text)
                self.assertNotIn("core dumped", text)
                self.assertEqual(glob.glob(os.path.join(self.scratch.path("ns1"), "*core*")), [])

    def test_who_read_a_key_once_keeps_none(self):
        """While gemelctl waits for the server's answer, it has no key in its memory any more."""
        if os.environ.get("SANITIZED"):
            self.skipTest("a build with sanitizers keeps what was freed")
        self.begin()
        secrets = self.keys("ns1")
        readers = self.readers()
        for name in ("status", "what-if"):
            pid = self.nodes["ns1"].child("coordinator")
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(self.nodes["ns1"].kill)
            asks = subprocess.Popen(readers[name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(asks.wait)
            self.addCleanup(asks.kill)
            self.assert_soon(lambda asks=asks: has_socket(asks.pid), "it asks the server")
            memory = memory_of(asks.pid)
            if memory is None:
                self.skipTest("the memory of a process cannot be read here")
            self.assertIsNone(asks.poll())
            self.assertIn(b"ns1", memory)  # else nothing was searched
            for k in secrets:
                for form in (k.encode(), bytes.fromhex(k)):
                    self.assertNotIn(form, memory, name)
            asks.kill()
            os.kill(pid, signal.SIGCONT)


class Configurations(Pair):
    def test_twins_with_different_files(self):
        self.begin(SERVICE)
        self.assertTrue(self.peer("ns1")["same_config"])
        both = ["127.0.0.11", "127.0.0.12"]
        self.assert_soon(lambda: addresses(self.server("ns1"), "www.example.test") == both, "the first answer")
        self.write_node("ns2", SERVICE.replace('"127.0.0.12"', '"127.0.0.14"') + SHOP)
        self.must("ns2", "reload")
        self.assert_soon(lambda: self.peer("ns1")["link"] == "mismatch" and self.peer("ns2")["link"] == "mismatch", "the mismatch")
        self.assert_soon(lambda: self.peer("ns1")["same_records"], "equal records")
        text = "services (1 differ, 0 only here, 1 only there): www.example.test"
        self.assert_soon(lambda: text in (self.peer("ns1")["config"] or ""), "what differs")
        back = "services (1 differ, 1 only here, 0 only there)"
        self.assert_soon(lambda: back in (self.peer("ns2")["config"] or ""), "the same from there")
        self.assertIn("services (1 differ", self.must("ns1", "peers"))
        self.assert_soon(lambda: any(text in a["reason"] for a in self.alarms("ns1")), "an alarm that names the part")
        self.assertIn("another configuration", self.ctl("ns1", "status", "--check")[1])
        # both answer on, and the target that both have is still seen by both
        self.assert_soon(lambda: addresses(self.server("ns1"), "www.example.test") == both, "the answer as before")
        self.assert_soon(lambda: addresses(self.server("ns2"), "shop.example.test"), "an answer for what only ns2 has")

        def twins_votes():
            return [m["twin"] for m in self.json("ns1", "service", "www.example.test")["members"]]
        self.assert_soon(lambda: twins_votes() == ["down", "abstains"], "the twin's vote on the common target, and on no other")
        self.assert_soon(lambda: [self.peer("ns1")[k] for k in ("targets", "common")] == [2, 1], "one of two is common")
        # the same again
        self.write_node("ns2", SERVICE)
        self.must("ns2", "reload")
        self.assert_soon(lambda: self.peer("ns1")["link"] == "active" and self.peer("ns1")["same_config"], "the same file")
        self.assert_soon(lambda: any(e["new"] == "same configuration" for e in self.json("ns1", "events")["events"]), "the end of it")
        self.assert_soon(lambda: self.peer("ns1")["common"] == 2, "votes on both targets")

    def test_twins_with_different_zones(self):
        self.begin(SERVICE)
        self.assert_soon(lambda: [self.peer(n)["same_zones"] for n in ("ns1", "ns2")] == [True, True], "the same zones")
        with open(os.path.join(self.scratch.path("ns2"), "example.test.zone"), "a", encoding="ascii") as f:
            f.write("news A 192.0.2.77\n")  # the serial was forgotten
        self.must("ns2", "reload")
        self.assert_soon(lambda: not self.peer("ns1")["same_zones"] and not self.peer("ns2")["same_zones"], "another zone")
        text = "1 differ, 0 only here, 0 only there: example.test"
        self.assert_soon(lambda: [self.peer(n)["zones"] for n in ("ns1", "ns2")] == [text, text], "which zone it is")
        self.assertIn(text, self.must("ns1", "peers"))
        self.assertTrue(self.peer("ns1")["same_config"])
        self.write_node("ns2", SERVICE)
        self.must("ns2", "reload")
        self.assert_soon(lambda: [self.peer(n)["same_zones"] for n in ("ns1", "ns2")] == [True, True], "the same again")
        self.assertIsNone(self.peer("ns1")["zones"])

    def test_a_common_target_is_voted_on(self):
        """The twin sees it, this node does not: any-up keeps it, though the rest of the files differs."""
        self.begin(SERVICE)
        self.write_node("ns2", SERVICE + SHOP)
        self.must("ns2", "reload")
        self.assert_soon(lambda: self.peer("ns1")["link"] == "mismatch", "the mismatch")
        self.assert_soon(lambda: all(m["twin"] == "down" for m in self.json("ns1", "service", "www.example.test")["members"]),
                         "the twin's verdicts count here")

    def test_peers_tells_all(self):
        self.begin(SERVICE)

        def is_on_time():
            p = self.peer("ns1")
            return p["lhm"] == 0 and p["phi"] is not None and p["phi"] < 20
        self.assert_soon(is_on_time, "it is on time, and hears its twin")
        p = self.peer("ns1")
        self.assertEqual((p["transport"][:3], p["same_config"], p["config"]), ("udp", True, None))
        self.assertEqual(p["key"], self.json("ns1", "key")["keys"][0]["id"])
        self.assertEqual(p["keys"], p["key"])
        self.assert_soon(lambda: self.peer("ns1")["alike"] == 2, "both see both targets alike")
        self.assertIn("2 of 2", self.must("ns1", "peers"))

    def test_a_twins_own_events_are_shown(self):
        self.begin(SERVICE)
        self.must("ns2", "reload")

        def seen():
            """{number: what}; what ns1 itself hears of ns2's state has none."""
            found = [(e["detail"]["number"], e["new"]) for e in self.json("ns1", "events")["events"]
                     if e["observer"] == "ns2" and e["kind"] == "node" and "number" in e["detail"]]
            self.assertEqual(len(found), len(dict(found)), "told once")
            return dict(found)

        def reloaded():
            found = seen()
            return found if any(what.startswith("generation") for what in found.values()) else None
        before = self.assert_soon(reloaded, "ns2's reload among ns1's events")
        self.nodes["ns1"].kill_child("coordinator")
        self.assert_soon(self.are_alike, "the link after a new coordinator")
        # What was not yet written comes again; and what happened since may stand there, too.
        self.assert_soon(lambda: before.items() <= seen().items(), "those of before, also over a start")


if __name__ == "__main__":
    main()
