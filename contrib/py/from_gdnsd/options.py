"""options -> node and limits. What tunes gdnsd's own insides has nothing to become, and is passed over with a word.

    options => { listen => 192.0.2.1, dns_port => 5353, tcp_timeout => 15 }
    node "ns1" { listen = { "192.0.2.1:5353" } }      limits { tcp = { idle = 15 } }
"""
import ipaddress

from .report import Fault
from .vscf import Hash, as_bool, as_int, as_list

INSIDE = ("udp_threads", "udp_rcvbuf", "udp_sndbuf", "tcp_backlog", "tcp_fastopen", "tcp_pad", "disable_tcp_dso", "lock_mem",
          "zones_rfc1035_threads", "zones_strict_data", "disable_text_autosplit", "max_ttl", "min_ttl", "zones_default_ttl", "dns_port",
          "tcp_threads")
OTHERWISE = {
    "chaos_response": "what is told of this node over class CH is fixed: id.server, version.server and what gemeld(8) lists",
    "acme_challenge_ttl": "there are no ACME challenges of a running server; put the TXT record into the zone and reload",
    "acme_challenge_dns_ttl": "there are no ACME challenges of a running server; put the TXT record into the zone and reload",
    "tcp_control": "the control socket is a local one; reach it by ssh",
    "max_nocookie_response": 'rate limits are on by default; cookies = "strict" in limits is the stricter way',
    "cookie_key_file": "nodes of a pair make their cookies from the key of the pair, a node alone from its start on",
    "max_ncache_ttl": "the negative TTL is the SOA's, as written; mend the zones where it is longer",
    "experimental_no_chain": "CNAME records within a zone are always followed here",
}
SILENT = {"run_dir": "the control socket is /run/gemel/NODE.sock, unless control says otherwise",
          "state_dir": "the state is in /var/lib/gemel/NODE, unless state says otherwise"}
# Of gdnsd 2: version 3 passes them over, too.
_OLD = "gdnsd 3 does not heed it any more"
_ZONES = _OLD + "; zones are read again by gemelctl reload"
_HTTP = _OLD + "; http of the node serves a page, JSON and /metrics"
OLD = {"zones_rfc1035_auto": _ZONES, "zones_rfc1035_auto_interval": _ZONES, "zones_rfc1035_quiesce": _ZONES, "http_listen": _HTTP,
       "http_port": _HTTP, "http_timeout": _HTTP, "max_http_clients": _HTTP, "realtime_stats": _HTTP, "log_stats": _HTTP,
       "username": _OLD + "; user of the node says it", "priority": _OLD, "weaker_security": _OLD, "any_mitigation": _OLD,
       "include_optional_ns": _OLD, "max_addtl_rrsets": _OLD, "max_cname_depth": _OLD, "max_response": _OLD,
       "plugin_search_path": _OLD, "udp_recv_width": _OLD, "zones_strict_startup": _OLD}
LISTEN_KEYS = {"tcp_threads", "tcp_timeout", "tcp_clients_per_thread", "tcp_fastopen", "udp_threads", "udp_rcvbuf", "udp_sndbuf",
               "tcp_proxy", "tcp_pad", "tcp_backlog"}
READ = {"listen", "tcp_timeout", "tcp_clients_per_thread", "max_edns_response", "max_edns_response_v6", "edns_client_subnet",
        "nsid", "nsid_ascii", "disable_cookies"}


class Options:
    """listen: texts, or None for every address; ttl_*: of zones; tcp, edns, cookies, nsid: None where ours is left as it is."""

    def __init__(self, options, report):
        self.options, self.report = options, report
        self.tcp, self.edns, self.cookies, self.nsid = {}, None, None, None
        for key in options:
            if key not in READ and key not in INSIDE and key not in OTHERWISE and key not in SILENT and key not in OLD:
                raise Fault(key.where, f"there is no option {key}")
            if key in OTHERWISE:
                report.differs(key.where, f"{key}: {OTHERWISE[key]}")
            elif key in SILENT:
                report.note(key.where, f"{key}: {SILENT[key]}")
            elif key in OLD:
                report.note(key.where, f"{key}: {OLD[key]}")
        self.ttl_default = self.number("zones_default_ttl", 86400)
        self.ttl_min, self.ttl_max = self.number("min_ttl", 5), self.number("max_ttl", 3600000)
        self.listen = self.read_listen()
        self.read_limits()
        self.read_nsid()

    def number(self, key, default):
        return as_int(self.options[key]) if key in self.options else default

    def read_listen(self):
        value = self.options.get("listen", "any")
        if value == "any":
            port = self.number("dns_port", 53)
            return None if port == 53 else [f"0.0.0.0:{port}", f"[::]:{port}"]
        if isinstance(value, Hash):
            return [text for text in (self.address(k, v) for k, v in value.items()) if text]
        return [self.address(v, {}) for v in as_list(value)]

    def address(self, text, opts):
        for key in opts:
            if key not in LISTEN_KEYS:
                raise Fault(key.where, f"an address has no option {key}")
        if "tcp_proxy" in opts and as_bool(opts["tcp_proxy"]):
            self.report.lost(text.where, f"{text}: there is no PROXY protocol; this address is left out")
            return None
        if opts:
            self.report.note(text.where, f"{text}: options of one address are those of all here, see limits and workers")
        host, port = str(text), self.number("dns_port", 53)
        if host.startswith("["):
            host, _, rest = host[1:].partition("]")
            port = int(rest[1:]) if rest.startswith(":") and rest[1:].isdigit() else port
        elif host.count(":") == 1:
            host, _, rest = host.partition(":")
            port = as_int(type(text)(rest, text.where), 1, 65535)
        try:
            a = ipaddress.ip_address(host)
        except ValueError as e:
            raise Fault(text.where, f"{text} is no address") from e
        if port == 53:
            return str(a)
        return f"[{a}]:{port}" if a.version == 6 else f"{a}:{port}"

    def read_limits(self):
        o = self.options
        if "tcp_timeout" in o:
            self.tcp["idle"] = as_int(o["tcp_timeout"], 5, 1800)
        if "tcp_clients_per_thread" in o:
            n = as_int(o["tcp_clients_per_thread"], 16, 65535) * self.number("tcp_threads", 2) * max(len(self.listen or "ab"), 1)
            self.tcp["connections"] = min(n, 65535)
        if "max_edns_response" in o:
            n = as_int(o["max_edns_response"], 512, 16384)
            self.edns = min(n, 4096)
            if n > 4096:
                self.report.differs(o.key_where("max_edns_response"), "answers over UDP are at most 4096 octets; larger ones go by TCP")
        if o.get("max_edns_response_v6", o.get("max_edns_response")) != o.get("max_edns_response"):
            self.report.differs(o.key_where("max_edns_response_v6"), "one bound holds for both families: limits { edns = … }")
        if "edns_client_subnet" in o and not as_bool(o["edns_client_subnet"]):
            self.report.note(o.key_where("edns_client_subnet"), 'the client subnet is looked at only where pick is "sticky"')
        if "disable_cookies" in o and as_bool(o["disable_cookies"]):
            self.cookies = "off"

    def read_nsid(self):
        o = self.options
        if "nsid_ascii" in o:
            self.nsid = str(o["nsid_ascii"])
        elif "nsid" in o:
            try:
                self.nsid = bytes.fromhex(o["nsid"]).decode("ascii")
            except (ValueError, UnicodeDecodeError):
                self.nsid = None
            if not self.nsid or not self.nsid.isprintable():
                self.nsid = None
                self.report.lost(o.key_where("nsid"), "an NSID that is no text; write one as nsid of the node")
