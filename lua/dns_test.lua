-- Cases of dns.lua: gemelctl test lua/dns.lua
local soa = "example.test 3600 SOA ns1.example.test host.example.test 2026112101 7200 900 1209600 300"

return {
  { name = "answers", want = "up",
    mock = { { dns = { name = "www.example.test", type = "A", port = 53, rd = false, tcp = false }, answer = { "www.example.test 60 A 192.0.2.10" } } } },
  { name = "refuses", want = "down", reason = "REFUSED, expected NOERROR", mock = { { dns = true, rcode = "REFUSED" } } },
  { name = "another rcode is wanted", args = { rcode = "NXDOMAIN" }, want = "up", mock = { { dns = true, rcode = "NXDOMAIN" } } },
  { name = "holds the address", args = { address = "2001:db8::1", type = "AAAA" }, want = "up",
    mock = { { dns = { type = "AAAA" }, answer = { "www.example.test 60 AAAA 2001:db8::2", "www.example.test 60 AAAA 2001:db8::1" } } } },
  { name = "does not hold the address", args = { address = "192.0.2.10" }, want = "down", reason = "192.0.2.10 is not in the answer",
    mock = { { dns = true, answer = { "www.example.test 60 A 192.0.2.11" } } } },
  { name = "has the serial", args = { name = "example.test", serial = 2026112101 }, want = "up", reason = "serial 2026112101",
    mock = { { dns = { name = "example.test", type = "SOA" }, answer = { soa } } } },
  { name = "has an older one", args = { name = "example.test", serial = 2026112102 }, want = "down", reason = "the serial is 2026112101",
    mock = { { dns = { name = "example.test", type = "SOA" }, answer = { soa } } } },
  { name = "has none", args = { name = "www.example.test", serial = 1 }, want = "down", reason = "no SOA record in the answer",
    mock = { { dns = { type = "SOA" } } } },
  { name = "is not authoritative", args = { aa = true }, want = "down", reason = "the answer is not authoritative",
    mock = { { dns = true, aa = false, answer = { "www.example.test 60 A 192.0.2.10" } } } },
  { name = "a resolver", args = { rd = true }, want = "up",
    mock = { { dns = { rd = true }, aa = false, ra = true, answer = { "www.example.test 60 A 192.0.2.10" } } } },
  { name = "cut off, so asked again over TCP", want = "up", mock = { { dns = { tcp = false }, tc = true }, { dns = { tcp = true } } } },
  { name = "over TCP at once", args = { tcp = true }, want = "up", mock = { { dns = { tcp = true } } } },
  { name = "says nothing", want = "down", reason = "read timeout", mock = { { dns = true, silent = true } } },
  { name = "nothing listens", want = "down", reason = "connect refused", mock = { { fail = "connect refused" } } },
}
