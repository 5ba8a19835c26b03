node "ns1" { id = 1, peer = "127.0.0.1:5401" }
node "ns2" { id = 2, peer = "127.0.0.1:5402" }
pair { name = "a",
	key = "open.key" }
zone "example.test" { file = "example.test.zone" }
--> pair_key_open.lua:4: the key file open.key is open to others than its owner (mode 0644); expected 64 hex digits, mode 0600, as "gemelctl key new FILE" writes
