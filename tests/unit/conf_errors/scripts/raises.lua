-- fails while it loads
local x
x.y = 1
