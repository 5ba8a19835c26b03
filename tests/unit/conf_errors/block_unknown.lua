require "base"
servce "www.example.test" { check = "web" }
--> block_unknown.lua:2: unknown name "servce"; expected a block such as zone or service, a name set above, or text in quotes; did you mean "service"
