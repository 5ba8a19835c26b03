return { args = { port = "integer", name = "string?", deep = "boolean?", ratio = "number?" }, run = function () return true end }
