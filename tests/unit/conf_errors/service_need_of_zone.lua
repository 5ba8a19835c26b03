require "base"
service "shop.example.test" { check = "web", need = 3 }
--> service_need_of_zone.lua:2: "need" is 3 but tier 1 has only 2; expected at most that
