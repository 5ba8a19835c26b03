require "base"
check "x" { script = "scripts/broken.lua" }
--> scripts/broken.lua:3: unexpected symbol near '='
