require "base"
require "nothing"
--> require_missing.lua:2: cannot read nothing.lua: No such file or directory; expected a .lua file in the configuration's own folder
