require "base"
service "www.example.test" { check = "web", tiers = { { "ams1" } } }
maintenance "a" { what = "ams1", cron = "0 3 * * 0", lasts = "2h",
	stat = "down" }
maintenance "a" { what = "ams1", cron = "0 3 * * 0", lasts = "2h" }
maintenance "b" { what = "ams1", corn = "0 3 * * 0", lasts = "2h" }
maintenence "c" { what = "ams1", cron = "0 3 * * 0", lasts = "2h" }
maintenance { what = "ams1" }
--> window_keys.lua:7: unknown name "maintenence"; expected a block such as zone or service, a name set above, or text in quotes; did you mean "maintenance"
--> window_keys.lua:8: maintenance without a name; expected maintenance "NAME" { … }
--> window_keys.lua:4: unknown key "stat"; expected a key of maintenance; did you mean "state"
--> window_keys.lua:5: maintenance "a" is there twice, first at window_keys.lua:3; expected each name once
--> window_keys.lua:6: unknown key "corn"; expected a key of maintenance; did you mean "cron"
