noinst_LIBRARIES += src/script/libscript.a
src_script_libscript_a_SOURCES =
src_script_libscript_a_CFLAGS = $(AM_CFLAGS)
src_script_libscript_a_CFLAGS += $(LUA_CFLAGS)
