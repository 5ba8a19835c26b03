require "base"
service "www.example.test" {
	check = "web",
	tiers = { { "192.0.2.1" } }, pick = "weighted",
	slow_start = "2d",
}
service "dl.example.test" {
	check = "web",
	tiers = { { "192.0.2.1" } }, pick = "weighted",
	slow_start = -1,
}
--> slow_start_range.lua:5: "slow_start" is "2d"; expected a duration from 0s to 1d, such as 5, "200ms" or "10m"
--> slow_start_range.lua:10: "slow_start" is -1; expected a duration from 0s to 1d, such as 5, "200ms" or "10m"
