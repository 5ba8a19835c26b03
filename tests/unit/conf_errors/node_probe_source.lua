node "ns1" { listen = "127.0.0.1:5301", probe_source = "192.0.2.1:53" }
node "b" { listen = "127.0.0.1:5302", probe_source = { "192.0.2.1", "192.0.2.2" } }
node "c" { listen = "127.0.0.1:5303", probe_source = "::" }
zone "example.test" { file = "example.test.zone" }
--> node_probe_source.lua:1: "probe_source" is "192.0.2.1:53"; expected an address without a port, or one of each family
--> node_probe_source.lua:2: "probe_source" has two addresses of IPv4; expected one of each family
--> node_probe_source.lua:3: "probe_source" is "::"; expected an address without a port, or one of each family
