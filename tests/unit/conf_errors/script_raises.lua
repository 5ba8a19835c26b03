require "base"
check "x" { script = "scripts/raises.lua" }
--> scripts/raises.lua:3: attempt to index a nil value (local 'x')
