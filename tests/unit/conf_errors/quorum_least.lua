node "ns1" { id = 1, listen = "127.0.0.1:5301", peer = "127.0.0.1:5401", weight = 0 }
node "ns2" { id = 2, listen = "127.0.0.1:5302", peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key", agree = "quorum", quorum = { least = 2 } }
zone "example.test" { file = "example.test.zone" }
--> quorum_least.lua:3: "least" is 2, more than the nodes weigh together (1): nothing would ever be decided; expected less
