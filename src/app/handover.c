#include "app/handover.h"
#include "app/logging.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t magic[4] = { 'G', 'E', 'M', 'H' };
enum { FLAG_RELOAD = 1, FLAG_UNSAVED = 2 };

void handover_init(struct handover *h)
{
	*h = (struct handover){ .uid = -1, .gid = -1, .lock_fd = -1, .overlay = -1, .overlay_adds = -1, .client = -1 };
}

void handover_deinit(struct handover *h)
{
	free(h->sets);
	free(h->control_path);
	handover_init(h);
}

int handover_message_add(struct handover_messages *m, const uint8_t *data, size_t len, int fd)
{
	if (m->count == HANDOVER_MESSAGES_MAX)
		return ERR_LIMIT;
	m->list[m->count++] = (struct handover_message){ data, len, fd };
	return 0;
}

/* ---- writing ---- */

/* The length is filled in by record_end. */
static size_t record_begin(struct bytes *out, enum handover_record type)
{
	bytes_u8(out, (uint8_t)type);
	bytes_u32(out, 0);
	return out->len;
}

static void record_end(struct bytes *out, size_t begin)
{
	if (!out->failed)
		store_u32(out->data + begin - 4, (uint32_t)(out->len - begin));
}

static void put_fd(struct bytes *out, enum handover_record type, int fd)
{
	if (fd < 0)
		return;
	size_t at = record_begin(out, type);
	bytes_u32(out, (uint32_t)fd);
	record_end(out, at);
}

static void put_sockets(struct bytes *out, const struct socket_set *s)
{
	uint8_t room[32];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_addr_put(&w, &s->addr);
	size_t at = record_begin(out, HANDOVER_SOCKETS);
	bytes_u8(out, (uint8_t)s->kind);
	bytes_add(out, w.data, w.len);
	bytes_u16(out, (uint16_t)s->count);
	for (size_t i = 0; i < s->count; i++)
		bytes_u32(out, (uint32_t)s->fds[i]);
	record_end(out, at);
}

static void put_child(struct bytes *out, const struct handover_child *c)
{
	size_t at = record_begin(out, HANDOVER_CHILD);
	bytes_u8(out, (uint8_t)c->role);
	bytes_u8(out, c->leaves);
	bytes_u32(out, c->pid);
	bytes_u32(out, (uint32_t)c->fd);
	bytes_u32(out, c->restarts);
	record_end(out, at);
}

static void put_overlay(struct bytes *out, bool adds, int fd)
{
	if (fd < 0)
		return;
	size_t at = record_begin(out, HANDOVER_OVERLAY);
	bytes_u8(out, adds);
	bytes_u32(out, (uint32_t)fd);
	record_end(out, at);
}

static void put_messages(struct bytes *out, enum handover_record type, const struct handover_messages *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct handover_message *one = &m->list[i];
		size_t at = record_begin(out, type);
		bytes_u16(out, one->fd >= 0);
		if (one->fd >= 0)
			bytes_u32(out, (uint32_t)one->fd);
		bytes_u32(out, (uint32_t)one->len);
		bytes_add(out, one->data, one->len);
		record_end(out, at);
	}
}

static void put_node(struct bytes *out, const struct handover *h)
{
	size_t at = record_begin(out, HANDOVER_FROM);
	bytes_u16(out, h->ipc_version);
	bytes_str(out, h->from);
	record_end(out, at);
	at = record_begin(out, HANDOVER_STATE);
	bytes_u64(out, h->generations);
	bytes_u32(out, (uint32_t)h->uid);
	bytes_u32(out, (uint32_t)h->gid);
	bytes_u8(out, (uint8_t)((h->reload ? FLAG_RELOAD : 0) | (h->unsaved ? FLAG_UNSAVED : 0)));
	bytes_u64(out, h->began_ms);
	record_end(out, at);
	at = record_begin(out, HANDOVER_SECRET);
	bytes_add(out, h->secret, sizeof h->secret);
	record_end(out, at);
	at = record_begin(out, HANDOVER_STARTED);
	bytes_add(out, h->site, h->site_len);
	record_end(out, at);
}

static void put_logging(struct bytes *out, const struct handover *h)
{
	const struct ctl_logging *both[] = { &h->logging, &h->configured };
	uint8_t room[2 * LOGGING_MESSAGE_MAX];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	if (!h->logging.level || !h->configured.level)
		return;
	for (size_t i = 0; i < 2; i++)
		logging_put_fields(&w, both[i]);
	put_u8(&w, (uint8_t)h->begun.level);
	put_u8(&w, (uint8_t)h->begun.form);
	size_t at = record_begin(out, HANDOVER_LOGGING);
	bytes_add(out, w.data, w.len);
	record_end(out, at);
}

void handover_encode(const struct handover *h, struct bytes *out)
{
	bytes_add(out, magic, sizeof magic);
	bytes_u16(out, HANDOVER_VERSION);
	put_node(out, h);
	for (size_t i = 0; i < h->set_count; i++)
		put_sockets(out, &h->sets[i]);
	put_fd(out, HANDOVER_LOCK, h->lock_fd);
	if (h->control_path) {
		size_t at = record_begin(out, HANDOVER_CONTROL);
		bytes_str(out, h->control_path);
		record_end(out, at);
	}
	for (size_t i = 0; i < h->child_count; i++)
		put_child(out, &h->children[i]);
	put_overlay(out, false, h->overlay);
	put_overlay(out, true, h->overlay_adds);
	put_messages(out, HANDOVER_GENERATION, &h->generation);
	put_messages(out, HANDOVER_KEPT, &h->kept);
	if (h->client >= 0) {
		size_t at = record_begin(out, HANDOVER_CLIENT);
		bytes_u32(out, (uint32_t)h->client);
		bytes_u8(out, h->client_json);
		record_end(out, at);
	}
	put_logging(out, h);
	record_end(out, record_begin(out, HANDOVER_END));
}

/* ---- reading ---- */

static int get_fd(struct rbuf *r)
{
	uint32_t fd = get_u32(r);
	if (fd > INT32_MAX)
		r->failed = true;
	return r->failed ? -1 : (int)fd;
}

static int get_sockets(struct handover *h, struct rbuf *r)
{
	struct socket_set s = { .kind = get_u8(r) };
	ipc_addr_get(r, &s.addr);
	s.count = get_u16(r);
	if (r->failed || s.kind == SOCKET_NONE || s.count > SOCKETS_PER_ADDRESS_MAX || h->set_count == HANDOVER_SETS_MAX)
		return ERR_FORMAT;
	for (size_t i = 0; i < s.count; i++)
		s.fds[i] = get_fd(r);
	struct socket_set *sets = r->failed ? NULL : reallocarray(h->sets, h->set_count + 1, sizeof *sets);
	if (!sets)
		return r->failed ? ERR_FORMAT : ERR_NOMEM;
	h->sets = sets;
	sets[h->set_count++] = s;
	return 0;
}

static int get_child(struct handover *h, struct rbuf *r)
{
	struct handover_child c = { .role = get_u8(r), .leaves = get_u8(r) != 0, .pid = get_u32(r) };
	c.fd = get_fd(r);
	c.restarts = get_u32(r);
	if (r->failed || h->child_count == HANDOVER_CHILDREN_MAX || c.pid <= 1 || c.pid > INT32_MAX)
		return ERR_FORMAT;
	h->children[h->child_count++] = c;
	return 0;
}

static int get_message(struct handover_messages *m, struct rbuf *r)
{
	uint16_t fds = get_u16(r);
	int fd = fds ? get_fd(r) : -1;
	size_t len;
	const uint8_t *data = NULL;
	if (fds > 1)
		return ERR_FORMAT;
	len = get_u32(r);
	data = get_bytes(r, len);
	return r->failed || !len || len > IPC_MESSAGE_MAX ? ERR_FORMAT : handover_message_add(m, data, len, fd);
}

static int get_control(struct handover *h, struct rbuf *r)
{
	char path[128]; /* of a Unix socket: 107 at most */
	get_str(r, path, sizeof path);
	if (r->failed)
		return ERR_FORMAT;
	free(h->control_path);
	h->control_path = strdup(path);
	return h->control_path ? 0 : ERR_NOMEM;
}

static void get_state(struct handover *h, struct rbuf *r)
{
	h->generations = get_u64(r);
	h->uid = (int)get_u32(r);
	h->gid = (int)get_u32(r);
	uint8_t flags = get_u8(r);
	h->reload = flags & FLAG_RELOAD;
	h->unsaved = flags & FLAG_UNSAVED;
	h->began_ms = get_u64(r);
}

/* What cannot be understood is left as it is configured: no reason to refuse. */
static void get_logging(struct handover *h, struct rbuf *r)
{
	struct ctl_logging logging, configured;
	if (!logging_get(r, &logging) || !logging_get(r, &configured))
		return;
	struct log_settings begun = { (enum log_level)get_u8(r), (enum log_form)get_u8(r) };
	if (r->failed || begun.level < LOG_LEVEL_ERROR || begun.level > LOG_LEVEL_DEBUG || begun.form < LOG_TEXT || begun.form > LOG_SYSLOG)
		return;
	h->logging = logging;
	h->configured = configured;
	h->begun = begun;
}

static int get_record(struct handover *h, enum handover_record type, struct rbuf *r)
{
	switch (type) {
	case HANDOVER_FROM:
		h->ipc_version = get_u16(r);
		get_str(r, h->from, sizeof h->from);
		break;
	case HANDOVER_STATE:
		get_state(h, r);
		break;
	case HANDOVER_SECRET: {
		const uint8_t *secret = get_bytes(r, sizeof h->secret);
		if (secret)
			memcpy(h->secret, secret, sizeof h->secret);
		break;
	}
	case HANDOVER_SOCKETS:
		return get_sockets(h, r);
	case HANDOVER_LOCK:
		h->lock_fd = get_fd(r);
		break;
	case HANDOVER_CONTROL:
		return get_control(h, r);
	case HANDOVER_CHILD:
		return get_child(h, r);
	case HANDOVER_OVERLAY: {
		bool adds = get_u8(r) != 0;
		int fd = get_fd(r);
		*(adds ? &h->overlay_adds : &h->overlay) = fd;
		break;
	}
	case HANDOVER_STARTED:
		h->site_len = rbuf_left(r);
		h->site = get_bytes(r, h->site_len);
		break;
	case HANDOVER_GENERATION:
		return get_message(&h->generation, r);
	case HANDOVER_KEPT:
		return get_message(&h->kept, r);
	case HANDOVER_CLIENT:
		h->client = get_fd(r);
		h->client_json = get_u8(r) != 0;
		break;
	case HANDOVER_LOGGING:
		get_logging(h, r);
		return 0;
	case HANDOVER_END:
		break;
	}
	return r->failed ? ERR_FORMAT : 0;
}

int handover_decode(struct handover *h, const uint8_t *data, size_t len, const char **why)
{
	struct rbuf all, one;
	rbuf_init(&all, data, len);
	const uint8_t *head = get_bytes(&all, sizeof magic);
	*why = "what it hands over is not readable";
	if (!head || memcmp(head, magic, sizeof magic) != 0)
		return ERR_FORMAT;
	if (get_u16(&all) != HANDOVER_VERSION) {
		*why = "it hands over in a form of another time; restart the server instead";
		return ERR_FORMAT;
	}
	for (;;) {
		uint8_t type = get_u8(&all);
		size_t n = get_u32(&all);
		const uint8_t *payload = get_bytes(&all, n);
		if (all.failed)
			return ERR_FORMAT;
		if (type == HANDOVER_END)
			break;
		rbuf_init(&one, payload, n);
		int e = type > HANDOVER_LOGGING ? 0 : get_record(h, type, &one);
		if (e) {
			*why = e == ERR_NOMEM ? err_text(e) : *why;
			return e;
		}
	}
	return h->lock_fd >= 0 && h->set_count && h->site_len ? 0 : ERR_FORMAT;
}

/* ---- descriptors ---- */

static int keep(int fd, bool on)
{
	return fd < 0 || fcntl(fd, F_SETFD, on ? 0 : FD_CLOEXEC) == 0 ? 0 : ERR_IO;
}

static int keep_messages(const struct handover_messages *m, bool on)
{
	int e = 0;
	for (size_t i = 0; i < m->count; i++)
		e |= keep(m->list[i].fd, on);
	return e;
}

int handover_keep_open(const struct handover *h, bool on, bool for_trial)
{
	int e = keep(h->lock_fd, on) | keep(h->overlay, on) | keep(h->overlay_adds, on) | keep_messages(&h->generation, on) |
		keep_messages(&h->kept, on);
	for (size_t i = 0; i < h->set_count; i++)
		for (size_t k = 0; k < h->sets[i].count; k++)
			e |= keep(h->sets[i].fds[k], on);
	for (size_t i = 0; i < h->child_count && !for_trial; i++)
		e |= keep(h->children[i].fd, on);
	if (!for_trial)
		e |= keep(h->client, on);
	return e ? ERR_IO : 0;
}
