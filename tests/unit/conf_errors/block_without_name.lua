require "base"
service { check = "web" }
zone(5) { file = "x" }
--> block_without_name.lua:2: service without a name; expected service "NAME" { … }
--> block_without_name.lua:3: zone without a name; expected zone "NAME" { … }
