#include "app/logging.h"
#include <stdio.h>
#include <string.h>
#include "ipc/ipc.h"

void logging_put(struct wbuf *w, const struct ctl_logging *l)
{
	ipc_begin(w, IPC_LOGGING);
	logging_put_fields(w, l);
}

void logging_put_fields(struct wbuf *w, const struct ctl_logging *l)
{
	put_u8(w, (uint8_t)l->level);
	put_u8(w, (uint8_t)l->form);
	put_u32(w, l->query_log);
	put_u32(w, l->dnstap);
	put_str(w, l->dnstap_socket);
	put_str(w, l->node);
}

bool logging_get(struct rbuf *r, struct ctl_logging *l)
{
	struct ctl_logging got = { .level = get_u8(r) };
	got.form = get_u8(r);
	got.query_log = get_u32(r);
	got.dnstap = get_u32(r);
	get_str(r, got.dnstap_socket, sizeof got.dnstap_socket);
	get_str(r, got.node, sizeof got.node);
	if (r->failed || got.level < LOG_LEVEL_ERROR || got.level > LOG_LEVEL_DEBUG || got.form < LOG_TEXT || got.form > LOG_SYSLOG ||
	    got.query_log > PLAN_SAMPLE_MAX || got.dnstap > PLAN_SAMPLE_MAX || (got.dnstap && !*got.dnstap_socket))
		return false;
	*l = got;
	return true;
}

void logging_of_node(struct ctl_logging *l, const struct plan_node *n, const struct log_settings *otherwise)
{
	*l = (struct ctl_logging){ .level = n->log_level ? (enum log_level)n->log_level : otherwise->level,
				   .form = n->log_form ? (enum log_form)n->log_form : otherwise->form, .query_log = n->query_log };
	snprintf(l->node, sizeof l->node, "%s", n->name);
	if (!n->dnstap || strlen(n->dnstap) >= sizeof l->dnstap_socket)
		return;
	memcpy(l->dnstap_socket, n->dnstap, strlen(n->dnstap) + 1);
	l->dnstap = 1;
}

bool logging_equal(const struct ctl_logging *a, const struct ctl_logging *b)
{
	return a->level == b->level && a->form == b->form && a->query_log == b->query_log && a->dnstap == b->dnstap &&
	       strcmp(a->dnstap_socket, b->dnstap_socket) == 0;
}

bool logging_wants_tap(const struct ctl_logging *l)
{
	return l->query_log || l->dnstap;
}

bool logging_follow(struct rbuf *r, struct ctl_logging *l)
{
	if (!logging_get(r, l))
		return false;
	log_settings_set(&(struct log_settings){ l->level, l->form });
	return true;
}
