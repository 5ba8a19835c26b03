node "ns1" { listen = { "127.0.0.1",
	"127.0.0.1:53" } }
zone "example.test" { file = "example.test.zone" }
--> node_listen_twice.lua:2: "listen" has 127.0.0.1:53 twice; expected each address once
