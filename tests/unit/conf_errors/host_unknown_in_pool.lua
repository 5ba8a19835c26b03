require "base"
pool "edge" { tiers = { { "ams2" } } }
--> host_unknown_in_pool.lua:2: "ams2" is neither an address nor a host; expected an address, a host's name or site:NAME; did you mean "ams1"
