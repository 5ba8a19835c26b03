require "base"
host "fra1" { "192.0.2.9", sight = "fra" }
--> key_unknown_host.lua:2: unknown key "sight"; expected a key of host: site
