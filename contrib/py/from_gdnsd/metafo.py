"""metafo: datacenters in order, each a resource of another plugin. What stands around a datacenter is its default.

    datacenters => [ a, b ], dcmap => { a => { lb1 => 192.0.2.1 }, b => %simplefo!old }
    tiers:          a's members, then old's primary, then its secondary
"""
import ipaddress

from .report import Fault
from .resources import PARAMS
from .vscf import Hash, Text, as_bool, as_hash, as_list

OWN = ("datacenters", "dcmap", "skip_first", "resources")


def is_address(text):
    try:
        ipaddress.ip_address(str(text))
        return True
    except ValueError:
        return False


def defaults(top, res):
    """What every datacenter inherits: the resource's keys before the plugin's."""
    out = {k: v for k, v in top.items() if k not in OWN}
    out.update({k: v for k, v in res.items() if k not in OWN})
    return out


def stanza(value, inherited, where):
    """The hash from which gdnsd makes a resource, and the plugin for it."""
    out = Hash(where)
    if isinstance(value, Hash):
        out.update({k: v for k, v in inherited.items() if k != "plugin"})
        out.update({k: v for k, v in value.items() if k != "plugin"})
        return out, str(value.get("plugin", inherited.get("plugin", "multifo")))
    # A list has no keys of its own: it is multifo, whatever the default is.
    out.update({k: v for k, v in inherited.items() if k in PARAMS["multifo"]})
    out.update({Text(str(i + 1), v.where): v for i, v in enumerate(as_list(value))})
    return out, "multifo"


class Metafo:
    def __init__(self, plugins, report):
        self.plugins, self.report = plugins, report

    def resource(self, name, where):
        top = self.plugins.plugins.get("metafo")
        if not isinstance(top, Hash) or "resources" not in top or name not in as_hash(top["resources"], "resources"):
            raise Fault(where, f"metafo has no resource {name}")
        return top["resources"][name], top

    def tiers(self, name, where):
        """(tiers, CNAME or None) of metafo!NAME or metafo!NAME/DATACENTER."""
        name, _, only = name.partition("/")
        res, top = self.resource(name, where)
        for key in ("datacenters", "dcmap"):
            if key not in res:
                raise Fault(res.where, f"metafo: {name} has no {key}")
        order, dcmap = as_list(res["datacenters"]), as_hash(res["dcmap"], "dcmap")
        if {str(d) for d in order} != {str(d) for d in dcmap}:
            raise Fault(dcmap.where, f"metafo: {name}: datacenters and dcmap name different ones")
        if only and only not in order:
            raise Fault(where, f"metafo: {name} has no datacenter {only}")
        if "skip_first" in res and as_bool(res["skip_first"]) and not only:
            order = order[1:]
        return self.ordered([only] if only else order, dcmap, defaults(top, res))

    def ordered(self, order, dcmap, inherited):
        tiers, cname, seen = [], None, {}
        for dc in order:
            value = dcmap[dc]
            if isinstance(value, Text) and not is_address(value) and value[0] not in "%!":
                if cname is None:
                    cname = value
                continue
            found = self.datacenter(value, inherited, dcmap.key_where(dc))
            for t in found:
                t.members, t.name = self.plugins.distinct(t.members, seen), str(dc)
            tiers += found
        return tiers, cname

    def datacenter(self, value, inherited, where):
        if isinstance(value, Text) and value[0] in "%!":
            plugin, _, name = value[1:].partition("!") if value[0] == "%" else (str(inherited.get("plugin", "multifo")), "!", value[1:])
            if plugin not in PARAMS:
                self.report.lost(where, f"a datacenter of the plugin {plugin}; only simplefo, multifo and weighted have a translation")
                return []
            return self.plugins.tiers(plugin, *self.plugins.resource(plugin, name, where))
        res, plugin = stanza(value, inherited, where)
        if plugin not in PARAMS:
            self.report.lost(where, f"a datacenter of the plugin {plugin}; only simplefo, multifo and weighted have a translation")
            return []
        return self.plugins.tiers(plugin, res, Hash(where))
