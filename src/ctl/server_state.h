/* Inside the control server: its clients, and how they are answered. */
#ifndef GEMEL_CTL_SERVER_STATE_H
#define GEMEL_CTL_SERVER_STATE_H
#include <event2/bufferevent.h>
#include <sys/queue.h>
#include "ctl/events.h"
#include "ctl/wire.h"

enum state { READING = 1, WAITING, REPLYING, FOLLOWING, HANDED_OVER };
struct client {
	TAILQ_ENTRY(client) link;
	struct ctl_server *s;
	struct bufferevent *io;
	struct event *deadline;
	enum state state;
	uint32_t id;          /* of its request to the host */
	bool json, reloading, stop; /* stop: once it has its reply */
	char verb[16], what[CORE_SELECTOR_MAX];
	struct bytes diags;   /* JSON: levels and lines of a reload, each line with its NUL */
	unsigned diag_count;
	char author[CORE_AUTHOR_MAX];
	struct ctl_probe *probe; /* NULL = it asked for something else */
	struct events_layout layout; /* FOLLOWING */
};
TAILQ_HEAD(client_list, client); /* eldest first */

struct ctl_server {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *resume;
	struct ctl_actions actions;
	struct client_list clients;
	unsigned count;
	uint32_t last_id;
};

void server_send_frame(struct client *c, enum wire_frame kind, const void *data, size_t len);
void server_send_line(struct client *c, enum wire_frame kind, const char *text); /* cleaned */
void server_send_exit(struct client *c, int status);                             /* the end of its reply */
void server_send_refusal(struct client *c, int status, const char *text);
void server_set_deadline(struct client *c, int seconds); /* 0 = none */
void server_start_wait(struct client *c, const struct call *call); /* for the host: the client's id is set */

struct client *server_find_waiting(struct ctl_server *s, uint32_t id); /* NULL: it left, or nobody asked */
/* A connection of its own; takes fd. NULL: there are too many, or no memory. */
struct client *server_client_new(struct ctl_server *s, int fd);

/* server_probe.c */
void server_ask_probe(struct client *c, struct call *call, const struct ctl_host *h);

/* follow.c */
void follow_begin(struct client *c, const struct call *call, const struct ctl_host *h); /* or shows the history and ends */

#endif
