require "base"
require "../base"
--> require_outside.lua:2: require "../base"; expected the name of a .lua file in the configuration's own folder
