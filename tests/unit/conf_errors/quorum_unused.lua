node "ns1" { id = 1, listen = "127.0.0.1:5301", peer = "127.0.0.1:5401", weight = 2 }
node "ns2" { id = 2, listen = "127.0.0.1:5302", peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key", quorum = { least = 2 } }
zone "example.test" { file = "example.test.zone" }
--> quorum_unused.lua:3: "quorum", and nothing is decided by one; expected agree = "quorum" in the pair or a service
--> quorum_unused.lua:1: "weight" of a node, and nothing is decided by a quorum; expected agree = "quorum" in the pair or a service
