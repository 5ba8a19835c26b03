require "base"
pool "a" { }
pool "a" { }
--> pool_twice.lua:3: pool "a" is there twice, first at pool_twice.lua:2; expected each name once
