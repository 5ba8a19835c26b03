require "base"
check "x" { script = "http", fall = "three" }
--> type_integer.lua:2: "fall" is "three"; expected a whole number from 1 to 100
