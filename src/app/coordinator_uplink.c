/* The machine's own word that it is cut off: told to the core at once, which else finds out by two seconds of silence.
 *
 *     an interface changed ──────────────┐
 *     the kernel refused a heartbeat ────┼─▶ a way to any peer, canary or target?  none ──100 ms──▶ none still ──▶ CORE_CUT_OFF
 *     a probe found no route ────────────┘        the first that is there ends it
 *
 * The pause is for routes that are exchanged and links that blink. Addresses of this machine itself, loopback's too, neither say that
 * it is cut off nor that it is not. That it has a way again nobody needs to tell: somebody answers.
 */
#include <stdlib.h>
#include "app/coordinator_state.h"
#include "health/witness.h"
#include "io/clock.h"
#include "io/log.h"

#define CONFIRM_MS 100
#define ASKED_MAX 4096 /* addresses, some 5 µs each; where so many are gone and there are more, nothing is certain */

struct ways { uint32_t asked; bool gone, there; };

static bool look_at(struct coordinator *c, const struct addr *a, struct ways *w)
{
	if (health_path_is_local(health_path_of(a)))
		return true;
	enum uplink_way way = ++w->asked > ASKED_MAX ? UPLINK_UNKNOWN : uplink_way(&c->uplink, a);
	w->gone |= way == UPLINK_GONE;
	w->there |= way == UPLINK_THERE || way == UPLINK_UNKNOWN;
	return !w->there;
}

static bool is_cut_off(struct coordinator *c)
{
	const struct plan *p = core_plan(c->core);
	struct ways w = { 0 };
	for (uint16_t n = 0; n < p->node_count; n++)
		for (size_t i = 0; n != p->self && i < p->nodes[n].peer_count; i++)
			if (!look_at(c, &p->nodes[n].peer[i], &w))
				return false;
	for (uint32_t i = p->stream_count; i > 0; i--) { /* canaries are the last */
		const struct addr *a = &p->streams[i - 1].addr;
		if ((i == p->stream_count || !addr_equal(a, &p->streams[i].addr)) && !look_at(c, a, &w))
			return false;
	}
	return w.gone;
}

void coordinator_uplink_doubt(struct coordinator *c)
{
	struct core_network n;
	uint64_t now_ms = clock_mono_ms();
	if (!c->core || c->uplink.ask < 0 || now_ms < c->uplink_next_ms || event_pending(c->uplink_timer, EV_TIMEOUT, NULL))
		return;
	c->uplink_next_ms = now_ms + CONFIRM_MS; /* errors come again, in thousands */
	core_network_get(c->core, &n);
	if (n.state == CORE_NETWORK_ISOLATED || n.state == CORE_NETWORK_UNWATCHED)
		return;
	bool gone = is_cut_off(c), told = c->cut_off_told;
	c->cut_off_told = gone && told;
	if (!gone || told)
		return; /* once a cut: a target on this machine may answer all the while */
	struct timeval confirm = { .tv_usec = CONFIRM_MS * 1000 };
	event_add(c->uplink_timer, &confirm);
}

static void on_confirm(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct coordinator *c = ctx;
	c->cut_off_told = c->core && is_cut_off(c);
	if (c->cut_off_told)
		coordinator_step(c, &(struct core_event){ .type = CORE_CUT_OFF });
}

static void on_news(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct coordinator *c = ctx;
	uplink_drain(&c->uplink);
	c->uplink_next_ms = 0;
	c->cut_off_told = false;
	coordinator_uplink_doubt(c);
}

void coordinator_uplink_begin(struct coordinator *c)
{
	if (uplink_open(&c->uplink)) {
		log_line(LOG_LEVEL_INFO, "the kernel tells nothing of routes and carriers: a lost network shows by silence alone");
		return;
	}
	c->uplink_timer = evtimer_new(c->base, on_confirm, c);
	struct event *news = event_new(c->base, c->uplink.news, EV_READ | EV_PERSIST, on_news, c);
	if (!c->uplink_timer || !news || event_add(news, NULL))
		exit(1);
}
