require "base"
service "www.example.test" "web"
pair()
--> block_not_a_table.lua:2: service "www.example.test" is "web"; expected { … }
--> block_not_a_table.lua:3: pair is nothing; expected { … }
