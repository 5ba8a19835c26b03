require "base"
host "192.0.2.5" { "192.0.2.5" }
--> host_name.lua:2: host "192.0.2.5" would be taken for something else; expected a name that is no address, glob or "site:…"
