node "ns1" { id = 1, peer = "127.0.0.1:5401" }
node "ns2" { id = 2, peer = "127.0.0.1:5401" }
pair { name = "a", key = "pair.key" }
zone "example.test" { file = "example.test.zone" }
--> pair_peer_shared.lua:2: peer 127.0.0.1:5401 is node "ns1"'s already; expected an address of its own
