require "base"
service "www.example.test" { check = "web", tiers = { { "ams1" } } }
maintenance "a" { what = "ams1", lasts = "2h",
	cron = "0 0 31 2 *" }
maintenance "b" { what = "ams1", from = "2026-12-01 22:00",
	to = "2026-12-01 22:00" }
maintenance "c" { what = "ams1", from = "2026-12-01 22:00",
	to = "2026-12-01T21:59:59Z" }
maintenance "d" { what = "ams1", cron = "0 3 * * 0",
	lasts = 0 }
maintenance "e" { what = "ams1", cron = "0 3 * * 0",
	lasts = "400d" }
maintenance "f" { what = "ams1", from = "2026-12-01 22:00",
	to = "2027-12-03 22:00" }
maintenance "g" { what = "ams1", cron = "*/5 * * * *",
	lasts = "5m" }
maintenance "over" { what = "ams1", from = "1999-12-31 23:00", to = "2000-01-01 01:00" }
maintenance "leap" { what = "ams1", cron = "0 0 29 feb *", lasts = "366d" }
--> window_never.lua:4: "cron" is "0 0 31 2 *": the window never opens; expected days that its months have
--> window_never.lua:6: "to" is not after "from": the window never opens; expected a later time
--> window_never.lua:8: "to" is not after "from": the window never opens; expected a later time
--> window_never.lua:10: "lasts" is 0; expected a duration from 1s to 366d, such as 5, "200ms" or "10m"
--> window_never.lua:12: "lasts" is "400d"; expected a duration from 1s to 366d, such as 5, "200ms" or "10m"
--> window_never.lua:14: "to" is more than a year after "from"; expected at most 366 days
--> window_never.lua:16: "lasts" reaches to the next opening: the window never closes; expected less
