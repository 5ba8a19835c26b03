node "ns1" { status_from = { "192.0.2.0/33" } }
zone "example.test" { file = "example.test.zone" }
--> node_status_from.lua:1: item 1 of "status_from" is "192.0.2.0/33"; expected addresses or blocks such as "192.0.2.0/24"
