/* The stream to dnstap's reader: connection, handshake, queue. See dnstap.h. */
#include "app/dnstap.h"
#include <errno.h>
#include <event2/buffer.h>
#include <fstrm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "io/log.h"

#define CONTENT_TYPE "protobuf:dnstap.Dnstap"
#define AGAIN_MS 1000      /* between two connections */
#define HANDSHAKE_MS 10000 /* a reader that takes the connection and says nothing */
#define FRAME_MAX (DNSTAP_QUEUE_MAX / 16)
#define SPOKEN_MAX (FSTRM_CONTROL_FRAME_LENGTH_MAX + 8) /* of what the reader says before we send; after that it has nothing to say */

enum state { AWAY = 1, GREETING, STREAMING };

struct dnstap {
	struct event_base *base;
	enum state state;
	int fd;
	struct event *readable, *writable, *timer; /* timer: the next connection, or the end of patience */
	struct evbuffer *out;
	uint32_t *frames; /* octets left of each frame in out, in their order: a ring */
	size_t first, count;
	uint8_t spoken[SPOKEN_MAX];
	size_t spoken_len;
	struct dnstap_stats stats;
	bool told_away; /* people were told that nobody reads; once for each time */
	char path[sizeof((struct sockaddr_un *)NULL)->sun_path], identity[64];
};

/* ---- queue ---- */

static bool queue_add(struct dnstap *d, const struct bytes *frame)
{
	uint8_t head[4];
	if (d->count == DNSTAP_FRAMES_MAX || evbuffer_get_length(d->out) + frame->len + sizeof head > DNSTAP_QUEUE_MAX)
		return false;
	store_u32(head, (uint32_t)frame->len);
	if (evbuffer_expand(d->out, frame->len + sizeof head)) /* both or none */
		return false;
	evbuffer_add(d->out, head, sizeof head);
	evbuffer_add(d->out, frame->data, frame->len);
	d->frames[(d->first + d->count++) % DNSTAP_FRAMES_MAX] = (uint32_t)(frame->len + sizeof head);
	return true;
}

static void queue_sent(struct dnstap *d, size_t len)
{
	while (d->count && len >= d->frames[d->first]) {
		len -= d->frames[d->first];
		d->first = (d->first + 1) % DNSTAP_FRAMES_MAX;
		d->count--;
		d->stats.sent++;
	}
	if (d->count)
		d->frames[d->first] -= (uint32_t)len;
}

static void queue_drop(struct dnstap *d)
{
	d->stats.dropped += d->count;
	d->first = d->count = 0;
	evbuffer_drain(d->out, evbuffer_get_length(d->out));
}

/* ---- connection ---- */

static void on_time(evutil_socket_t fd, short what, void *ctx);

static void wait_ms(struct dnstap *d, int ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	event_add(d->timer, &t);
}

static void hang_up(struct dnstap *d)
{
	if (d->readable)
		event_free(d->readable);
	if (d->writable)
		event_free(d->writable);
	d->readable = d->writable = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->state = AWAY;
	d->stats.connected = false;
	queue_drop(d);
}

static void lose(struct dnstap *d, const char *why)
{
	if (!d->told_away)
		log_line(LOG_LEVEL_WARNING, "dnstap: nobody reads %s (%s): what is told is dropped until somebody does", d->path, why);
	d->told_away = true;
	hang_up(d);
	wait_ms(d, AGAIN_MS);
}

/* The control frame of that type, with its head. Returns its length, 0 for none. */
static size_t control(fstrm_control_type type, uint8_t out[FSTRM_CONTROL_FRAME_LENGTH_MAX])
{
	struct fstrm_control *c = fstrm_control_init();
	size_t len = FSTRM_CONTROL_FRAME_LENGTH_MAX;
	bool ok = c && fstrm_control_set_type(c, type) == fstrm_res_success;
	if (ok && type != FSTRM_CONTROL_STOP)
		ok = fstrm_control_add_field_content_type(c, (const uint8_t *)CONTENT_TYPE, strlen(CONTENT_TYPE)) == fstrm_res_success;
	ok = ok && fstrm_control_encode(c, out, &len, FSTRM_CONTROL_FLAG_WITH_HEADER) == fstrm_res_success;
	if (c)
		fstrm_control_destroy(&c);
	return ok ? len : 0;
}

/* Short, and the first on its way: a socket that does not take it whole is not one that reads. */
static bool say(struct dnstap *d, fstrm_control_type type)
{
	uint8_t frame[FSTRM_CONTROL_FRAME_LENGTH_MAX];
	const size_t len = control(type, frame);
	return len && send(d->fd, frame, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool is_accept(const uint8_t *frame, size_t len)
{
	struct fstrm_control *c = fstrm_control_init();
	fstrm_control_type type;
	const bool yes = c && fstrm_control_decode(c, frame, len, FSTRM_CONTROL_FLAG_WITH_HEADER) == fstrm_res_success &&
			 fstrm_control_get_type(c, &type) == fstrm_res_success && type == FSTRM_CONTROL_ACCEPT &&
			 fstrm_control_match_field_content_type(c, (const uint8_t *)CONTENT_TYPE, strlen(CONTENT_TYPE)) == fstrm_res_success;
	if (c)
		fstrm_control_destroy(&c);
	return yes;
}

static void begin_stream(struct dnstap *d)
{
	event_del(d->timer);
	if (!say(d, FSTRM_CONTROL_START)) {
		lose(d, "it does not take the stream");
		return;
	}
	d->state = STREAMING;
	d->stats.connected = true;
	d->told_away = false;
	log_line(LOG_LEVEL_NOTICE, "dnstap: %s is read", d->path);
}

/* While greeting: what it said so far. escape 0 u32 | length u32 | the frame */
static void listen_to(struct dnstap *d)
{
	if (d->spoken_len < 8)
		return;
	const uint32_t len = load_u32(d->spoken + 4);
	if (load_u32(d->spoken) != 0 || len > FSTRM_CONTROL_FRAME_LENGTH_MAX)
		lose(d, "it does not speak Frame Streams");
	else if (d->spoken_len < 8 + len)
		return;
	else if (!is_accept(d->spoken, 8 + len))
		lose(d, "it does not want dnstap");
	else
		begin_stream(d);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	(void)what;
	struct dnstap *d = ctx;
	uint8_t ignored[256];
	const bool greeting = d->state == GREETING;
	ssize_t n = greeting ? recv(fd, d->spoken + d->spoken_len, sizeof d->spoken - d->spoken_len, 0) : recv(fd, ignored, sizeof ignored, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lose(d, n ? strerror(errno) : "it hung up");
		return;
	}
	if (greeting) {
		d->spoken_len += (size_t)n;
		listen_to(d);
	}
}

static void send_queue(struct dnstap *d)
{
	if (!evbuffer_get_length(d->out))
		return;
	const int n = evbuffer_write(d->out, d->fd);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		lose(d, strerror(errno));
		return;
	}
	if (n > 0)
		queue_sent(d, (size_t)n);
	if (evbuffer_get_length(d->out))
		event_add(d->writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	send_queue(ctx);
}

static void call(struct dnstap *d)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	memcpy(a.sun_path, d->path, sizeof a.sun_path);
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0 || connect(d->fd, (struct sockaddr *)&a, sizeof a)) {
		lose(d, strerror(errno)); /* EAGAIN: its backlog is full, which is no reader either */
		return;
	}
	d->state = GREETING;
	d->spoken_len = 0;
	d->readable = event_new(d->base, d->fd, EV_READ | EV_PERSIST, on_readable, d);
	d->writable = event_new(d->base, d->fd, EV_WRITE, on_writable, d);
	if (!d->readable || !d->writable || event_add(d->readable, NULL) || !say(d, FSTRM_CONTROL_READY)) {
		lose(d, "it takes nothing");
		return;
	}
	wait_ms(d, HANDSHAKE_MS);
}

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct dnstap *d = ctx;
	if (d->state == GREETING)
		lose(d, "it does not answer");
	else if (d->state == AWAY)
		call(d);
}

/* ---- the owner's ---- */

struct dnstap *dnstap_new(struct event_base *base, const char *path, const char *identity)
{
	struct dnstap *d = calloc(1, sizeof *d);
	if (!d || strlen(path) >= sizeof d->path || strlen(identity) >= sizeof d->identity) {
		free(d);
		return NULL;
	}
	d->base = base;
	d->fd = -1;
	d->state = AWAY;
	memcpy(d->path, path, strlen(path) + 1);
	memcpy(d->identity, identity, strlen(identity) + 1);
	d->out = evbuffer_new();
	d->frames = malloc(DNSTAP_FRAMES_MAX * sizeof *d->frames);
	d->timer = evtimer_new(base, on_time, d);
	if (!d->out || !d->frames || !d->timer) {
		dnstap_free(d);
		return NULL;
	}
	call(d);
	return d;
}

void dnstap_free(struct dnstap *d)
{
	if (!d)
		return;
	if (d->state == STREAMING && !evbuffer_get_length(d->out))
		(void)say(d, FSTRM_CONTROL_STOP);
	if (d->out)
		hang_up(d);
	if (d->timer)
		event_free(d->timer);
	if (d->out)
		evbuffer_free(d->out);
	free(d->frames);
	free(d);
}

static void tell_one(struct dnstap *d, const struct tap_copy *c, bool response)
{
	struct bytes frame;
	bytes_init(&frame, FRAME_MAX);
	if (d->state != STREAMING || dnstap_encode(&frame, c, response, d->identity) || !queue_add(d, &frame))
		d->stats.dropped++;
	bytes_deinit(&frame);
}

void dnstap_tell(struct dnstap *d, const struct tap_copy *c)
{
	const bool idle = !evbuffer_get_length(d->out);
	tell_one(d, c, false);
	if (c->record.response_len)
		tell_one(d, c, true);
	if (idle && d->state == STREAMING && evbuffer_get_length(d->out))
		event_add(d->writable, NULL);
}

bool dnstap_is_done(const struct dnstap *d)
{
	return d->state != STREAMING || !evbuffer_get_length(d->out);
}

void dnstap_stats_get(const struct dnstap *d, struct dnstap_stats *out)
{
	*out = d->stats;
}
