require "base"
limits {
	rrl = { rate = 0, slip = 11, window = "100ms", exempt = { "10.0.0.0/33" }, tabel = 4096 },
	tcp = { connections = 10, per_source = 11, idle = 0 },
}
--> range_limits_tables.lua:3: item 1 of "exempt" is "10.0.0.0/33"; expected addresses or blocks such as "192.0.2.0/24"
--> range_limits_tables.lua:3: "rate" is 0; expected a whole number from 1 to 1000000
--> range_limits_tables.lua:3: "slip" is 11; expected a whole number from 0 to 10
--> range_limits_tables.lua:3: unknown key "tabel"; expected a key of rrl; did you mean "table"
--> range_limits_tables.lua:3: "window" is "100ms"; expected a duration from 1s to 1h, such as 5, "200ms" or "10m"
--> range_limits_tables.lua:4: "idle" is 0; expected a duration from 1s to 1h, such as 5, "200ms" or "10m"
--> range_limits_tables.lua:4: "per_source" is 11, more than the 10 of "connections"; expected at most that many
