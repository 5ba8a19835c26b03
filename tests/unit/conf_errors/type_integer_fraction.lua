require "base"
check "x" { script = "http", rise = 1.5 }
--> type_integer_fraction.lua:2: "rise" is 1.5; expected a whole number from 1 to 100
