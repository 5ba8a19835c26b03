"""plugins -> pools.

    multifo { up_thresh 0.5, lb1, lb2, lb3 }      one tier, need 2          a tier's need is reckoned for each family
    simplefo { primary, secondary }               two tiers of one member
    weighted { lb1 45, lb2 60, up_thresh 0.5 }    one tier, capacity 45 and 60, load 53
    metafo { dc1, dc2 }                           the tiers of dc1, then those of dc2 (metafo.py)
"""
import ipaddress
from fractions import Fraction
from math import ceil, lcm

from .checks import types_of
from .report import Fault
from .vscf import Array, Hash, Text, as_bool, as_int, as_list

CAPACITY_MAX, LOAD_MAX, WEIGHT_MAX, TIERS_MAX = 1000000, 4000000000, 65535, 32
PARAMS = {"multifo": ("service_types", "up_thresh", "ignore_health"), "weighted": ("service_types", "up_thresh", "multi"),
          "simplefo": ("service_types",)}


class Member:
    def __init__(self, address, where, types, weight=1, label=""):
        self.address, self.where, self.types, self.weight, self.label = str(address), where, types, weight, label
        self.family, self.capacity = address.version, None


class Tier:
    """members of both families; wants: {family: weight that must be up together}; mode: all, one (by weight), or any (of one);
    name: of the datacenter that it was."""

    def __init__(self, members=(), wants=None, mode="any"):
        self.members, self.wants, self.mode = list(members), wants or {}, mode
        self.name = ""

    def of(self, family):
        return [m for m in self.members if m.family == family]


class Pool:
    """A resource in our words. cname: it is this name instead."""

    def __init__(self, where, tiers=(), cname=None):
        self.where, self.tiers, self.cname = where, list(tiers), cname
        self.need = self.load = self.answer = self.pick = None
        self.couple, self.checks = False, []

    def members(self):
        return [m for t in self.tiers for m in t.members]


def address(value, family=None):
    try:
        a = ipaddress.ip_address(str(value))
    except ValueError as e:
        raise Fault(value.where, f"{value} is no address") from e
    if family and a.version != family:
        raise Fault(value.where, f"{value} is no IPv{family} address")
    return a


def thresh(stanza, default):
    if "up_thresh" not in stanza:
        return default
    try:
        f = Fraction(str(stanza["up_thresh"]))
    except (ValueError, ZeroDivisionError):
        f = Fraction(0)
    if not 0 < f <= 1:
        raise Fault(stanza["up_thresh"].where, f"up_thresh {stanza['up_thresh']}: expected more than 0, at most 1")
    return f


def families(res):
    """The stanzas of a resource, with the family that each must have; None where the addresses say."""
    found = [(res[k], f) for k, f in (("addrs_v4", 4), ("addrs_v6", 6)) if k in res]
    return found or [(res, None)]


class Plugins:
    def __init__(self, plugins, checks, report):
        self.plugins, self.checks, self.report = plugins, checks, report

    def resource(self, plugin, name, where):
        """The stanza of a resource, and its plugin's."""
        top = self.plugins.get(plugin)
        if not isinstance(top, Hash) or name not in top or name in PARAMS[plugin]:
            raise Fault(where, f"{plugin} has no resource {name}")
        return top[name], top

    def tiers(self, plugin, res, top):
        """Tiers of a resource of simplefo, multifo or weighted."""
        out = getattr(self, plugin)(res, top)
        for t in out:
            t.members = self.distinct(t.members)
        return out

    def distinct(self, members, seen=None):
        seen, out = seen if seen is not None else {}, []
        for m in members:
            if m.address in seen:
                self.report.differs(m.where, f"{m.address} stands twice in this resource; kept once, as in line {seen[m.address].line}")
            else:
                seen[m.address] = m.where
                out.append(m)
        return out

    def simplefo(self, res, top):
        out = [Tier(), Tier()]
        for stanza, family in families(res):
            types = types_of(stanza, types_of(res, types_of(top, ["up"])))
            for tier, key in zip(out, ("primary", "secondary")):
                if key not in stanza:
                    raise Fault(stanza.where, f"no {key}")
                a = address(stanza[key], family)
                tier.members.append(Member(a, stanza[key].where, types, label=key))
                tier.wants[a.version] = 1
        return out

    def multifo(self, res, top):
        tier = Tier(mode="all")
        if not isinstance(res, Hash):
            return [self.multifo_family(tier, res, None, types_of(top, ["up"]), thresh(top, Fraction(1, 2)), False)]
        for stanza, family in families(res):
            around = [s for s in (top, res, stanza) if isinstance(s, Hash)]
            types, share, ignore = ["up"], Fraction(1, 2), False
            for s in around:
                types, share = types_of(s, types), thresh(s, share)
                ignore = as_bool(s["ignore_health"]) if "ignore_health" in s else ignore
            self.multifo_family(tier, stanza, family, types, share, ignore)
        return [tier]

    def multifo_family(self, tier, stanza, family, types, share, ignore):
        if isinstance(stanza, Hash):
            pairs = [(k, v) for k, v in stanza.items() if k not in PARAMS["multifo"]]
        else:
            pairs = [(Text(str(i + 1), v.where), v) for i, v in enumerate(as_list(stanza))]
        if not pairs:
            raise Fault(stanza.where, "a resource without addresses")
        if ignore:
            self.report.note(stanza.where, "ignore_health: the addresses are taken as always up, as all of them are answered anyway")
            types = ["up"]
        found = [Member(address(v, family), v.where, types, label=str(k)) for k, v in pairs]
        if len({m.family for m in found}) != 1:
            raise Fault(stanza.where, "addresses of both families; expected addrs_v4 and addrs_v6")
        tier.members += found
        tier.wants[found[0].family] = ceil(share * len(found))
        return tier

    def weighted(self, res, top):
        tier = Tier(mode="one")
        for stanza, family in families(res):
            types, share, multi = ["up"], Fraction(1, 2), False
            for s in (top, res, stanza):
                types, share = types_of(s, types), thresh(s, share)
                multi = as_bool(s["multi"]) if "multi" in s else multi
            self.weighted_family(tier, stanza, family, types, share, multi)
        return [tier]

    def weighted_family(self, tier, stanza, family, types, share, multi):
        entries = {k: v for k, v in stanza.items() if k not in PARAMS["weighted"] and not k.startswith("addrs_v")}
        grouped = any(isinstance(v, Hash) for v in entries.values())
        flat = [(f"{g} {k}", v) for g, h in entries.items() for k, v in h.items()] if grouped else list(entries.items())
        if not flat:
            raise Fault(stanza.where, "a resource without addresses")
        found = [self.weighted_member(label, v, family, types) for label, v in flat]
        if len({m.family for m in found}) != 1:
            raise Fault(stanza.where, "addresses of both families; expected addrs_v4 and addrs_v6")
        tier.wants[found[0].family] = ceil(share * sum(m.weight for m in found))
        equal = len({m.weight for m in found}) == 1
        if grouped:
            self.report.differs(stanza.where, "groups: the answer is one address by its weight here, never several of one group" if not multi
                                else "groups with multi: the answer is one address by its weight here, not one of each group")
        elif multi and not equal:
            self.report.differs(stanza.where, "multi: the answer holds every address that is up here, the heavier ones more often first; "
                                              "with answer = N it holds N of them, drawn by weight")
        if multi and not grouped:
            tier.mode = "all"
        tier.members += found

    def weighted_member(self, label, value, family, types):
        if not isinstance(value, Array) or len(value) != 2:
            raise Fault(value.where, f"{label}: expected an address and a weight in brackets")
        weight = as_int(value[1], 1, 2**20 - 1)
        return Member(address(value[0], family), value.where, types, weight, str(label))


def heaviest_cname(res):
    """A weighted resource of CNAMEs: the one with the greatest weight, or None where it holds addresses."""
    best = None
    for key, value in res.items():
        if isinstance(value, Array) and len(value) == 2 and str(value[0]).endswith("."):
            if best is None or int(value[1]) > int(best[1]):
                best = value
    return best[0] if best else None


# ---- what is said of a whole pool ----

def finish(pool, report):
    """Needs, loads and picks of the tiers become those of the pool, which has one of each."""
    pool.tiers = [t for t in pool.tiers if t.members]
    for t in pool.tiers:  # where an address stood twice, less is left to want
        t.wants = {f: min(n, sum(m.weight for m in t.of(f))) for f, n in t.wants.items() if t.of(f)}
    if len(pool.tiers) > TIERS_MAX:
        report.lost(pool.where, f"{len(pool.tiers)} tiers; only the first {TIERS_MAX} are kept")
        pool.tiers = pool.tiers[:TIERS_MAX]
    finish_pick(pool, report)
    wants = [(t, f, n) for t in pool.tiers for f, n in t.wants.items()]
    light = [min(m.weight for m in t.of(f)) >= n for t, f, n in wants]
    if all(light):  # any one that is up is enough
        return
    if any(m.weight != 1 for m in pool.members()):
        finish_load(pool, wants, report)
    else:
        finish_need(pool, wants, report)


def finish_pick(pool, report):
    several = [t for t in pool.tiers if any(len(t.of(f)) > 1 for f in t.wants)]
    modes = {t.mode for t in several}
    heavy = len({m.weight for m in pool.members()}) > 1
    if modes == {"one", "all"}:
        report.differs(pool.where, "some datacenters answer one address by its weight, some all; here all of them answer all")
    if modes == {"one"}:
        pool.answer, pool.pick = 1, "weighted"
    elif modes and heavy:
        pool.pick = "weighted"
    if pool.pick:
        scale_weights(pool, report)


def scale_weights(pool, report):
    top = max(m.weight for m in pool.members())
    for m in pool.members():
        m.shown = m.weight if top <= WEIGHT_MAX else max(1, m.weight * WEIGHT_MAX // top)
    if top > WEIGHT_MAX:
        report.note(pool.where, f"weights above {WEIGHT_MAX} are scaled down")


def finish_need(pool, wants, report):
    """One number or share for every tier and family."""
    sizes = [(len(t.of(f)), n) for t, f, n in wants]
    shares = [p for p in (50, *range(1, 101)) if all(-(-p * size // 100) == n for size, n in sizes)]
    if shares:
        pool.need = f"{shares[0]}%"
    elif len({n for _, n in sizes}) == 1:
        pool.need = sizes[0][1]
    else:
        pool.need = sizes[0][1]
        report.differs(pool.where, "tiers or families need different numbers of addresses up; the first one's number counts for all")


def finish_load(pool, wants, report):
    """capacity × what makes every tier's want the same number, so that load can be one."""
    load = lcm(*(n for _, _, n in wants))
    top = max(m.weight * (load // n) for t, f, n in wants for m in t.of(f))
    if load > LOAD_MAX or top > CAPACITY_MAX:
        report.differs(pool.where, "up_thresh over these weights cannot be said exactly; a tier serves with any address up here")
        return
    pool.load = load
    for t, f, n in wants:
        for m in t.of(f):
            m.capacity = m.weight * (load // n)
