node "ns1" { id = 1, listen = { "127.0.0.1:5301" }, peer = "127.0.0.1:5401", canaries = { "127.0.0.1:8079" },
             http = "127.0.0.1:8051", control = "run/ns1.sock", state = "run/ns1" }
node "ns2" { id = 2, listen = { "127.0.0.1:5302" }, peer = "127.0.0.1:5402", canaries = { "127.0.0.1:8079" },
             http = "127.0.0.1:8052", control = "run/ns2.sock", state = "run/ns2" }

pair { name = "demo", key = "pair.key", interval = "200ms", agree = "any-up" }

zone "example.test" { file = "example.test.zone" }

check "web" { script = "http", args = { port = 8080, path = "/healthz", expect = 200 },
              interval = "1s", timeout = "500ms", fall = 3, rise = 2 }

host "ams1" { "127.0.0.21", "::1", site = "ams" }
host "fra1" { "127.0.0.22", site = "fra" }
pool "edge" { tiers = { { "ams1" }, { "fra1" } }, couple = true, failback = "1m" }

service "www.example.test"  { check = "web", tiers = { { "127.0.0.11", "127.0.0.12" }, { "127.0.0.13" } } }
service "dl.example.test"   { check = "web", answer = 1, pick = "weighted", tiers = { { { "127.0.0.11", weight = 3 }, "127.0.0.12" } } }
service "shop.example.test" { check = { use = "web", args = { path = "/shop" } }, pool = "edge" }
