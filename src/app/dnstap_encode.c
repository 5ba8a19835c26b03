/* A query or a response as protocol buffer. See dnstap.h. */
#include "config.h"
#include <string.h>
#include "app/dnstap.h"
#include "app/dnstap.pb-c.h"

#define US 1000000u

static ProtobufCBinaryData octets(const void *data, size_t len)
{
	return (ProtobufCBinaryData){ .len = len, .data = (uint8_t *)(uintptr_t)data };
}

static ProtobufCBinaryData address(const struct addr *a)
{
	return octets(a->ip, a->family == 4 ? 4 : 16);
}

static void put_where(Dnstap__Message *m, const struct tap_record *r)
{
	m->has_socket_protocol = true;
	m->socket_protocol = r->tcp ? DNSTAP__SOCKET_PROTOCOL__TCP : DNSTAP__SOCKET_PROTOCOL__UDP;
	if (!r->client.family)
		return;
	m->has_socket_family = m->has_query_address = m->has_query_port = true;
	m->socket_family = r->client.family == 4 ? DNSTAP__SOCKET_FAMILY__INET : DNSTAP__SOCKET_FAMILY__INET6;
	m->query_address = address(&r->client);
	m->query_port = r->client.port;
	if (r->server.family != r->client.family)
		return;
	m->has_response_address = m->has_response_port = true;
	m->response_address = address(&r->server);
	m->response_port = r->server.port;
}

static void put_query(Dnstap__Message *m, const struct tap_copy *c)
{
	m->type = DNSTAP__MESSAGE__TYPE__AUTH_QUERY;
	m->has_query_message = true;
	m->query_message = octets(c->query, c->record.query_len);
}

static void put_response(Dnstap__Message *m, const struct tap_copy *c)
{
	const uint64_t sent_us = c->record.came_us + c->record.took_us;
	m->type = DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE;
	m->has_response_time_sec = m->has_response_time_nsec = m->has_response_message = true;
	m->response_time_sec = sent_us / US;
	m->response_time_nsec = (uint32_t)(sent_us % US) * 1000;
	m->response_message = octets(c->response, c->record.response_len);
}

struct sink { ProtobufCBuffer base; struct bytes *out; };

static void append(ProtobufCBuffer *b, size_t len, const uint8_t *data)
{
	bytes_add(((struct sink *)b)->out, data, len);
}

int dnstap_encode(struct bytes *out, const struct tap_copy *c, bool response, const char *identity)
{
	struct sink sink = { { append }, out };
	Dnstap__Dnstap d = DNSTAP__DNSTAP__INIT;
	Dnstap__Message m = DNSTAP__MESSAGE__INIT;
	d.has_identity = d.has_version = true;
	d.identity = octets(identity, strlen(identity));
	d.version = octets("gemel " PACKAGE_VERSION, strlen("gemel " PACKAGE_VERSION));
	d.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
	d.message = &m;
	put_where(&m, &c->record);
	m.has_query_time_sec = m.has_query_time_nsec = true;
	m.query_time_sec = c->record.came_us / US;
	m.query_time_nsec = (uint32_t)(c->record.came_us % US) * 1000;
	if (response)
		put_response(&m, c);
	else
		put_query(&m, c);
	protobuf_c_message_pack_to_buffer(&d.base, &sink.base);
	return out->failed ? ERR_NOMEM : 0;
}
