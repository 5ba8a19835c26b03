require "base"
service "www.example.test" {
	check = "web", tiers = { { "192.0.2.1" } },
	frobnicate = 5,
}
--> key_unknown_far.lua:4: unknown key "frobnicate"; expected a key of service: check, tiers, need, answer, pick, all_down, couple, failback, slow_start, load, ttl, agree, initial, removals, pool, needs
