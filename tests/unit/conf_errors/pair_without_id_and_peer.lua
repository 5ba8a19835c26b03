node "ns1" { id = 1 }
node "ns2" { peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key" }
zone "example.test" { file = "example.test.zone" }
--> pair_without_id_and_peer.lua:1: node "ns1" has no "peer"; expected the ADDRESS:PORT at which its twin reaches it, since there is a pair
--> pair_without_id_and_peer.lua:2: node "ns2" has no "id"; expected a number from 1 to 254, since there is a pair
