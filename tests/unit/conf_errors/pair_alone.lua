node "ns1" { id = 1, peer = "127.0.0.1:5401" }
pair { name = "a", key = "pair.key" }
zone "example.test" { file = "example.test.zone" }
--> pair_alone.lua:2: warning: a pair with a single node; expected a second node block for the twin
