return { args = { port = "integer", path = "string" }, run = function () return true end }
