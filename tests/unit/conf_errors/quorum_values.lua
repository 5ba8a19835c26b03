node "ns1" { id = 1, listen = "127.0.0.1:5301", peer = "127.0.0.1:5401", weight = 101 }
node "ns2" { id = 2, listen = "127.0.0.1:5302", peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key", agree = "quorum", quorum = { above = "100%", leest = 0 } }
zone "example.test" { file = "example.test.zone" }
--> quorum_values.lua:1: "weight" is 101; expected a whole number from 0 to 100
--> quorum_values.lua:3: "above" is "100%"; expected a share from "1%" to "99%"
--> quorum_values.lua:3: unknown key "leest"; expected a key of quorum; did you mean "least"
