require "base"
check "a" { script = "tcp", args = { port = 1 }, flap = "yes" }
check "b" { script = "tcp", args = { port = 2 }, flap = { supress = 3000 } }
check "c" { script = "tcp", args = { port = 3 }, flap = { suppress = 999, reuse = 0, half_life = "10ms" } }
check "d" { script = "tcp", args = { port = 4 }, flap = { suppress = 2000, reuse = 2000 } }
check "e" { script = "tcp", args = { port = 5 }, flap = { suppress = 100001, half_life = "2h" } }
check "f" { script = "tcp", args = { port = 6 }, flap = { reuse = 3000 } }
check "g" { script = "tcp", args = { port = 7 }, flap = 3000 }
service "www.example.test" { check = { use = "d", args = { port = 8 } }, tiers = { { "192.0.2.1" } } }
--> range_flap.lua:2: "flap" is "yes"; expected true, false, or a table such as { suppress = 3000, reuse = 750 }
--> range_flap.lua:3: unknown key "supress"; expected a key of flap; did you mean "suppress"
--> range_flap.lua:4: "half_life" is "10ms"; expected a duration from 1s to 1h, such as 5, "200ms" or "10m"
--> range_flap.lua:4: "reuse" is 0; expected a whole number from 1 to 100000
--> range_flap.lua:4: "suppress" is 999; expected a whole number from 1000 to 100000
--> range_flap.lua:5: "reuse" is 2000, not below the 2000 of "suppress"; expected less
--> range_flap.lua:6: "half_life" is "2h"; expected a duration from 1s to 1h, such as 5, "200ms" or "10m"
--> range_flap.lua:6: "suppress" is 100001; expected a whole number from 1000 to 100000
--> range_flap.lua:7: "reuse" is 3000, not below the 3000 of "suppress"; expected less
--> range_flap.lua:8: "flap" is 3000; expected true, false, or a table such as { suppress = 3000, reuse = 750 }
