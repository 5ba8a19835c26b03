node "ns1" { id = 1, peer = "127.0.0.1:5401" }
node "ns2" { id = 2, peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key", interval = "5s" }
zone "example.test" { file = "example.test.zone" }
--> range_pair_interval.lua:3: "interval" is "5s"; expected a duration from 100ms to 1s, such as 5, "200ms" or "10m"
