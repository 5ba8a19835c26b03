noinst_LIBRARIES += src/dns/libdns.a
src_dns_libdns_a_SOURCES = \
	src/dns/const.h \
	src/dns/name.c src/dns/name_text.c src/dns/name.h \
	src/dns/query.c src/dns/query.h \
	src/dns/framing.c src/dns/framing.h
src_dns_libdns_a_CFLAGS = $(AM_CFLAGS)
