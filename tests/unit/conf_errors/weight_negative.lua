require "base"
service "www.example.test" { check = "web", pick = "weighted",
	tiers = { { { "192.0.2.1", weight = -3 },
		{ "192.0.2.2", weight = "3" },
		{ "192.0.2.3", weight = 1.5 } } } }
--> weight_negative.lua:3: "weight" is -3; expected a whole number from 1 to 65535
--> weight_negative.lua:4: "weight" is "3"; expected a whole number from 1 to 65535
--> weight_negative.lua:5: "weight" is 1.5; expected a whole number from 1 to 65535
