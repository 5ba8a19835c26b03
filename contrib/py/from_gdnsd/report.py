"""What is told of what cannot be said, at its file and line.

    config:12: lost: geoip!www: nothing here answers by place; write a pool with tiers for it
    ~~~~~~~~~  ~~~~
    where      note: reads otherwise, answers alike;  differs: answers otherwise at times;  lost: is not there any more
"""
import os

LEVELS = ("note", "differs", "lost")


class Fault(Exception):
    """Something that gdnsd would refuse, too: nothing is written."""

    def __init__(self, where, text):
        super().__init__(f"{where}: {text}")


class Where:
    """A file and a line, as a person types them."""

    def __init__(self, path, line):
        self.path, self.line = path, line

    def __str__(self):
        return f"{self.path}:{self.line}"


class Report:
    def __init__(self):
        self.lines, self.seen, self.levels = [], set(), set()

    def tell(self, level, where, text):
        """Told once, however many zones lead there."""
        assert level in LEVELS
        line = f"{where}: {level}: {text}"
        if line not in self.seen:
            self.seen.add(line)
            self.lines.append(line)
            self.levels.add(level)

    def note(self, where, text):
        self.tell("note", where, text)

    def differs(self, where, text):
        self.tell("differs", where, text)

    def lost(self, where, text):
        self.tell("lost", where, text)

    @property
    def exact(self):
        return not self.levels & {"differs", "lost"}


def shown(path, start):
    """A path as it is told: from the configuration's folder where it lies below it."""
    relative = os.path.relpath(path, start)
    return path if relative.startswith("..") else relative
