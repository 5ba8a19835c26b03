require "base"
check "x" { script = "http", fall = 0, rise = 101 }
--> range_integer.lua:2: "fall" is 0; expected a whole number from 1 to 100
--> range_integer.lua:2: "rise" is 101; expected a whole number from 1 to 100
