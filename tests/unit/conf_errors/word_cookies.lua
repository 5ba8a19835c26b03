require "base"
limits { cookies = "strickt" }
--> word_cookies.lua:2: "cookies" is "strickt"; expected "on", "strict" or "off"; did you mean "strict"
