node "ns1" { id = 1, peer = "127.0.0.1:5401" }
node "ns2" { id = 2, peer = "127.0.0.1" }
pair { }
zone "example.test" { file = "example.test.zone" }
--> pair_without_key.lua:2: "peer" is "127.0.0.1"; expected one or two ADDRESS:PORT
--> pair_without_key.lua:3: pair has no "name"; expected a name of 1 to 64 octets, the same on both twins
--> pair_without_key.lua:3: pair has no "key"; expected the path of a key file
