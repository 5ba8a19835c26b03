require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, all_down = { "192.0.2.9:80" } }
--> all_down_port.lua:2: member 192.0.2.9:80 has a port; expected an address to answer with (probe = "ADDRESS:PORT" says where to probe)
