require "base"
host "fra1" { "192.0.2.300" }
host "fra2" { "192.0.2.1:80" }
--> host_address.lua:2: host "fra1" has "192.0.2.300"; expected an address without a port
--> host_address.lua:3: host "fra2" has "192.0.2.1:80"; expected an address without a port
