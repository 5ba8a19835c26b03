require "base"
service "www.example.test"
--> block_without_table.lua:2: service "www.example.test" has no block; expected { … } after the name
