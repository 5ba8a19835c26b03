/* node blocks → plan_node, and which of them this process is. See internal.h. */
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "conf/internal.h"
#include "dns/name.h"

#define DNS_PORT 53

/* One address or a list, checked by the schema. */
static struct addr *read_addrs(struct conf *c, const struct conf_value *v, uint16_t default_port, uint16_t *count)
{
	uint32_t n = v->type == CONF_TABLE ? v->table.list_len : 1;
	struct addr *list = conf_alloc(c, n, sizeof *list);

	*count = 0;
	if (!list)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		const struct conf_value *item = v->type == CONF_TABLE ? &v->table.list[i] : v;

		if (!addr_parse(&list[*count], item->string.s, item->string.len, default_port))
			++*count;
	}
	return list;
}

struct addr_block *conf_blocks_read(struct conf *c, const struct conf_value *v, enum conf_nets otherwise, uint16_t *count)
{
	static const char *const near[] = {"127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};
	uint32_t n = !v ? (uint32_t)otherwise : v->type == CONF_TABLE ? v->table.list_len : 1;
	struct addr_block *list = conf_alloc(c, n + 1, sizeof *list);

	*count = 0;
	if (!list)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		const struct conf_value *item = v && v->type == CONF_TABLE ? &v->table.list[i] : v;
		const char *text = item ? item->string.s : near[i];

		if (!addr_block_parse(&list[*count], text, strlen(text)))
			++*count;
	}
	return list;
}

static const struct conf_value *list_item(const struct conf_value *v, uint32_t i)
{
	return v->type == CONF_TABLE ? &v->table.list[i] : v;
}

static void check_repeats(struct conf *c, const struct conf_value *v, const struct addr *list, uint16_t n)
{
	char text[ADDR_TEXT_MAX];

	for (uint16_t i = 1; i < n; i++)
		for (uint16_t j = 0; j < i; j++)
			if (addr_equal(&list[i], &list[j])) {
				conf_fault(c, list_item(v, i), "\"%s\" has %s twice; expected each address once",
					   v->key,
					   addr_format(&list[i], true, text));
				break;
			}
}

/* In a pair of three or more a block without "listen", beside others that have it, is meant as a witness: it probes and
 * votes, and answers no DNS. Of two it is a twin that listens everywhere, as always. */
static bool is_left_out(const struct conf *c)
{
	const struct conf_blocks *k = &c->kinds[CONF_NODE];

	for (size_t i = 0; c->pair_block && k->count > 2 && i < k->count; i++)
		if (k->list[i]->table.type == CONF_TABLE && conf_value_field(&k->list[i]->table, "listen"))
			return true;
	return false;
}

static void read_listen(struct conf *c, struct plan_node *n, const struct conf_value *v)
{
	static const struct addr everywhere[2] = {{.family = 4, .port = DNS_PORT}, {.family = 6, .port = DNS_PORT}};

	if (v ? v->type == CONF_TABLE && v->table.list_len == 0 : is_left_out(c))
		return; /* a witness */
	if (!v) {
		n->listen = everywhere;
		n->listen_count = 2;
		return;
	}
	n->listen = read_addrs(c, v, DNS_PORT, &n->listen_count);
	if (n->listen)
		check_repeats(c, v, n->listen, n->listen_count);
}

static void read_peer(struct conf *c, struct plan_node *n, const struct conf_value *v)
{
	uint16_t count = 0;

	if (!v)
		return;
	n->peer = read_addrs(c, v, 0, &count);
	n->peer_count = (uint8_t)count;
	if (n->peer)
		check_repeats(c, v, n->peer, count);
	for (uint16_t i = 0; i < count; i++)
		if (addr_is_any(&n->peer[i]))
			conf_fault(c, list_item(v, i),
				   "\"peer\" is a wildcard; expected the address at which the twin reaches this node");
}

/* One of each family. Whether it is an address of this machine is not asked: it may come later, and the configuration be
 * checked elsewhere. */
static void read_probe_source(struct conf *c, struct plan_node *n, const struct conf_value *v)
{
	uint16_t count = 0;
	const struct addr *list = v ? read_addrs(c, v, 0, &count) : NULL;

	for (uint16_t i = 0; list && i < count; i++) {
		struct addr *a = &n->probe_source[list[i].family == 6];

		if (list[i].port || addr_is_any(&list[i]))
			conf_fields_fault(c, SCHEMA_NODE, NODE_PROBE_SOURCE, list_item(v, i));
		else if (a->family)
			conf_fault(c, list_item(v, i), "\"probe_source\" has two addresses of IPv%u; expected one of each family",
				   a->family);
		else
			*a = list[i];
	}
}

/* An own address proves nothing about the network. On loopback, which is a network of its own, only the very same
 * socket or a ping. */
static bool is_own(const struct addr *canary, const struct addr *own)
{
	return addr_same_ip(canary, own) && (!addr_is_loopback(canary) || !canary->port || canary->port == own->port);
}

static void read_canaries(struct conf *c, struct plan_node *n, const struct conf_value *v)
{
	char text[ADDR_TEXT_MAX];

	if (!v)
		return;
	n->canaries = read_addrs(c, v, 0, &n->canary_count);
	if (n->canaries)
		check_repeats(c, v, n->canaries, n->canary_count);
	for (uint16_t i = 0; n->canaries && i < n->canary_count; i++) {
		bool own = n->http.family && is_own(&n->canaries[i], &n->http);

		for (uint16_t j = 0; j < n->listen_count; j++)
			own |= is_own(&n->canaries[i], &n->listen[j]);
		for (uint8_t j = 0; j < n->peer_count; j++)
			own |= is_own(&n->canaries[i], &n->peer[j]);
		if (own)
			conf_fault(c, list_item(v, i),
				   "canary %s is an address of node \"%s\" itself; expected something that is there "
				   "when our network is",
				   addr_format(&n->canaries[i], true, text), n->name);
	}
}

static const char *node_path(struct conf *c, const struct fields *f, int key, const char *fmt, const char *name)
{
	char path[512];

	if (f->v[key])
		return conf_join_abs(c, f->v[key]->string.s);
	snprintf(path, sizeof path, fmt, name);
	return conf_join_abs(c, path);
}

static void read_paths(struct conf *c, struct plan_node *n, const struct fields *f)
{
	struct sockaddr_un un;

	n->control = node_path(c, f, NODE_CONTROL, "/run/gemel/%s.sock", n->name);
	n->state = node_path(c, f, NODE_STATE, "/var/lib/gemel/%s", n->name);
	if (n->control && strlen(n->control) >= sizeof un.sun_path)
		conf_fault(c, f->v[NODE_CONTROL] ? f->v[NODE_CONTROL] : f->table,
			   "the control socket's path %s has %zu octets; expected at most %zu",
			   n->control, strlen(n->control), sizeof un.sun_path - 1);
	if (f->v[NODE_DNSTAP])
		n->dnstap = conf_join_abs(c, f->v[NODE_DNSTAP]->string.s);
	if (n->dnstap && strlen(n->dnstap) >= sizeof un.sun_path)
		conf_fault(c, f->v[NODE_DNSTAP], "the path of dnstap's socket %s has %zu octets; expected at most %zu", n->dnstap,
			   strlen(n->dnstap), sizeof un.sun_path - 1);
}

static void build_node(struct conf *c, const struct conf_block *b, struct plan_node *n, struct fields *f)
{
	conf_fields_check(c, SCHEMA_NODE, &b->table, false, f);
	n->name = b->name;
	n->id = (uint8_t)conf_fields_integer(f, NODE_ID);
	read_listen(c, n, f->v[NODE_LISTEN]);
	read_peer(c, n, f->v[NODE_PEER]);
	if (f->v[NODE_HTTP] && addr_parse(&n->http, f->v[NODE_HTTP]->string.s, f->v[NODE_HTTP]->string.len, 0))
		memset(&n->http, 0, sizeof n->http);
	n->http_from = conf_blocks_read(c, f->v[NODE_HTTP_FROM], CONF_LOOPBACK, &n->http_from_count);
	read_canaries(c, n, f->v[NODE_CANARIES]);
	read_probe_source(c, n, f->v[NODE_PROBE_SOURCE]);
	n->status_from = conf_blocks_read(c, f->v[NODE_STATUS_FROM], CONF_LOOPBACK, &n->status_from_count);
	n->workers = (uint16_t)conf_fields_integer(f, NODE_WORKERS);
	n->weight = (uint8_t)conf_fields_integer(f, NODE_WEIGHT);
	/* NULL lets the supervisor choose where there is no such user */
	n->user = f->v[NODE_USER] ? f->v[NODE_USER]->string.s : NULL;
	n->nsid = conf_fields_string(f, NODE_NSID);
	conf_hook_read(c, f->v[NODE_ON_EVENT], &n->hook);
	n->log_form = (uint8_t)conf_fields_word(f, NODE_LOG);
	n->log_level = (uint8_t)conf_fields_word(f, NODE_LOG_LEVEL);
	n->query_log = (uint32_t)conf_fields_integer(f, NODE_QUERY_LOG);
	read_paths(c, n, f);
	if (strlen(n->name) > 63 || strchr(n->name, '/'))
		conf_fault(c, &b->table, "node \"%.80s\" has no usable name; expected 1 to 63 octets without \"/\"",
			   n->name);
}

static void check_ids(struct conf *c)
{
	for (size_t i = 0; i < c->node_count; i++)
		for (size_t j = 0; j < i; j++) {
			if (!strcmp(c->nodes[i].name, c->nodes[j].name))
				conf_fault(c, &c->kinds[CONF_NODE].list[i]->table,
					   "node \"%s\" is there twice, first at %s:%u; expected each name once", c->nodes[i].name,
					   c->kinds[CONF_NODE].list[j]->source->path, c->kinds[CONF_NODE].list[j]->line);
			else if (c->nodes[i].id && c->nodes[i].id == c->nodes[j].id)
				conf_fault(c, c->node_fields[i].v[NODE_ID],
					   "id %u is node \"%s\"'s already; expected an id of its own, 1 to 254",
					   c->nodes[i].id, c->nodes[j].name);
		}
}

void conf_build_nodes(struct conf *c)
{
	const struct conf_blocks *k = &c->kinds[CONF_NODE];

	c->nodes = conf_alloc(c, k->count + 1, sizeof *c->nodes);
	c->node_fields = conf_alloc(c, k->count + 1, sizeof *c->node_fields);
	if (!c->nodes || !c->node_fields)
		return;
	if (k->count > PLAN_NODES_MAX) {
		conf_fault(c, &k->list[PLAN_NODES_MAX]->table, "more than %d nodes", PLAN_NODES_MAX);
		return;
	}
	for (size_t i = 0; i < k->count; i++)
		build_node(c, k->list[i], &c->nodes[i], &c->node_fields[i]);
	c->node_count = k->count;
	check_ids(c);
	if (!k->count)
		diags_add(c->d, DIAG_ERROR, c->file, 0, 0, "no node; expected at least one: node \"NAME\" { … }");
}

static int find_node(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->node_count; i++)
		if (!strcmp(c->nodes[i].name, name))
			return (int)i;
	return -1;
}

void conf_choose_node(struct conf *c, const char *name)
{
	char host[256] = "", list[1024];
	size_t n = 0;

	if (!c->node_count)
		return;
	if (!name && c->node_count == 1) {
		c->self = 0;
		return;
	}
	if (!name && !gethostname(host, sizeof host - 1))
		host[strcspn(host, ".")] = 0;
	c->self = find_node(c, name ? name : host);
	if (c->self >= 0)
		return;
	for (size_t i = 0; i < c->node_count && n < sizeof list; i++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\"", i ? ", " : "", c->nodes[i].name);
	diags_add(c->d, DIAG_ERROR, c->file, 0, 0, "no node \"%s\" (%s); expected one of %s", name ? name : host,
		  name ? "from -n" : "the host name; -n chooses another", list);
}
