"""Compares an answer of Gemel with those of the referees, aspect by aspect, and keeps count.

For each aspect two referees that say the same are enough to be held against Gemel.  Whoever differs from Gemel in the last
aspect of a step is not compared in the next ones: an answer with another rcode has other sections.  Differences that are meant
stand in INTENDED (referee_intended), each with its reason.
"""
from collections import Counter

from referee_intended import INTENDED
from referee_tell import answer_text, question_text, shape
from referee_wire import Answer

STEPS = (("spoke",),) + Answer.ASPECTS
UNCOUNTED = {"case"}    # BIND gives names that were not asked for in the zone's case, the others in the question's
NEVER_EXCUSED = {"form", "spoke"}
EXAMPLES = 2


class Case:
    """A question, Gemel's answer, and an aspect in which referees that agree say something else."""

    def __init__(self, question, gemel, others, aspect, theirs=None, party=()):
        self.question, self.gemel, self.others, self.aspect = question, gemel, others, aspect
        self.theirs, self.mine = theirs, value(gemel, aspect)
        self.voters = [i for i, o in enumerate(others) if o in party and value(o, aspect) == theirs]


def spoke(a):
    return a is not None and a.fault is None


def value(a, aspect):
    if aspect == "spoke":
        return spoke(a)
    if aspect == "form":
        return a.fault
    return getattr(a, aspect) if spoke(a) else None


def compare(question, gemel, others):
    """Cases, and the aspects in which the referees differ among themselves."""
    cases, split = [], set()
    if gemel and (gemel.fault or len(gemel.wire) > question.limit()):
        gemel.fault = gemel.fault or "it is longer than allowed"
        return [Case(question, gemel, others, "form")], split
    party = list(others)
    for step in STEPS:
        for aspect in step:
            votes = Counter(value(o, aspect) for o in party)
            theirs, count = votes.most_common(1)[0]
            if count < len(others) and aspect not in UNCOUNTED:
                split.add(aspect)
            if count > 1 and value(gemel, aspect) != theirs:
                cases.append(Case(question, gemel, others, aspect, theirs, party))
        party = [o for o in party if value(o, step[-1]) == value(gemel, step[-1])]
        if len(party) < 2 or not spoke(gemel):
            break
    return cases, split


class Tally:
    def __init__(self, intended=INTENDED):
        self.asked = self.agreed = 0
        self.table, self.split, self.intended, self.mismatches = intended, Counter(), Counter(), {}

    def add(self, question, gemel, others):
        cases, split = compare(question, gemel, others)
        self.asked += 1
        self.agreed += not split
        self.split.update(split)
        for c in cases:
            why = None if c.aspect in NEVER_EXCUSED else next(
                (w for w, votes, test in self.table if len(c.voters) <= votes and test(c)), None)
            if why:
                self.intended[why] += 1
            else:
                key = (c.aspect, "+".join("NKB"[i] for i in c.voters), shape(c.aspect, c.mine), shape(c.aspect, c.theirs), question.note)
                self.mismatches.setdefault(key, []).append(c)

    def share(self):
        return self.agreed / max(1, self.asked)

    def summary(self, seconds):
        lines = [f"{self.asked} questions in {seconds:.1f} s; in {100 * self.share():.1f} % of them all three referees agree in everything; "
                 "else they differ in " + ", ".join(f"{a} {n}" for a, n in self.split.most_common())]
        return "\n".join(lines + [f"  {n:6} × meant: {why}" for why, n in self.intended.most_common()])

    def story(self, names):
        """Every class of mismatch with examples, each with all answers."""
        out = []
        for (aspect, who, mine, theirs, note), cases in sorted(self.mismatches.items(), key=lambda i: -len(i[1])):
            out.append(f"\n{len(cases)} × {aspect}{f' ({note})' if note else ''}: Gemel: {mine} -- {who}: {theirs}")
            for c in cases[:EXAMPLES]:
                out.append(f"  {question_text(c.question)}\n  octets: {c.question.octets().hex()}")
                for n, a in zip(names, [c.gemel, *c.others]):
                    out.append(f"  {n}\n      " + answer_text(a).replace("\n", "\n      "))
        return "\n".join(out)
