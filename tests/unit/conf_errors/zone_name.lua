require "base"
zone "bad..name" { file = "example.test.zone" }
--> zone_name.lua:2: "bad..name" is no zone name; expected a domain name
