require "base"
service "www..example.test" { check = "web", tiers = { { "192.0.2.1" } } }
service "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.test" { check = "web", tiers = { { "192.0.2.1" } } }
--> service_name.lua:2: "www..example.test" is no owner name; expected a domain name such as "www.example.test"
--> service_name.lua:3: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.test" is no owner name; expected labels of at most 63 octets and at most 255 in all
