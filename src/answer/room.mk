noinst_LIBRARIES += src/answer/libanswer.a
src_answer_libanswer_a_SOURCES =
src_answer_libanswer_a_CFLAGS = $(AM_CFLAGS)
