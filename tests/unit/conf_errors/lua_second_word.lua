require "base"
service "www.example.test" "shop" { check = "web" }
--> lua_second_word.lua:2: service "www.example.test" is "shop"; expected { … }
--> lua_second_word.lua:2: attempt to call a nil value; expected a function, or the name of a block, before the { … } or the text
