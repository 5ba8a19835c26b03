"""The whole way: a folder of gdnsd's in, texts by file name out."""
import os

from . import lua, vscf, zones
from .checks import SCRIPTS, UP, Checks, combine
from .metafo import Metafo, is_address
from .options import Options
from .report import Fault
from .resources import PARAMS, Plugins, Pool, finish, heaviest_cname
from .vscf import Hash, as_hash, as_list

TOP = ("options", "service_types", "plugins")
FALLBACK = "one family dead and the other alive: gdnsd answers all of the dead one, we answer no address of it (NODATA)"


class Converter:
    def __init__(self, folder, report):
        self.report = report
        config = vscf.load(os.path.join(folder, "config"), folder)
        for key in config:
            if key not in TOP:
                raise Fault(key.where, f"unknown key {key}; expected options, service_types or plugins")
        part = {k: as_hash(config[k], k) if k in config else Hash(config.where) for k in TOP}
        self.options = Options(part["options"], report)
        self.checks = Checks(part["service_types"], report)
        self.plugins = Plugins(part["plugins"], self.checks, report)
        self.metafo = Metafo(self.plugins, report)
        self.zones = zones.load(os.path.join(folder, "zones"), folder, self.options, report)
        self.pools, self.services = {}, []
        for zone in self.zones.values():
            for dynamic in zone.dynamic:
                self.name(zone, dynamic)
        self.tell_unused(part["plugins"])

    # ---- names ----

    def name(self, zone, dynamic):
        """A name that a plugin answers: a service, or a record where the answer never changes."""
        plugin, _, resource = dynamic.what.partition("!")
        if plugin == "static" or plugin == "null":
            self.fixed(zone, dynamic, plugin, resource)
        elif plugin in PARAMS or plugin == "metafo":
            self.service(zone, dynamic, plugin, resource)
        elif plugin == "geoip":
            self.report.lost(dynamic.where, f"{dynamic.owner}: {dynamic.what}: nothing here answers by place, and the name is not there; "
                                            f"write a service for it, its datacenters as tiers")
        else:
            self.report.lost(dynamic.where, f"{dynamic.owner}: {dynamic.what}: the plugin {plugin} has no translation, and the name is "
                                            f"not there; write records or a service for it")

    def fixed(self, zone, dynamic, plugin, resource):
        if plugin == "null":
            values = ["invalid."] if dynamic.kind == "DYNC" else ["0.0.0.0", "::"]
        else:
            stanza = self.plugins.plugins.get("static")
            if not isinstance(stanza, Hash) or resource not in stanza:
                raise Fault(dynamic.where, f"static has no resource {resource}")
            values = as_list(stanza[resource])
        for v in values:
            text = str(v)
            kind = ("AAAA" if ":" in text else "A") if is_address(text) else "CNAME"
            zone.add(dynamic, kind, text)

    def service(self, zone, dynamic, plugin, resource):
        pool = self.pool(plugin, resource, dynamic)
        if pool.tiers:
            self.services.append((dynamic, dynamic.what))
        if pool.cname and pool.tiers:
            self.report.lost(dynamic.where, f"{dynamic.owner}: the CNAME {pool.cname} behind the addresses; a service answers addresses "
                                            f"only: give its address as a last tier, or as all_down")
        elif pool.cname:
            zone.add(dynamic, "CNAME", pool.cname)
            self.report.lost(dynamic.where, f"{dynamic.owner}: a CNAME that depends on health; the first or heaviest one is in the "
                                            f"zone for good: make a service of what it points to, and point there")
        elif not pool.tiers:
            self.report.lost(dynamic.where, f"{dynamic.owner}: nothing is left of {dynamic.what}, and the name is not there")

    # ---- resources ----

    def pool(self, plugin, resource, dynamic):
        if dynamic.what not in self.pools:
            self.pools[dynamic.what] = self.make_pool(plugin, resource, dynamic)
        return self.pools[dynamic.what]

    def make_pool(self, plugin, resource, dynamic):
        if plugin == "metafo":
            tiers, cname = self.metafo.tiers(resource, dynamic.where)
            pool = Pool(self.metafo.resource(resource.partition("/")[0], dynamic.where)[0].where, tiers, cname)
        else:
            res, top = self.plugins.resource(plugin, resource, dynamic.where)
            cname = heaviest_cname(res) if plugin == "weighted" else None
            if cname:
                return Pool(res.where, cname=cname)
            pool = Pool(res.where, self.plugins.tiers(plugin, res, top))
        if not pool.members():
            return pool
        finish(pool, self.report)
        both = any(len({m.family for m in t.members}) > 1 for t in pool.tiers)
        pool.couple = both and plugin == "metafo"
        pool.checks = combine(pool.members(), self.checks, self.report, pool.where)
        if both and pool.checks != [UP]:
            self.report.differs(pool.where, f"{dynamic.what}: {FALLBACK}")
        return pool

    def tell_unused(self, plugins):
        used = {d.what.partition("!")[0] for z in self.zones.values() for d in z.dynamic} | {"extmon", "extfile"}
        for key in plugins:
            if key in (*PARAMS, "metafo", "geoip", "static", "null", "reflect") and key not in used:
                if key == "geoip":
                    self.report.lost(key.where, "geoip: nothing here answers by place; no zone asks it")
                elif not self.referred(key, plugins):
                    self.report.note(key.where, f"{key}: no zone asks it; left out")

    def referred(self, plugin, plugins):
        return "metafo" in plugins and plugin != "metafo"

    # ---- files ----

    def used_checks(self):
        """Checks that services name, and the scripts of all, also of those for some addresses only."""
        named, scripts = {}, set()
        for _, what in self.services:
            for c in self.pools[what].checks:
                if c.only is None:
                    named[c.name] = c
                if c.own:
                    scripts.add(c.script)
        return named, scripts

    def files(self, node, control, state):
        named, scripts = self.used_checks()
        out = {f"checks/{s}.lua": SCRIPTS[s] for s in sorted(scripts)}
        text = ["-- Made from a gdnsd configuration; gemel.lua(5) tells what may stand here.\n\n", lua.node(node, self.options, control, state),
                lua.limits(self.options), "\n"]
        for name, zone in self.zones.items():
            file = "zones/" + name.replace("/", "@")
            out[file] = zone.text
            text.append(f"zone {lua.quote(name)} {{ file = {lua.quote(file)} }}\n")
        if named:
            text.append("\n-- retry is gdnsd's: the same pause after a failure as ever. Without it failures are told sooner.\n")
        text += [lua.check(c) for c in named.values()]
        for what in dict.fromkeys(w for _, w in self.services):
            text.append("\n" + lua.pool(what, self.pools[what]))
            text += [lua.service(d, w) for d, w in self.services if w == what]
        out["gemel.lua"] = "".join(text)
        return out
