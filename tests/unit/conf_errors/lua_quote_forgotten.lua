require "base"
service "www.example.test { check = "web" }
--> lua_quote_forgotten.lua:2: unfinished string near '" }'; expected the quote that closes it in the same line
