require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1:8080" } } }
--> member_with_port.lua:2: member 192.0.2.1:8080 has a port; expected an address to answer with (probe = "ADDRESS:PORT" says where to probe)
