require "base"
check "x" { script = "./scripts" }
--> check_script_folder.lua:2: cannot read the script ./scripts: Is a directory; expected a check script
