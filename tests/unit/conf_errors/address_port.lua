node "ns1" { id = 1, listen = { "::1:5301", "[::1:5302]", "2001:db8::5301" },
	peer = "::1:5401", canaries = { "2001:db8::7:443" }, http = "::1:8051" }
node "ns2" { id = 2, listen = "::2:53", peer = "[::1]:5402" }
pair { name = "demo", key = "pair.key" }
zone "example.test" { file = "example.test.zone" }
check "web" { script = "tcp", args = { port = 80 } }
service "www.example.test" { check = "web", tiers = { {
	{ "2001:db8::1:1000", probe = "2001:db8::1:8080" },
	{ "2001:db8::2", probe = { ns1 = "2001:db8::2:8080", ns2 = "2001:db8::2:18080" } } } } }
--> address_port.lua:2: warning: "2001:db8::7:443" is an IPv6 address without a port; expected "[2001:db8::7]:443" where a port is meant, or else "[2001:db8::7:443]"
--> address_port.lua:2: "http" is "::1:8051"; expected ADDRESS:PORT; did you mean "[::1]:8051"
--> address_port.lua:1: warning: "::1:5301" is an IPv6 address without a port; expected "[::1]:5301" where a port is meant, or else "[::1:5301]"
--> address_port.lua:2: "peer" is "::1:5401"; expected one or two ADDRESS:PORT; did you mean "[::1]:5401"
--> address_port.lua:3: warning: "::2:53" is an IPv6 address without a port; expected "[::2]:53" where a port is meant, or else "[::2:53]"
--> address_port.lua:8: warning: "2001:db8::1:8080" is an IPv6 address without a port; expected "[2001:db8::1]:8080" where a port is meant, or else "[2001:db8::1:8080]"
--> address_port.lua:9: warning: "2001:db8::2:8080" is an IPv6 address without a port; expected "[2001:db8::2]:8080" where a port is meant, or else "[2001:db8::2:8080]"
--> address_port.lua:9: "probe" is "2001:db8::2:18080"; expected ADDRESS or ADDRESS:PORT, or a table of them by node name; did you mean "[2001:db8::2]:18080"
