node "ns1" { http = "127.0.0.1:8051",
	http_from = "10.0.0.0/8" }
zone "example.test" { file = "example.test.zone" }
check "web" { script = "http" }
host "ams1" { "192.0.2.1", site = "ams" }
service "www.example.test" { check = "web", tiers = { { "site:ams" } } }
--> unbuilt_keys.lua:1: warning: "http" is not built yet: nothing listens there
--> unbuilt_keys.lua:2: warning: "http_from" is not built yet: there is no HTTP to guard
