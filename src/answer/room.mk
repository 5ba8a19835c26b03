noinst_LIBRARIES += src/answer/libanswer.a
src_answer_libanswer_a_SOURCES = \
	src/answer/answer.c src/answer/answer.h \
	src/answer/cookie.c src/answer/cookie.h \
	src/answer/db.c src/answer/db.h \
	src/answer/edns.c src/answer/edns.h \
	src/answer/live.c src/answer/live.h \
	src/answer/proof.c src/answer/proof.h \
	src/answer/rate.c src/answer/rate.h \
	src/answer/read.c \
	src/answer/reply.c src/answer/reply.h src/answer/reply_part.c \
	src/answer/short.c
src_answer_libanswer_a_CFLAGS = $(AM_CFLAGS)
