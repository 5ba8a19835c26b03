"""gdnsd's zone files -> master files, and what DYNA and DYNC stood for.

    www 300/45 DYNA multifo!web      ──▶   ; www 300/45 DYNA multifo!web      and a Dynamic("www.example.com", 300, 45, …)
        MX 10 mail                   ──▶   www     MX 10 mail                 (the owner was the line that is a comment now)

Files that are included are written into the including one: their origins and default TTLs end with them.
"""
import os
import re

from .report import Fault, Where, shown

DYN_TTL = re.compile(r"^((?:\d+[smhdw]?)+)(?:/((?:\d+[smhdw]?)+))?$", re.I)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "": 1}
INCLUDE_DEPTH_MAX = 20
STRING_MAX = 255  # octets of one string of TXT (RFC 1035 3.3)


def seconds(text):
    return sum(int(n) * UNITS[u.lower()] for n, u in re.findall(r"(\d+)([smhdwSMHDW]?)", text))


class Entry:
    """One record or directive: raw text with its line ends and comments, its words, and whether the owner is left out."""

    def __init__(self, line, raw, words):
        self.line, self.raw, self.words = line, raw, words
        self.bare = bool(words) and raw.lstrip("\n")[:1] in " \t"


class Dynamic:
    def __init__(self, owner, ttl, least, what, kind, where):
        self.owner, self.ttl, self.least, self.what, self.kind, self.where = owner, ttl, least, what, kind, where


def entries(text):
    """Splits a file; lines in parentheses belong together."""
    pattern = re.compile(r'"(?:[^"\\]|\\.)*"?|;[^\n]*|[()]|\n|[ \t\r]+|(?:[^\s();"\\]|\\.)+|\\', re.S)
    line, start, raw, words, depth = 1, 1, [], [], 0
    for m in pattern.finditer(text):
        part = m.group()
        if not raw:
            start = line
        raw.append(part)
        line += part.count("\n")
        if part == "\n" and depth <= 0:
            yield Entry(start, "".join(raw), words)
            raw, words = [], []
        elif part in "()":
            depth += 1 if part == "(" else -1
        elif part[0] not in " \t\r\n;":
            words.append(part)
    if raw:
        yield Entry(start, "".join(raw), words)


def split_strings(raw):
    """Strings of TXT beyond 255 octets, which gdnsd splits itself."""
    def pieces(m):
        octets = re.findall(r"\\\d{3}|\\.|.", m.group(1), re.S)
        parts = ["".join(octets[i:i + STRING_MAX]) for i in range(0, len(octets), STRING_MAX)] or [""]
        return " ".join(f'"{p}"' for p in parts)
    return re.sub(r'"((?:[^"\\]|\\.)*)"', pieces, raw, flags=re.S)


class Zone:
    def __init__(self, name, path, root, options, report):
        self.name, self.root, self.options, self.report = name, root, options, report
        self.out, self.dynamic, self.owner, self.lost_owner, self.ttl = [], [], name, False, options.ttl_default
        self.out.append(f"$TTL {options.ttl_default}\n")
        self.read(path, name, 0)
        self.text = "".join(self.out)

    def absolute(self, word, origin, start):
        """The full name, without the last dot."""
        if word in ("@", "@Z", "@F"):
            return {"@": origin, "@Z": self.name, "@F": start}[word]
        if word.endswith(".") and not word.endswith("\\."):
            return word[:-1].lower()
        for mark, base in ((".@Z", self.name), (".@F", start)):
            if word.endswith(mark):
                return f"{word[:-len(mark)]}.{base}".lower()
        return f"{word}.{origin}".lower()

    def read(self, path, origin, depth):
        start = origin
        try:
            with open(path, encoding="latin-1", newline="") as f:
                text = f.read().replace("\r\n", "\n")
        except OSError as e:
            raise Fault(shown(path, self.root), f"cannot be read: {e.strerror}") from e
        for e in entries(text):
            where = Where(shown(path, self.root), e.line)
            word = e.words[0].upper() if e.words else ""
            if word == "$ORIGIN" and len(e.words) > 1:
                origin = self.absolute(e.words[1], origin, start)
                self.out.append(f"$ORIGIN {origin}.\n")
            elif word == "$INCLUDE" and len(e.words) > 1:
                self.include(e, path, origin, start, depth, where)
            else:
                if word == "$TTL" and len(e.words) > 1:
                    self.ttl = seconds(e.words[1])
                self.record(e, origin, start, where) if word and not word.startswith("$") else self.out.append(e.raw)
        if self.out and not self.out[-1].endswith("\n"):
            self.out.append("\n")

    def include(self, e, path, origin, start, depth, where):
        if depth >= INCLUDE_DEPTH_MAX:
            raise Fault(where, f"includes deeper than {INCLUDE_DEPTH_MAX}")
        file = os.path.join(os.path.dirname(path), e.words[1].strip('"'))
        base = self.absolute(e.words[2], origin, start) if len(e.words) > 2 else origin
        owner, ttl = self.owner, self.ttl
        self.out.append(f"; from {e.words[1]}\n$ORIGIN {base}.\n")
        self.read(file, base, depth + 1)
        self.out.append(f"$ORIGIN {origin}.\n$TTL {ttl}\n")
        self.owner, self.ttl, self.lost_owner = owner, ttl, True

    def record(self, e, origin, start, where):
        words = list(e.words)
        if not e.bare:
            self.owner, self.lost_owner = self.absolute(words.pop(0), origin, start), False
        ttl = None
        while words and (words[0].upper() == "IN" or DYN_TTL.match(words[0])):
            ttl = words[0] if words[0].upper() != "IN" else ttl
            words.pop(0)
        kind = words[0].upper() if words else ""
        if kind in ("DYNA", "DYNC") and len(words) > 1:
            self.out.append("; " + " ".join(e.words) + "\n")
            self.lost_owner = True
            self.take(kind, words[1], ttl, where)
            return
        raw = self.expand(e.raw, start)
        if kind in ("TXT", "SPF"):
            raw = split_strings(raw)
        if e.bare and self.lost_owner:
            raw = f"{self.owner}.{raw}"
            self.lost_owner = False
        self.out.append(raw)

    def expand(self, raw, start):
        """@Z and @F, which are gdnsd's own."""
        def name(m):
            return f"{m.group(1)}{self.name if m.group(2) == 'Z' else start}."
        return re.sub(r"(^|[\s.(])@([ZF])(?=[\s;)]|$)", name, raw)

    def take(self, kind, what, ttl, where):
        o = self.options
        most, least = DYN_TTL.match(ttl).groups() if ttl else (str(self.ttl), None)
        most = min(max(seconds(most), o.ttl_min), o.ttl_max)
        least = max(seconds(least) if least else most // 2, o.ttl_min)
        self.dynamic.append(Dynamic(self.owner, most, min(least, most), what, kind, where))

    def add(self, dynamic, kind, data):
        self.text += f"{dynamic.owner}. {dynamic.ttl} {kind} {data}\n"


def zone_name(file):
    """What a file of gdnsd's zones folder holds: @ stands for a slash."""
    return file.replace("@", "/").rstrip(".").lower()


def load(folder, root, options, report):
    """Zones by name. gdnsd leaves out what begins with a dot, and takes files only."""
    out = {}
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, file)
        if file.startswith(".") or not os.path.isfile(path):
            continue
        out[zone_name(file)] = Zone(zone_name(file), path, root, options, report)
    return out
