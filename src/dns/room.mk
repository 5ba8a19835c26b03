noinst_LIBRARIES += src/dns/libdns.a
src_dns_libdns_a_SOURCES =
src_dns_libdns_a_CFLAGS = $(AM_CFLAGS)
