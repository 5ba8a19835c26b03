node "ns1" {
	listen = "127.0.0.1:5301",
	lisen = "127.0.0.1:5302",
}
zone "example.test" { file = "example.test.zone" }
--> key_unknown_node.lua:3: unknown key "lisen"; expected a key of node; did you mean "listen"
