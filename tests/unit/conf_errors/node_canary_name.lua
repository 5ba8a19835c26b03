require "base"
node "ns2" { canaries = { "gateway.example.net" } }
--> node_canary_name.lua:2: item 1 of "canaries" is "gateway.example.net"; expected ADDRESS:PORT for TCP or ADDRESS for ping
