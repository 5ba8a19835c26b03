"""What was read, as the text of gemel.lua."""


def quote(text):
    """A string of Lua on one line."""
    out = []
    for c in str(text):
        if c in '"\\':
            out.append("\\" + c)
        elif " " <= c <= "~":
            out.append(c)
        else:
            out.append(f"\\{ord(c):03d}")
    return '"' + "".join(out) + '"'


def value(v):
    return quote(v) if isinstance(v, str) else str(v)


def table(fields):
    """{ a = 1, b = "x" }, without what is None."""
    return "{ " + ", ".join(f"{k} = {value(v)}" for k, v in fields if v is not None) + " }"


def node(name, options, control, state):
    fields = []
    if options.listen is not None:
        fields.append("listen = { " + ", ".join(map(quote, options.listen)) + " }")
    fields += [f"{k} = {quote(v)}" for k, v in (("control", control), ("state", state), ("nsid", options.nsid)) if v]
    return f"node {quote(name)} {{ {', '.join(fields)} }}\n" if fields else f"node {quote(name)} {{}}\n"


def limits(options):
    fields = []
    if options.tcp:
        fields.append("tcp = " + table(options.tcp.items()))
    if options.edns:
        fields.append(f"edns = {options.edns}")
    if options.cookies:
        fields.append(f"cookies = {quote(options.cookies)}")
    return f"limits {{ {', '.join(fields)} }}\n" if fields else ""


def check_fields(check):
    script = f"checks/{check.script}.lua" if check.own else check.script
    args = f", args = {table(check.args.items())}" if check.args else ""
    return f"script = {quote(script)}{args}, " + ", ".join(f"{k} = {v}" for k, v in check.timing.items())


def check(c):
    return f"check {quote(c.name)} {{ {check_fields(c)} }}\n"


def check_of(c):
    """Where a service names it: by name, or as a table where it is for some addresses only."""
    return quote(c.name) if c.only is None else f"{{ {check_fields(c)} }}"


def member(m, pool):
    more = [("weight", m.shown if pool.pick else None), ("capacity", m.capacity if pool.load else None)]
    more = [(k, v) for k, v in more if v is not None and not (k == "weight" and v == 1)]
    text = quote(m.address)
    return f"{{ {text}, {', '.join(f'{k} = {v}' for k, v in more)} }}" if more else text


def names(tier):
    """What gdnsd's configuration calls the members, for a comment; places in a list are no names."""
    words = [m.label for m in tier.members]
    text = " ".join(words) if not tier.name or words != [str(i + 1) for i in range(len(words))] else ""
    text = ": ".join(filter(None, (tier.name, text)))
    return "".join(c if c.isprintable() else "?" for c in text)


def pool(name, p):
    checks = check_of(p.checks[0]) if len(p.checks) == 1 else "all { " + ", ".join(map(check_of, p.checks)) + " }"
    keys = [f"check = {checks}"]
    keys += [f"{k} = {value(v)}" for k, v in (("need", p.need), ("load", p.load), ("answer", p.answer), ("pick", p.pick)) if v]
    if p.couple:
        keys.append("couple = true")
    lines = [f"pool {quote(name)} {{ {', '.join(keys)},"]
    for i, tier in enumerate(p.tiers):
        begin = "  tiers = { { " if i == 0 else "            { "
        end = " } } }" if i == len(p.tiers) - 1 else " },"
        lines.append(begin + ", ".join(member(m, p) for m in tier.members) + end + f"  -- {names(tier)}")
    return "\n".join(lines) + "\n"


def service(dynamic, pool_name):
    return (f"service {quote(dynamic.owner)} {{ pool = {quote(pool_name)}, "
            f"ttl = {{ min = {dynamic.least}, max = {dynamic.ttl} }} }}\n")
