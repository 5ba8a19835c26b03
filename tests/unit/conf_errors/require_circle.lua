require "base"
require "circle"
--> circle.lua:1: require "circle" goes round in a circle; expected files that do not need each other
