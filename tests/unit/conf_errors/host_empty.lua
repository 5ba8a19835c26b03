require "base"
host "fra1" { }
--> host_empty.lua:2: host "fra1" has 0 addresses; expected 1 to 256: { "192.0.2.1", … }
