require "base"
check "tls" { script = “tls” }
--> lua_curly_quotes.lua:2: unexpected symbol near '<\226>'; expected plain quotes and dashes (" and -), not those of typesetting
