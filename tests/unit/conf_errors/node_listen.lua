node "ns1" { listen = { "127.0.0.1:5301",
	"localhost:53", "127.0.0.1:0", "::1:53:x" } }
zone "example.test" { file = "example.test.zone" }
--> node_listen.lua:2: item 2 of "listen" is "localhost:53"; expected addresses such as "192.0.2.53", "127.0.0.1:5301" or "[::1]:5301"
--> node_listen.lua:2: item 3 of "listen" is "127.0.0.1:0"; expected addresses such as "192.0.2.53", "127.0.0.1:5301" or "[::1]:5301"
--> node_listen.lua:2: item 4 of "listen" is "::1:53:x"; expected addresses such as "192.0.2.53", "127.0.0.1:5301" or "[::1]:5301"
