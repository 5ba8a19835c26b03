require "base"
service "www.example.test" { check = web, tiers = { { ams1 } } }
--> name_forgotten_quotes.lua:2: unknown name "web"; expected a block such as zone or service, a name set above, or text in quotes
--> name_forgotten_quotes.lua:2: unknown name "ams1"; expected a block such as zone or service, a name set above, or text in quotes
