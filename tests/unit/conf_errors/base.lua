-- What the wrong configurations of this folder have in common: require "base", then one or more faults.
node "ns1" { listen = "127.0.0.1:5301", control = "run/ns1.sock", state = "run/ns1" }
zone "example.test" { file = "example.test.zone" }
check "web" { script = "http", args = { port = 8080 } }
host "ams1" { "192.0.2.1", "2001:db8::1" }
