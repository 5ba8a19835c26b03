require "base"
service "www.example.test" {
	check = "web",
	tiers = { { "192.0.2.1", "192.0.2.2" }, { "192.0.2.3" } },
	need = 2,
}
--> need_larger_than_tier.lua:5: "need" is 2 but tier 2 has only 1; expected at most that
