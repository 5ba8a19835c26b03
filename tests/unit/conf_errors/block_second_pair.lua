node "ns1" { id = 1, peer = "127.0.0.1:5401" }
node "ns2" { id = 2, peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key" }
pair { name = "b", key = "pair.key" }
zone "example.test" { file = "example.test.zone" }
--> block_second_pair.lua:4: a second pair; expected one: the first is at line 3
