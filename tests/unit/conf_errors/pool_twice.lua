require "base"
pool "a" { }
pool "a" { }
--> pool_twice.lua:3: pool "a" is there twice; expected each name once
