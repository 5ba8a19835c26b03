/* See check.h. The same steps as the loader's, but nothing is kept: faults of the configuration do not hide those of
 * zones. */
#include "app/check.h"

#include <stdio.h>
#include <string.h>

#include "app/progress.h"
#include "conf/conf.h"
#include "io/clock.h"
#include "io/tls.h"

#define PRINT_MAX ((size_t)1 << 31)

/* Zones are compiled and thrown away: no stranger sees their hashes. */
static const struct hash_key check_key = {{1, 2}};

#define PROGRESS_AFTER_MS 500 /* a check that is done by then needs no telling */
#define PROGRESS_EVERY_MS 200

/* How far it is, on a terminal. */
struct checking {
	struct progress progress;
	uint64_t began_ms, told_ms;
	uint32_t zones, all;
	uint64_t records; /* of the zones that are done */
};

static void on_progress(void *ctx, size_t records)
{
	struct checking *k = ctx;
	const uint64_t now = clock_mono_ms();

	if (!k->progress.terminal || now - k->began_ms < PROGRESS_AFTER_MS || now - k->told_ms < PROGRESS_EVERY_MS)
		return;
	k->told_ms = now;
	progress_tell(&k->progress, k->zones, k->all, k->records + records, now);
}

static void tell(const struct diags *d)
{
	char line[4096];

	for (size_t i = 0; i < d->count; i++) {
		diag_format(&d->list[i], line, sizeof line);
		fprintf(stderr, "%s\n", line);
	}
	if (d->dropped)
		fprintf(stderr, "%zu more faults were left out\n", d->dropped);
}

/* ERR_NOMEM, or 0: faults are in d. */
static int check_zone(struct conf *c, size_t i, struct checking *k, struct diags *d)
{
	struct conf_zone_text text;
	struct zone *z;
	int r = conf_zone_read(c, i, &text, d);

	on_progress(k, 0);
	if (!r) {
		text.progress = on_progress;
		text.ctx = k;
		r = conf_zone_compile(c, i, &text, &check_key, &z, d);
		if (!r) {
			k->records += z->record_count;
			zone_free(z);
		}
		conf_zone_text_deinit(&text);
	}
	if (r && r != ERR_NOMEM)
		conf_zone_absent(c, i);
	return r == ERR_NOMEM ? r : 0;
}

int check_zones(struct conf *c, bool (*wanted)(const struct conf_zone_view *z, const char *word), const char *word, struct diags *d)
{
	struct checking k = {.began_ms = clock_mono_ms()};
	const size_t all = conf_zones(c);
	struct conf_zone_view z;
	int r = 0;

	for (size_t i = 0; i < all; i++) {
		conf_zone_get(c, i, &z);
		k.all += !wanted || wanted(&z, word);
	}
	progress_init(&k.progress);
	for (size_t i = 0; i < all && !r; i++) {
		conf_zone_get(c, i, &z);
		if (wanted && !wanted(&z, word)) {
			conf_zone_absent(c, i);
			continue;
		}
		r = check_zone(c, i, &k, d);
		k.zones++;
	}
	progress_end(&k.progress);
	return r;
}

static int show(const struct conf *c, const struct plan *p)
{
	struct bytes out;
	int r;

	bytes_init(&out, PRINT_MAX);
	r = conf_print(c, p, &out);
	if (!r && (fwrite(out.data, 1, out.len, stdout) != out.len || putchar('\n') == EOF || fflush(stdout)))
		r = ERR_IO;
	bytes_deinit(&out);
	return r;
}

/* keep: where the plan goes when there is no fault; or NULL */
static int check_all(const char *file, const char *node, bool print, struct plan **keep, struct diags *d)
{
	struct conf *c;
	struct plan *p;
	int r = conf_load(&c, file, node, d);

	if (r)
		return r;
	conf_check_keys(c, tls_key_fits, d);
	r = check_zones(c, NULL, NULL, d);
	if (!r)
		r = conf_plan(c, 1, &p, d);
	if (!r) {
		if (!d->errors)
			conf_warn_unwitnessed(c, p, d);
		if (print && !d->errors)
			r = show(c, p);
		if (keep && !r && !d->errors)
			*keep = p;
		else
			plan_free(p);
	}
	conf_free(c);
	return r;
}

static int check(const char *file, const char *node, bool print, struct plan **keep)
{
	struct diags d;
	int r;

	diags_init(&d);
	r = check_all(file, node, print, keep, &d);
	tell(&d);
	if (r == ERR_NOMEM || r == ERR_IO)
		fprintf(stderr, "%s: %s\n", file, err_text(r));
	r = r || d.errors ? 1 : 0;
	diags_deinit(&d);
	return r;
}

int check_main(const char *file, const char *node, bool print)
{
	return check(file, node, print, NULL);
}

struct plan *check_plan(const char *file, const char *node)
{
	struct plan *p = NULL;

	return check(file, node, false, &p) ? NULL : p;
}
