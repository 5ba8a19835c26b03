node "ns1" { id = 1, listen = {}, peer = "127.0.0.1:5401" }
node "ns2" { id = 2, listen = {}, peer = "127.0.0.1:5402" }
pair { name = "a", key = "pair.key" }
zone "example.test" { file = "example.test.zone" }
--> witness_only.lua:3: no node answers DNS; expected "listen" in at least one of them
