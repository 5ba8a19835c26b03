-- Two twins on loopback, from one file: contrib/demo copies this folder, makes pair.key, and runs it.
--
--     gemelctl key new pair.key
--     gemeld -c demo.lua -n ns1 &
--     gemeld -c demo.lua -n ns2 &
--     dig @127.0.0.1 -p 5301 www.example.test A +short

node "ns1" { id = 1, listen = { "127.0.0.1:5301" }, peer = "127.0.0.1:5401", control = "run/ns1.sock", state = "run/ns1" }
node "ns2" { id = 2, listen = { "127.0.0.1:5302" }, peer = "127.0.0.1:5402", control = "run/ns2.sock", state = "run/ns2" }

pair { name = "demo", key = "pair.key", interval = "200ms" }

zone "example.test" { file = "example.test.zone" } -- names with health
zone "static.test" { file = "static.test.zone" }   -- nothing but records

check "web" { script = "http", args = { port = 8080, path = "/healthz", expect = 200 },
              interval = "1s", timeout = "500ms", fall = 3, rise = 2 }

-- The first tier with a member up answers; with every member down the first tier's are answered all the same.
service "www.example.test" { check = "web", tiers = { { "127.0.0.11", "127.0.0.12" }, { "127.0.0.13" } } }

-- The same back ends, but with every one of them down the answer is the address of a page that says sorry.
service "sorry.example.test" { check = "web", tiers = { { "127.0.0.11", "127.0.0.12", "127.0.0.13" } }, all_down = { "127.0.0.99" } }

-- No tiers: the members are the addresses that the zone has at the name.
service "shop.example.test" { check = { use = "web", args = { path = "/shop" } }, all_down = "none" }
