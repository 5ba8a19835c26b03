require "base"
require "circle"
--> circle.lua:1: require "circle" goes round in a circle
