require "base"
local all = {}
for i = 0, 256 do all[#all + 1] = "2001:db8::1:" .. ("%x"):format(i) end
service "www.example.test" { check = "web",
	tiers = { all } }
--> members_too_many.lua:5: more than 256 members of one family in one tier; expected at most that, for a message holds no more
