/* TLS of a probe's connection: from the TCP connection to one that can be used. */
#include <string.h>
#include "io/probe_state.h"

/* The first thing that went wrong is the run's to see; the connection is of no use any more. */
static void fail(struct probe *p, enum health_reason why, const char *detail)
{
	probe_fail(p, why, "port %u: %s", p->conn->port, detail);
	probe_conn_close(p->conn);
}

void probe_tls_begin(struct probe *p)
{
	struct tls_contexts *contexts = probe_tls_contexts(p);
	char detail[HEALTH_DETAIL_MAX] = "";
	int err = contexts != NULL ? tls_new(&p->conn->tls, contexts, p->conn->fd, &p->req.tls, detail) : ERR_NOMEM;

	if (err == ERR_FORMAT) { /* what the check gives us is broken: that says nothing of the target */
		probe_fail(p, HEALTH_SCRIPT_ERROR, "tls: %s", detail);
		probe_conn_close(p->conn);
	} else if (err == ERR_LIMIT) {
		probe_ask_room(p);
	} else if (err != 0) {
		fail(p, HEALTH_LOCAL_ERROR, "out of memory");
	} else {
		p->wait = PROBE_WAIT_TLS;
		probe_ask_crypto(p);
	}
}

void probe_tls_fail(struct probe *p)
{
	char detail[HEALTH_DETAIL_MAX] = "";
	int error = 0;
	enum health_reason why = tls_failure(p->conn->tls, &error, detail);

	if (why == HEALTH_REASON_NONE)
		probe_conn_fail(p, error, p->wait == PROBE_WAIT_TLS ? PROBE_WAIT_READ : p->wait);
	else
		probe_fail(p, why, "port %u: %s", p->conn->port, detail);
}

void probe_tls_step(struct probe *p)
{
	switch (tls_handshake(p->conn->tls)) {
	case TLS_DONE:
		probe_connected(p);
		break;
	case TLS_WANT_READ:
		probe_wait_io(p, PROBE_WAIT_TLS, p->conn, EV_READ);
		break;
	case TLS_WANT_WRITE:
		probe_wait_io(p, PROBE_WAIT_TLS, p->conn, EV_WRITE);
		break;
	case TLS_NONE:
	case TLS_END:
	case TLS_FAILED:
		probe_tls_fail(p);
		probe_conn_close(p->conn);
		break;
	}
}

void probe_tls_info(struct probe *p)
{
	struct script_answer a = { .reason = HEALTH_OK };

	if (p->conn->tls == NULL) {
		probe_fail(p, HEALTH_SCRIPT_ERROR, "tls: this connection has no TLS");
		return;
	}
	a.tls = tls_info_get(p->conn->tls);
	if (a.tls == NULL)
		probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
	else
		probe_answer(p, &a);
}
