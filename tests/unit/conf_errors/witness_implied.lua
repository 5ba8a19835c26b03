node "ns1" { id = 1, listen = "127.0.0.1:5301", peer = "127.0.0.1:5401" }
node "ns2" { id = 2, listen = "127.0.0.1:5302", peer = "127.0.0.1:5402" }
node "w" { id = 3, peer = "127.0.0.1:5403" }
pair { name = "a", key = "pair.key" }
zone "example.test" { file = "example.test.zone" }
--> witness_implied.lua:3: warning: node "w" has no "listen" and is a witness: it probes and votes, and answers no DNS; expected listen = {} to say so, or addresses
