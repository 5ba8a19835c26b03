#include "app/sources.h"
#include <stdlib.h>

struct source {
	uint64_t net;
	size_t count;
	struct source_list entries;
};

void sources_init(struct sources *s, const struct hash_key *key)
{
	table_init(&s->by_net, key);
	TAILQ_INIT(&s->all);
	s->count = 0;
}

static struct source *find(const struct sources *s, uint64_t net)
{
	return table_find(&s->by_net, &net, sizeof net);
}

static struct source *find_or_make(struct sources *s, uint64_t net)
{
	struct source *src = find(s, net);
	if (src)
		return src;
	src = calloc(1, sizeof *src);
	if (src && table_add(&s->by_net, &net, sizeof net, src)) {
		free(src);
		return NULL;
	}
	if (src) {
		src->net = net;
		TAILQ_INIT(&src->entries);
	}
	return src;
}

int sources_add(struct sources *s, struct source_entry *e, uint64_t net, void *owner)
{
	struct source *src = find_or_make(s, net);
	if (!src)
		return ERR_NOMEM;
	e->source = src;
	e->owner = owner;
	src->count++;
	s->count++;
	TAILQ_INSERT_TAIL(&src->entries, e, in_source);
	TAILQ_INSERT_TAIL(&s->all, e, in_all);
	return 0;
}

void sources_remove(struct sources *s, struct source_entry *e)
{
	struct source *src = e->source;
	TAILQ_REMOVE(&s->all, e, in_all);
	TAILQ_REMOVE(&src->entries, e, in_source);
	s->count--;
	if (--src->count > 0)
		return;
	table_take(&s->by_net, &src->net, sizeof src->net);
	free(src);
}

void sources_touch(struct sources *s, struct source_entry *e)
{
	TAILQ_REMOVE(&s->all, e, in_all);
	TAILQ_INSERT_TAIL(&s->all, e, in_all);
	TAILQ_REMOVE(&e->source->entries, e, in_source);
	TAILQ_INSERT_TAIL(&e->source->entries, e, in_source);
}

size_t sources_count_of(const struct sources *s, uint64_t net)
{
	const struct source *src = find(s, net);
	return src ? src->count : 0;
}

static void *first_owner(const struct source_list *l)
{
	const struct source_entry *e = TAILQ_FIRST(l);
	return e ? e->owner : NULL;
}

void *sources_idlest(const struct sources *s)
{
	return first_owner(&s->all);
}

void *sources_idlest_of(const struct sources *s, uint64_t net)
{
	const struct source *src = find(s, net);
	return src ? first_owner(&src->entries) : NULL;
}
