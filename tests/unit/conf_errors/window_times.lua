require "base"
service "www.example.test" { check = "web", tiers = { { "ams1" } } }
maintenance "a" { what = "ams1", from = "2026-12-01", to = "tomorrow" }
maintenance "b" { what = "ams1", from = "2026-02-29 10:00",
	to = "2026-12-01 24:00" }
maintenance "c" { what = "ams1", lasts = "2h", cron = "0 3 * *" }
maintenance "d" { what = "ams1", lasts = "2h", cron = "61 3 * * *" }
maintenance "e" { what = "ams1", lasts = "2h", cron = "0 3 * * sat-fri" }
maintenance "f" { what = "ams1" }
maintenance "g" { what = "ams1", from = "2026-12-01 22:00" }
maintenance "h" { what = "ams1", lasts = "2h" }
maintenance "i" { what = "ams1", cron = "0 3 * * 0" }
maintenance "j" { what = "ams1", cron = "0 3 * * 0", lasts = "2h",
	from = "2026-12-01 22:00" }
maintenance "k" { what = "ams1", cron = 5, lasts = "2h" }
maintenance "l" { what = "ams1", cron = "0 3 * * 0", lasts = "2 h", state = "up" }
--> window_times.lua:3: "from" is "2026-12-01"; expected a time of UTC such as "2026-12-01 22:00" or "2026-12-01T22:00:00Z"
--> window_times.lua:3: "to" is "tomorrow"; expected a time of UTC such as "2026-12-01 22:00" or "2026-12-01T22:00:00Z"
--> window_times.lua:4: "from" is "2026-02-29 10:00", which the calendar does not have; expected a day and time of UTC
--> window_times.lua:5: "to" is "2026-12-01 24:00", which the calendar does not have; expected a day and time of UTC
--> window_times.lua:6: "cron" is "0 3 * *", which has not five fields; expected minute hour day month weekday, such as "0 3 * * 0"
--> window_times.lua:7: "cron" is "61 3 * * *", whose minutes are wrong; expected minute hour day month weekday, such as "0 3 * * 0"
--> window_times.lua:8: "cron" is "0 3 * * sat-fri", whose weekdays are wrong; expected minute hour day month weekday, such as "0 3 * * 0"
--> window_times.lua:9: maintenance "f" has no time; expected from = "2026-12-01 22:00", to = …, or cron = "0 3 * * 0", lasts = "2h"
--> window_times.lua:10: maintenance "g" has no "to"; expected both from and to
--> window_times.lua:11: maintenance "h" has no "cron"; expected both cron and lasts
--> window_times.lua:12: maintenance "i" has no "lasts"; expected both cron and lasts
--> window_times.lua:13: maintenance "j" has both "from" and "cron"; expected from and to, or cron and lasts
--> window_times.lua:15: "cron" is 5; expected minute hour day month weekday, such as "0 3 * * 0"
--> window_times.lua:16: "lasts" is "2 h"; expected a duration from 1s to 366d, such as 5, "200ms" or "10m"
--> window_times.lua:16: "state" is "up"; expected "drain" or "down"
