"""service_types -> checks, and the check scripts that there is no bundled one for.

gdnsd asks address by address, we ask service by service: where addresses of one service are asked different things, a copy
of the check passes every address but its own (args.only), and the service wants them all.
"""
from .report import Fault
from .vscf import Array, Text, as_bool, as_hash, as_int, as_list

THRESH_MAX = 100  # our bound of rise and fall
GENERIC = {"plugin", "up_thresh", "ok_thresh", "down_thresh", "interval", "timeout"}
CHECKS_MAX = 16   # our bound of a combination

ONLY = """  if args.only and not (" " .. args.only .. " "):find(" " .. target.address .. " ", 1, true) then
    return true, "another check's"
  end
"""
SCRIPTS = {
    "up": "-- up: always up. What gdnsd calls the service type up.\n"
          "return function ()\n  return true\nend\n",
    "down": "-- down: always down, but for what is not among the addresses of only.\n"
            'return { args = { only = "string?" }, run = function (target, args)\n' + ONLY +
            '  return false, "set to be down"\nend }\n',
    "tcp": "-- tcp: up when the target takes a connection; passes what is not among the addresses of only.\n"
           'return { args = { port = "integer", only = "string?" }, run = function (target, args)\n' + ONLY +
           "  net.connect(target.address, target.port or args.port):close()\n  return true\nend }\n",
    "http": "-- http: up when a GET has the status that is expected; passes what is not among the addresses of only.\n"
            "return {\n  args = { port = \"integer?\", path = \"string?\", host = \"owner?\", expect = \"integer|string?\","
            " only = \"string?\" },\n  run = function (target, args)\n" + ONLY.replace("\n  ", "\n    ").replace("  if", "    if", 1) +
            "    local answer = http.request(target, { port = target.port or args.port, path = args.path, host = args.host,\n"
            "                                          expect = args.expect, max_body = 0 })\n"
            '    return true, "HTTP " .. answer.status\n  end\n}\n',
    "extmon": "-- extmon: up when a program exits with 0, down with anything else.\n"
              "-- command  the program and its arguments, one a line; %%ITEM%% stands for the address.\n"
              "-- only     addresses that are asked; others pass.\n"
              "return { plugins = true, args = { command = \"string\", only = \"string?\" }, run = function (target, args)\n" + ONLY +
              "  local words = {}\n"
              '  for word in (args.command .. "\\n"):gmatch("([^\\n]*)\\n") do\n'
              '    words[#words + 1] = (word:gsub("%%%%ITEM%%%%", target.address))\n  end\n'
              "  local program = run(table.unpack(words))\n"
              '  return program.status == "ok", program.output\nend }\n',
}


class Check:
    """One service type as we say it. script is bundled, unless it is a key of SCRIPTS and own is true."""

    def __init__(self, name, script, args=None, timing=None, own=False, where=None):
        self.name, self.script, self.args, self.timing = name, script, args or {}, timing or {}
        self.own, self.where, self.only = own, where, None

    def scoped(self, addresses):
        """The same, for these addresses alone."""
        copy = Check(self.name, self.script, {**self.args, "only": " ".join(addresses)}, self.timing, True, self.where)
        copy.only = addresses
        return copy


UP = Check("up", "up", timing={"interval": 60, "timeout": 5, "fall": 1, "rise": 1}, own=True)


def timing(st, report):
    interval = as_int(st["interval"], 1, 3600) if "interval" in st else 10
    timeout = as_int(st["timeout"], 1, 3600) if "timeout" in st else max(interval // 2, 1)
    out = {"interval": interval, "timeout": timeout, "retry": interval}
    for theirs, ours, default in (("down_thresh", "fall", 10), ("up_thresh", "rise", 20)):
        n = as_int(st[theirs], 1, 65535) if theirs in st else default
        if n > THRESH_MAX:
            report.differs(st.key_where(theirs), f"{theirs} = {n}: {ours} is at most {THRESH_MAX}; raise the interval for more")
        out[ours] = min(n, THRESH_MAX)
    if "ok_thresh" in st:
        report.note(st.key_where("ok_thresh"), "ok_thresh: each success takes one failure off the count here; "
                                               "there is no number of successes that takes off all")
    return out


class Checks:
    """Service types by name, translated when they are first used."""

    def __init__(self, types, report):
        self.types, self.report, self.made = types, report, {}
        for name, value in types.items():
            if name in ("up", "down"):
                raise Fault(name.where, f"the service type {name} is gdnsd's own")
            as_hash(value, f"the service type {name}")

    def get(self, name):
        """The check of a service type; UP where that is always up."""
        if name == "up":
            return UP
        if name == "down":
            return Check("down", "down", timing=UP.timing, own=True)
        if name not in self.types:
            raise Fault(name.where, f"there is no service type {name}")
        if name not in self.made:
            self.made[name] = self.translate(name, self.types[name])
        return self.made[name]

    def translate(self, name, st):
        if "plugin" not in st:
            raise Fault(st.where, f"the service type {name} has no plugin")
        plugin = st["plugin"]
        reader = getattr(self, f"plugin_{plugin}", None)
        if not reader:
            self.report.lost(plugin.where, f"{name}: the plugin {plugin} has no translation; taken as always up until you write "
                                           f"a check and name it in the services that use it")
            return UP
        known = GENERIC | set(reader.__doc__.split())
        for key in st:
            if key not in known:
                raise Fault(key.where, f"the service type {name} has an unknown key {key}")
        return reader(name, st)

    def plugin_tcp_connect(self, name, st):
        """port"""
        if "port" not in st:
            raise Fault(st.where, f"the service type {name} has no port")
        return Check(str(name), "tcp", {"port": as_int(st["port"], 1, 65535)}, timing(st, self.report), where=st.where)

    def plugin_http_status(self, name, st):
        """port url_path vhost ok_codes"""
        codes = [as_int(c, 100, 999) for c in as_list(st["ok_codes"])] if "ok_codes" in st else [200]
        args = {"port": as_int(st["port"], 1, 65535) if "port" in st else 80, "path": str(st.get("url_path", "/")),
                "expect": codes[0] if len(codes) == 1 else ",".join(map(str, codes))}
        if "vhost" in st:
            args["host"] = str(st["vhost"])
        else:
            self.report.note(st.where, f"{name}: without vhost no Host is sent by gdnsd; here it is the service's own name")
        return Check(str(name), "http", args, timing(st, self.report), where=st.where)

    def plugin_extmon(self, name, st):
        """cmd direct max_proc"""
        if "cmd" not in st:
            raise Fault(st.where, f"the service type {name} has no cmd")
        words = as_list(st["cmd"])
        for word in words:
            if not isinstance(word, Text) or "\n" in word:
                raise Fault(st.key_where("cmd"), f"the service type {name} has a cmd that is not strings of one line each")
        if "max_proc" in st:
            self.report.note(st.key_where("max_proc"), "max_proc: at most 32 programs run at once here, others wait")
        out = timing(st, self.report)
        if "direct" in st and as_bool(st["direct"]):
            out.update(fall=1, rise=1)
        return Check(str(name), "extmon", {"command": "\n".join(words)}, out, own=True, where=st.where)

    def plugin_static(self, name, st):
        """state ttl"""
        return Check("down", "down", timing=UP.timing, own=True) if str(st.get("state", "UP")).upper() == "DOWN" else UP

    def plugin_null(self, name, st):
        """"""
        return Check("down", "down", timing=UP.timing, own=True)


def combine(members, checks, report, where):
    """What a service's members are asked: a list of checks that must all pass; [UP] where nobody is asked anything."""
    asked = {}
    for m in members:
        for name in m.types:
            check = checks.get(name)
            if check is not UP:
                asked.setdefault(check.name, (check, []))[1].append(m.address)
    if not asked:
        return [UP]
    if len(asked) > CHECKS_MAX:
        report.lost(where, f"{len(asked)} different checks in one service; only the first {CHECKS_MAX} are kept: take some together")
    out = []
    for check, addresses in list(asked.values())[:CHECKS_MAX]:
        whole = len(set(addresses)) == len({m.address for m in members})
        out.append(check if whole else check.scoped(list(dict.fromkeys(addresses))))
    return out


def types_of(stanza, default):
    """The service types of a stanza, or those of the one around it."""
    if "service_types" not in stanza:
        return default
    value = stanza["service_types"]
    return [t for t in (value if isinstance(value, Array) else [value])]
