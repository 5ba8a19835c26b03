node "ns1" { id = 1, peer = "127.0.0.1:5401" }
node "ns2" { id = 2, peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key", agree = "local", share = true }
zone "example.test" { file = "example.test.zone" }
--> pair_share_local.lua:3: "share" with agree = "local"; expected another agree, or no "share": a node that goes by its own verdicts alone has to look for itself
