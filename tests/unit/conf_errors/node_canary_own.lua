node "ns1" { listen = { "192.0.2.53", "127.0.0.1:5301" },
	canaries = { "192.0.2.53:80",
		"127.0.0.1:5301",
		"127.0.0.1:8079" } }
zone "example.test" { file = "example.test.zone" }
--> node_canary_own.lua:2: canary 192.0.2.53:80 is an address of node "ns1" itself; expected something that is there when our network is
--> node_canary_own.lua:3: canary 127.0.0.1:5301 is an address of node "ns1" itself; expected something that is there when our network is
