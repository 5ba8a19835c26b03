#include "answer/proof.h"

void proof_init(struct proof *p, const struct answer_zone *zone)
{
	p->zone = zone;
	p->info = (const struct image_signed *)(zone->base + zone->info->signed_at);
	p->count = 0;
}

static void add(struct proof *p, uint32_t entry)
{
	if (entry == IMAGE_NO_PROOF)
		return;
	for (unsigned i = 0; i < p->count; i++)
		if (p->entry[i] == entry)
			return;
	if (p->count < PROOF_MAX)
		p->entry[p->count++] = entry;
}

/* ---- searching the chain ---- */

/* The entry at or next before the name. The first is the apex, which no name of the zone comes before. */
static uint32_t find_nsec(const struct proof *p, const uint8_t *name)
{
	const struct image_nsec *list = (const struct image_nsec *)(p->zone->base + p->info->chain_at);
	uint32_t lo = 0, hi = p->info->chain_count;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (name_compare(p->zone->base + list[mid].name_at, name) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* The entry at or next before the name's hash; before the first comes the last. */
static uint32_t find_nsec3(const struct proof *p, const uint8_t *name)
{
	const struct image_nsec3 *list = (const struct image_nsec3 *)(p->zone->base + p->info->chain_at);
	uint32_t lo = 0, hi = p->info->chain_count; /* before lo: at or before the hash; from hi on: behind it */
	uint8_t hash[NSEC3_HASH_LEN];

	nsec3_hash(hash, name, p->info->iterations, p->zone->base + p->info->salt_at, p->info->salt_len);
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (memcmp(list[mid].hash, hash, sizeof hash) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 ? lo - 1 : p->info->chain_count - 1;
}

static void cover(struct proof *p, const uint8_t *name)
{
	if (p->info->complete)
		add(p, p->info->denial == IMAGE_DENIAL_NSEC ? find_nsec(p, name) : find_nsec3(p, name));
}

static const uint8_t *last_labels(const struct answer_name *n, unsigned labels)
{
	return n->name + n->label_at[n->labels - labels];
}

/* "*" below that many last labels of n, which has more of them: so it is no longer than n. */
static void cover_wildcard(struct proof *p, const struct answer_name *n, unsigned labels)
{
	const uint8_t *above = last_labels(n, labels);
	uint8_t name[NAME_WIRE_MAX + 2] = { 1, '*' };

	memcpy(name + 2, above, n->len - (size_t)(above - n->name));
	cover(p, name);
}

static unsigned node_labels(const struct image_node *node)
{
	return name_labels(image_node_name(node));
}

/* RFC 5155 7.2.1: matches the closest encloser that can be proved, looking from that many labels upwards, and covers the
 * name below it. Returns its labels. */
static unsigned closest_encloser(struct proof *p, const struct answer_name *n, unsigned labels)
{
	for (;; labels--) {
		const struct image_node *node = db_find_above(p->zone, n, labels);
		if (node)
			add(p, image_node_denial(node));
		if (labels <= p->zone->labels || (node && image_node_denial(node) != IMAGE_NO_PROOF))
			break;
	}
	cover(p, last_labels(n, labels + 1));
	return labels;
}

/* True where the kind of chain has only one thing to say. */
static bool is_simple(struct proof *p)
{
	if (p->info->denial == IMAGE_DENIAL_APEX)
		add(p, 0);
	return p->info->denial == IMAGE_DENIAL_APEX || p->info->denial == IMAGE_DENIAL_NONE;
}

/* ---- the cases ---- */

void proof_no_name(struct proof *p, const struct answer_name *n, const struct image_node *encloser)
{
	unsigned labels = node_labels(encloser);

	if (is_simple(p))
		return;
	if (p->info->denial == IMAGE_DENIAL_NSEC)
		cover(p, n->name);
	else
		labels = closest_encloser(p, n, labels);
	cover_wildcard(p, n, labels);
}

void proof_no_type(struct proof *p, const struct answer_name *n, const struct image_node *node)
{
	if (is_simple(p))
		return;
	if (p->info->denial == IMAGE_DENIAL_NSEC3 && image_node_denial(node) == IMAGE_NO_PROOF &&
	    n->labels > p->zone->labels)
		(void)closest_encloser(p, n, n->labels - 1);
	else
		add(p, image_node_denial(node));
}

void proof_wildcard(struct proof *p, const struct answer_name *n, const struct image_node *star)
{
	if (is_simple(p))
		return;
	cover(p, p->info->denial == IMAGE_DENIAL_NSEC ? n->name : last_labels(n, node_labels(star)));
}

void proof_wildcard_no_type(struct proof *p, const struct answer_name *n, const struct image_node *star)
{
	if (is_simple(p))
		return;
	if (p->info->denial == IMAGE_DENIAL_NSEC)
		cover(p, n->name);
	else
		(void)closest_encloser(p, n, node_labels(star) - 1);
	add(p, image_node_denial(star));
}

void proof_no_ds(struct proof *p, const struct answer_name *n, const struct image_node *cut)
{
	const unsigned labels = node_labels(cut);

	if (db_find_rrset(cut, DNS_TYPE_DS) || is_simple(p))
		return;
	if (p->info->denial == IMAGE_DENIAL_NSEC3 && image_node_denial(cut) == IMAGE_NO_PROOF)
		(void)closest_encloser(p, n, labels - 1);
	else
		add(p, image_node_denial(cut));
}

bool proof_put(const struct proof *p, struct reply *r, const struct reply_owner *question)
{
	const bool nsec = p->info->denial == IMAGE_DENIAL_NSEC;
	const uint8_t *list = p->zone->base + p->info->chain_at;

	for (unsigned i = 0; i < p->count && !r->tc; i++) {
		uint32_t at = nsec ? ((const struct image_nsec *)list)[p->entry[i]].answer_at
				   : ((const struct image_nsec3 *)list)[p->entry[i]].answer_at;
		if (at)
			(void)reply_add_part(r, db_answer(p->zone, at), question, REPLY_ALL, 0);
	}
	return !r->tc;
}
