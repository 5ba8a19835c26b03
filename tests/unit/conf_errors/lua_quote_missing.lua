require "base"
check "tls" { script = "tls, interval = "1s" }
--> lua_quote_missing.lua:2: malformed number near '1s'; expected a number, or text in quotes: is a quote missing before it
