return { args = { port = "int" }, run = function () return true end }
