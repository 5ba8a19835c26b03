require "base"
limits { tpc = 100 }
--> key_unknown_limits.lua:2: unknown key "tpc"; expected a key of limits; did you mean "tcp"
