require "base"
# the web servers
--> lua_comment_hash.lua:2: unexpected symbol near '#'; expected a statement (a comment begins with --)
