require "base"
service "www.example.test" { check = "web",
	tiers = { { "192.0.2.1", nil, "192.0.2.2" } } }
--> list_with_hole.lua:3: a list with a hole (a nil among its values); expected every place from 1 on
