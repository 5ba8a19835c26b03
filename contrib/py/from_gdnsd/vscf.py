"""gdnsd's configuration language: nested hashes, arrays and strings, with includes.

    plugins => { simplefo => { www => { primary => 192.0.2.1, secondary = "192.0.2.2" } } }   # and ; begin comments
    Hash ─────▶ Hash ───────▶ Hash ──▶ Hash ─────▶ Text

A value knows where it stands (where), and so does each key of a hash.
"""
import glob
import os

from .report import Fault, Where, shown

SPECIAL = set('][}{;#,"=\\')
SPACE = set(" \t\r\n\f\v")
DEPTH_MAX = 64       # of nesting, includes counted: nobody writes by hand what is deeper
INCLUDES_MAX = 4096  # files in one configuration: a folder of them that include each other ends here


class Text(str):
    """A string of the configuration."""

    def __new__(cls, text, where):
        self = super().__new__(cls, text)
        self.where = where
        return self


class Array(list):
    def __init__(self, where):
        super().__init__()
        self.where = where


class Hash(dict):
    """Keys are Text, in the order of the file."""

    def __init__(self, where):
        super().__init__()
        self.where = where

    def key_where(self, name):
        return next(k.where for k in self if k == name)


class Parser:
    def __init__(self, path, root, budget=None):
        self.path, self.root, self.at, self.line = path, root, 0, 1
        self.budget = budget if budget is not None else [INCLUDES_MAX]
        self.budget[0] -= 1
        if self.budget[0] < 0:
            raise Fault(self.where(), f"more than {INCLUDES_MAX} files")
        try:
            with open(path, encoding="latin-1", newline="") as f:
                self.text = f.read()
        except OSError as e:
            raise Fault(self.where(), f"cannot be read: {e.strerror}") from e

    def where(self):
        return Where(shown(self.path, self.root), self.line)

    def fail(self, text):
        raise Fault(self.where(), text)

    # ---- characters ----

    def peek(self):
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self):
        c = self.peek()
        self.at += 1
        self.line += c == "\n"
        return c

    def skip(self):
        """Space and comments."""
        while self.peek():
            if self.peek() in SPACE:
                self.take()
            elif self.peek() in "#;":
                while self.peek() and self.peek() != "\n":
                    self.take()
            else:
                return

    def escape(self):
        """What stands behind a backslash."""
        c = self.take()
        if not c:
            self.fail("the file ends in an escape")
        if not c.isdigit():
            return c
        digits = c + self.take() + self.take()
        if len(digits) != 3 or not digits.isdigit() or int(digits) > 255:
            self.fail(f"\\{digits}: expected three digits up to 255")
        return chr(int(digits))

    # ---- values ----

    def string(self):
        where, out = self.where(), []
        if self.peek() == '"':
            self.take()
            while (c := self.take()) != '"':
                if not c:
                    raise Fault(where, "a quoted string without end")
                out.append(self.escape() if c == "\\" else c)
            return Text("".join(out), where)
        while self.peek() and self.peek() not in SPACE and (self.peek() not in SPECIAL or self.peek() == "\\"):
            c = self.take()
            out.append(self.escape() if c == "\\" else c)
        if not out:
            self.fail(f"unexpected {self.peek()!r}; expected a value" if self.peek() else "the file ends too early")
        return Text("".join(out), where)

    def value(self, depth):
        if self.peek() == "{":
            self.take()
            return self.hash(depth + 1, "}")
        if self.peek() == "[":
            self.take()
            return self.array(depth + 1)
        if self.text.startswith("$include{", self.at):
            found = self.include()
            if len(found) != 1:
                self.fail(f"an include of {len(found)} files as a value; expected one")
            return found[0].document(depth + 1)
        return self.string()

    def deeper(self, depth):
        if depth > DEPTH_MAX:
            self.fail(f"nested deeper than {DEPTH_MAX}; does a file include itself?")

    def array(self, depth):
        self.deeper(depth)
        out = Array(self.where())
        while True:
            self.skip()
            if self.peek() == "]":
                self.take()
                return out
            if not self.peek():
                raise Fault(out.where, "an array without end")
            out.append(self.value(depth))
            self.comma()

    def hash(self, depth, end):
        self.deeper(depth)
        out = Hash(self.where())
        while True:
            self.skip()
            if self.peek() == end:
                self.take()
                return out
            if not self.peek():
                raise Fault(out.where, "a hash without end")
            if self.text.startswith("$include{", self.at):
                for other in self.include():
                    self.merge(out, other.document(depth + 1))
            else:
                self.pair(out, depth)
            self.comma()

    def pair(self, out, depth):
        key = self.string()
        self.skip()
        if self.peek() != "=":
            self.fail(f'no "=>" behind the key {key}')
        self.take()
        if self.peek() == ">":
            self.take()
        self.skip()
        self.put(out, key, self.value(depth))

    def put(self, out, key, value):
        if key in out:
            raise Fault(key.where, f"the key {key} stands twice; first in line {out.key_where(key).line}")
        out[key] = value

    def merge(self, out, other):
        if not isinstance(other, Hash):
            self.fail("an included file that is an array, where keys are expected")
        for key, value in other.items():
            self.put(out, key, value)

    def comma(self):
        self.skip()
        if self.peek() == ",":
            self.take()

    # ---- files ----

    def include(self):
        """Parsers of the files that $include{…} names."""
        self.at += len("$include{")
        self.skip()
        path = self.string()
        self.skip()
        if self.take() != "}":
            self.fail("an include without its closing brace")
        full = os.path.join(os.path.dirname(self.path), path)
        folder = os.path.isdir(full)
        names = sorted(glob.glob(os.path.join(full, "*") if folder else full))
        if not names and not folder:
            raise Fault(path.where, f"no file {path} to include")
        return [Parser(name, self.root, self.budget) for name in names]

    def document(self, depth=0):
        """A whole file: a hash without braces, or an array in brackets."""
        self.skip()
        if self.peek() == "[":
            self.take()
            out = self.array(depth)
            self.skip()
            if self.peek():
                self.fail("something behind the array that is this file")
            return out
        return self.hash(depth, "")


def load(path, root):
    """The hash that is the file, or an empty one where there is no file: gdnsd needs none."""
    if not os.path.exists(path):
        return Hash(Where(shown(path, root), 1))
    found = Parser(path, root).document()
    if not isinstance(found, Hash):
        raise Fault(found.where, "the configuration is an array; expected options, service_types and plugins")
    return found


# ---- what readers of values need ----

def as_list(value):
    """gdnsd takes one value for an array of one."""
    return list(value) if isinstance(value, Array) else [value]


def as_bool(value):
    word = str(value).lower()
    if word not in ("true", "false"):
        raise Fault(value.where, f"{value}: expected true or false")
    return word == "true"


def as_int(value, low=0, high=2**32):
    try:
        n = int(value)
    except (TypeError, ValueError):
        n = low - 1
    if not low <= n <= high:
        raise Fault(value.where, f"{value}: expected an integer from {low} to {high}")
    return n


def as_hash(value, what):
    if not isinstance(value, Hash):
        raise Fault(value.where, f"{what} is no hash in braces")
    return value
