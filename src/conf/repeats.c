/* See repeats.h.
 *
 *     service "x" { check = "a", tiers = { … }, check = "b" }
 *                   ^ known keys of this table: check, tiers     ^ there already
 */
#include "conf/repeats.h"

#include <string.h>

#include "conf/scan.h"

#define KEYS_MAX 64 /* of one table: no block has more; further ones are not compared */

struct keys {
	struct token list[KEYS_MAX];
	size_t count;
};

static void meet(struct keys *k, const struct token *key, const struct conf_source *s, struct diags *d)
{
	if (key->kind == TOKEN_OTHER)
		return;
	for (size_t i = 0; i < k->count; i++)
		if (k->list[i].len == key->len && !memcmp(k->list[i].s, key->s, key->len)) {
			diags_add(d, DIAG_ERROR, s->path, key->line, 0,
				  "key \"%.*s\" is there twice, first at line %u; expected each key once",
				  (int)(key->len < 100 ? key->len : 100), key->s, k->list[i].line);
			return;
		}
	if (k->count < KEYS_MAX)
		k->list[k->count++] = *key;
}

/* At "{"; ends at its "}". Statements of a function inside are no entries, but may hold tables of their own. */
static void walk_table(struct scan *sc, const struct conf_source *s, struct diags *d, unsigned depth)
{
	struct keys keys = {.count = 0};
	struct token key;
	int inner = 0;

	conf_scan_next(sc);
	for (bool entry = true; sc->t.kind != TOKEN_END && !(inner <= 0 && conf_scan_is(sc, '}')); ) {
		if (entry && inner == 0 && conf_scan_key(sc, &key))
			meet(&keys, &key, s, d);
		entry = conf_scan_is(sc, ',') || conf_scan_is(sc, ';');
		if (conf_scan_is(sc, '{') && depth < 100) /* Lua itself stops at 200 */
			walk_table(sc, s, d, depth + 1);
		else
			inner += conf_scan_depth(&sc->t);
		conf_scan_next(sc);
	}
}

void conf_repeats_tell(const struct conf_source *s, struct diags *d)
{
	struct scan sc;

	conf_scan_init(&sc, s->text, s->len);
	for (conf_scan_next(&sc); sc.t.kind != TOKEN_END; conf_scan_next(&sc))
		if (conf_scan_is(&sc, '{'))
			walk_table(&sc, s, d, 0);
}
