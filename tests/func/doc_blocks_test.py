"""The examples of doc/migrating.md, and the configuration of the README: each lua block with what it leaves out in front of it is taken by gemeld -t,
without a word; each gdnsd block is what contrib/from-gdnsd reads, and gdnsd too where it is installed."""
import os
import re
import shutil
import subprocess
import sys

import func

GDNSD = shutil.which("gdnsd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
CONVERTER = os.path.join(func.SRC, "contrib", "from-gdnsd")
ZONE = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n"


def blocks(page):
    """(language, text, line) of every fenced block."""
    with open(os.path.join(func.SRC, page)) as f:
        text = f.read()
    return [(m.group(1), m.group(2), text[:m.start()].count("\n") + 1)
            for m in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.S | re.M)]


class Blocks(func.Case):
    def check_lua(self, page, text, line):
        self.scratch.write("example.com.zone", ZONE)
        before = "" if "node " in text else 'node "ns1" { canaries = { "192.0.2.1:53" } }\nzone "example.com" { file = "example.com.zone" }\n'
        path = self.scratch.write("gemel.lua", before + text)
        status, out, err = self.run_gemeld("-t", "-c", path)
        self.assertEqual((status, out, err), (0, "", ""), f"{page}:{line}")

    def test_migrating(self):
        found = blocks("doc/migrating.md")
        ours = [b for b in found if b[0] == "lua"]
        self.assertGreaterEqual(len(ours), 8)
        for _, text, line in ours:
            with self.subTest(line=line):
                self.check_lua("doc/migrating.md", text, line)

    def test_readme(self):
        """A server of your own; tour_test.py goes through its tour."""
        with open(os.path.join(func.SRC, "README")) as f:
            text = f.read()
        text = text[text.index("for example /etc/gemel/gemel.lua:\n"):]
        block = re.search(r"(?:^(?: {4}.*)?\n)+", text[text.index("\n") + 1:], re.M).group(0)
        self.assertEqual(block.count("service "), 1)
        for address in re.findall(r"^ {4}dig @(\S+)", text, re.M):  # what it asks is listened on
            self.assertRegex(block, rf'node "ns1".*listen = {{[^}}]*"{re.escape(address)}"')
        func.write_key(self.scratch.path("pair.key"))
        self.scratch.write("example.com.zone", ZONE)
        for name in ("ns1", "ns2"):
            self.assertEqual(self.run_gemeld("-t", "-n", name, "-c", self.scratch.write("gemel.lua", block)), (0, "", ""))

    def test_gdnsd(self):
        """A gdnsd block and the zone block behind it are a configuration."""
        found = blocks("doc/migrating.md")
        pairs = [(a, b) for a, b in zip(found, found[1:]) if (a[0], b[0]) == ("gdnsd", "zone")]
        self.assertGreaterEqual(len(pairs), 3)
        for i, (config, zone) in enumerate(pairs):
            with self.subTest(line=config[2]):
                old, new = self.scratch.path(f"old{i}"), self.scratch.path(f"new{i}")
                os.makedirs(os.path.join(old, "zones"))
                options = f'options => {{ run_dir => "{old}/run" state_dir => "{old}/state" listen => 127.0.0.1:{func.free_port()} }}\n'
                self.scratch.write(f"old{i}/config", options + config[1])
                self.scratch.write(f"old{i}/zones/example.com", ZONE + zone[1])
                run = subprocess.run([sys.executable, CONVERTER, old, new], capture_output=True, text=True, check=False, timeout=60)
                self.assertIn(run.returncode, (0, 1), run.stderr)
                self.assertNotIn("lost:", run.stderr)
                self.assertEqual(self.run_gemeld("-t", "-c", os.path.join(new, "gemel.lua"))[0], 0)
                if GDNSD:
                    check = subprocess.run([GDNSD, "-c", old, "checkconf"], capture_output=True, text=True, check=False, timeout=60)
                    self.assertEqual(check.returncode, 0, check.stderr)


if __name__ == "__main__":
    func.main()
