node "ns1" { id = 1, listen = "127.0.0.1:5301", peer = "127.0.0.1:5401" }
node "ns2" { id = 2, listen = "127.0.0.1:5302", peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key", agree = "quorum", quorum = 0.5 }
zone "example.test" { file = "example.test.zone" }
--> quorum_half.lua:3: "quorum" is 0.5; expected a table such as { above = "50%", least = 2 }
