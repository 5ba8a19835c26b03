/* How the node logs, as the supervisor keeps it: set by the configuration, switched by operators, told to every child; and the
 * rings between the responder and the tap, which lives only while there is something to tell it. */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "app/site.h"
#include "app/supervisor_state.h"
#include "io/log.h"

#define SITE_MEMORY (1u << 20)

void supervisor_send_logging(struct child *c)
{
	const struct supervisor *s = c->sup;
	const bool has_rings = (c->role == IPC_RESPONDER || c->role == IPC_TAP) && s->rings >= 0;
	uint8_t room[LOGGING_MESSAGE_MAX];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	logging_put(&w, &s->logging);
	if (c->chan)
		children_check_sent(c, chan_send(c->chan, w.data, w.len, &s->rings, has_rings));
}

static void follow(struct supervisor *s)
{
	char text[32];
	const struct log_settings mine = { s->logging.level, s->logging.form };
	log_settings_set(&mine);
#ifndef HAVE_DNSTAP
	if (s->logging.dnstap)
		log_line(LOG_LEVEL_WARNING, "dnstap: this build has none (configure --with-dnstap)");
	s->logging.dnstap = 0;
#endif
	setenv(LOG_VARIABLE, log_settings_format(&mine, text), true); /* how those begin that are started from now on */
	if (logging_wants_tap(&s->logging) && s->rings < 0 && (s->rings = tap_rings_create()) < 0) {
		s->rings = -1;
		log_line(LOG_LEVEL_ERROR, "no query log and no dnstap: no memory to share: %s", strerror(errno));
		s->logging.query_log = s->logging.dnstap = 0;
	}
	for (size_t i = 0; i < ROLE_COUNT; i++)
		supervisor_send_logging(&s->child[i]);
	if (s->up)
		children_follow(s, IPC_TAP);
}

void supervisor_configure_logging(struct supervisor *s)
{
	struct arena a;
	struct site site;
	struct ctl_logging l;
	arena_init(&a, SITE_MEMORY);
	const bool inherited = s->configured.level && !s->up; /* it is not in force yet */
	if (!s->configured.level)
		s->begun = log_settings_get();
	if (site_get(&site, s->now.site, s->now.site_len, &a) == 0) {
		logging_of_node(&l, &site.node, &s->begun);
		const bool same = logging_equal(&l, &s->configured); /* then what operators switched stays */
		if (!same)
			s->logging = s->configured = l;
		if (!same || inherited)
			follow(s);
	}
	arena_deinit(&a);
}

void supervisor_take_logging(struct supervisor *s, struct rbuf *r)
{
	struct ctl_logging l;
	if (!logging_get(r, &l) || s->stopping)
		return;
	s->logging = l;
	follow(s);
}
