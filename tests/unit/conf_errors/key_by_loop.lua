require "base"
for i = 1, 3 do
	service("s" .. i .. ".example.test") {
		check = "web", need = 0,
		tiers = { { "192.0.2." .. i } },
	}
end
--> key_by_loop.lua:4: "need" is 0; expected a number of members from 1, or a share such as "50%"
