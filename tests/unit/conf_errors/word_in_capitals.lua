require "base"
Service "www.example.test" { check = "web" }
--> word_in_capitals.lua:2: unknown name "Service"; expected a block such as zone or service, a name set above, or text in quotes; did you mean "service"
