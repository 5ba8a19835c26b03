require "base"
check "x" { script = "scripts/absent.lua" }
--> script_file_missing.lua:2: cannot read the script scripts/absent.lua: No such file or directory; expected a check script
