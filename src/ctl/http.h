/* HTTP for people and monitoring: a status page, the documents of gemelctl as JSON, live events, metrics.  Read-only, but for
 * who has the token of `http_admin`.
 *
 *     GET /                              the status page                          text/html
 *     GET /livez                         the coordinator answers                  200
 *     GET /readyz                        zones and the first round are done       200, or 503 and why not; never asks the twin
 *     GET /metrics                       Prometheus text                          metrics.h
 *     GET /api/v1/status                 as `gemelctl --json status`; so too services, service?name=, explain?name=&client=,
 *                                        targets, peers, overrides, windows, events?last=
 *     GET /api/v1/history?name=[&hours=] the states of its members since then            http_past.c
 *     GET /api/v1/events?follow[&after=] server-sent events; who comes back with Last-Event-ID misses nothing
 *
 *     POST /api/v1/down                  with the token of http_admin: an override; so too up, drain, auto (http_admin.c)
 *
 *     403 who is not in http_from   404 no such page, or no service of that name   400 what is wrong with the request
 *     405 anything but GET and HEAD   503 + Retry-After: too much at once   401, 409, 415, 429: http_admin.c
 *
 * The coordinator's loop serves it, so what it may cost is bounded: connections, headers, what waits for slow readers, and
 * the time a second that documents may take.  Failures have a body {"error":"…"}.
 */
#ifndef GEMEL_CTL_HTTP_H
#define GEMEL_CTL_HTTP_H
#include "ctl/ctl.h"

#define CTL_HTTP_CONNECTIONS_MAX 64
#define CTL_HTTP_FOLLOWERS_MAX 16 /* of these; a browser's tab is one */

struct ctl_http_host {
	void *ctx;
	void (*host)(void *ctx, struct ctl_host *out); /* as of ctl_actions */
	/* What the process of children[i] takes; false where nobody can tell. NULL = never. */
	bool (*usage)(void *ctx, const struct ctl_child *k, struct ctl_usage *out);
	/* As of ctl_actions; ctl_http_command_done comes always, perhaps before it returns. */
	void (*command)(void *ctx, const struct core_command *c);
	void (*refused)(void *ctx, const char *from); /* somebody came with a wrong token; NULL = nobody wants to know */
};
struct ctl_http;
/* listen_fd listens already, and stays the caller's. NULL = out of memory. */
struct ctl_http *ctl_http_new(struct event_base *base, int listen_fd, const struct ctl_http_host *h) MUST_CHECK;
void ctl_http_free(struct ctl_http *s);
/* The counters of events and of HTTP: what they are now, into t; or lets them begin with what t has. */
void ctl_http_totals(const struct ctl_http *s, struct ctl_totals *t);
void ctl_http_go_on(struct ctl_http *s, const struct ctl_totals *t);
/* Something changed: told to those who follow, and counted. */
void ctl_http_notice(struct ctl_http *s, const struct core_notice *n);
/* As ctl_command_done, of the ids from CTL_HTTP_IDS on. */
void ctl_http_command_done(struct ctl_http *s, uint32_t id, bool refused, const char *text);

#endif
