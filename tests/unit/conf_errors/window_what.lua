require "base"
host "spare" { "192.0.2.77", site = "nowhere" }
service "www.example.test" { check = "web", tiers = { { "ams1", "192.0.2.9" } } }
maintenance "known" { what = { "AMS1", "192.0.2.9", "2001:DB8:0::1", "www.example.test.", "*.example.test", "www.example.test/192.0.2.9",
	"spare", "site:nowhere" }, cron = "0 3 * * 0", lasts = "2h" }
maintenance "a" { cron = "0 3 * * 0", lasts = "2h",
	what = "amz1" }
maintenance "b" { cron = "0 3 * * 0", lasts = "2h", what = { "ams1",
	"site:fra", "www.example.tset", "192.0.2.10",
	"www.example.test/192.0.2.10", "*.example.org", 5, "a b", "x/y" } }
maintenance "c" { cron = "0 3 * * 0", lasts = "2h",
	what = {} }
maintenance "d" { cron = "0 3 * * 0", lasts = "2h" }
maintenance "e" { cron = "0 3 * * 0", lasts = "2h", what = { ams = "ams1" } }
--> window_what.lua:10: item 7 of "what" is 5; expected an address, host, site:NAME, service, SERVICE/ADDRESS or glob, or a list of them
--> window_what.lua:10: item 8 of "what" is "a b"; expected an address, host, site:NAME, service, SERVICE/ADDRESS or glob, or a list of them
--> window_what.lua:10: item 9 of "what" is "x/y"; expected an address, host, site:NAME, service, SERVICE/ADDRESS or glob, or a list of them
--> window_what.lua:12: "what" is a table with 0 items; expected a list of 1 to 64
--> window_what.lua:13: maintenance "d" has no "what"; expected an address, host, site:NAME, service, SERVICE/ADDRESS or glob, or a list of them
--> window_what.lua:14: "what" is a table with 0 items and names; expected a list of 1 to 64
--> window_what.lua:7: "what" names "amz1", which matches no address, host or service; did you mean "ams1"
--> window_what.lua:9: "what" names "site:fra", which matches no address, host or service
--> window_what.lua:9: "what" names "www.example.tset", which matches no address, host or service; did you mean "www.example.test"
--> window_what.lua:9: "what" names "192.0.2.10", which matches no address, host or service
--> window_what.lua:10: "what" names "www.example.test/192.0.2.10", which matches no address, host or service
--> window_what.lua:10: "what" names "*.example.org", which matches no address, host or service
