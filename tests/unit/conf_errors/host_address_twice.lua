require "base"
host "fra1" { "192.0.2.5", "192.0.2.5" }
--> host_address_twice.lua:2: host "fra1" has 192.0.2.5 twice; expected each address once
