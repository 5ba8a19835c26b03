/* Master files: the stack of open files and the loop over their lines. The rooms within are listed in parse.h.
 *
 *     text ──parse_line_next──▶ tokens ──▶ parse_directive | parse_record ──▶ zone_add
 *
 * A fault costs its line and nothing else, so that one run tells all that is wrong.
 */
#include "zone/parse.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static void parse_tell(struct parse *p, enum diag_level level, const struct parse_token *t, const char *what,
		       va_list ap)
{
	char text[1024];
	const struct parse_token *at = p->generate != NULL ? p->generate : t;

	vsnprintf(text, sizeof text, what, ap);
	diags_add(p->d, level, p->src->file, at != NULL ? at->line : 0, at != NULL ? at->col : 0, "%s%s", text,
		  p->generate != NULL ? " (in a line that $GENERATE made)" : "");
}

void parse_error(struct parse *p, const struct parse_token *t, const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	parse_tell(p, DIAG_ERROR, t, what, ap);
	va_end(ap);
	/* More than anyone reads, and each may have cost a look ahead of ZONE_LINE_MAX. */
	if (++p->errors >= DIAG_MAX && p->fatal == 0)
		p->fatal = ERR_LIMIT;
}

void parse_warn(struct parse *p, const struct parse_token *t, const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	parse_tell(p, DIAG_WARNING, t, what, ap);
	va_end(ap);
}

bool parse_file_open(const struct parse *p, const char *file)
{
	for (const struct parse_source *s = p->src; s != NULL; s = s->from)
		if (strcmp(s->file, file) == 0)
			return true;
	return false;
}

/* A byte order mark is refused, not skipped: it says that an editor will go on adding it, and where a file is UTF-16 no
 * line of it can be read. Returns false where reading on makes no sense. */
static bool source_check_mark(struct parse *p, struct parse_source *s)
{
	struct parse_token first = { .text = s->at, .line = 1, .col = 1 };
	size_t len = (size_t)(s->end - s->at);

	if (len >= 3 && memcmp(s->at, "\xef\xbb\xbf", 3) == 0) {
		parse_error(p, &first,
			    "the file begins with a byte order mark (EF BB BF); expected plain text without one");
		s->at += 3;
		s->line_start = s->at;
		return true;
	}
	if (len >= 2 && (memcmp(s->at, "\xff\xfe", 2) == 0 || memcmp(s->at, "\xfe\xff", 2) == 0)) {
		parse_error(p, &first, "the file is UTF-16; expected plain text (ASCII)");
		return false;
	}
	return true;
}

#define WATCH_EVERY ((ptrdiff_t)1 << 20) /* octets */

static void tell_watch(const struct parse *p, const char **told)
{
	struct zone_watch *w = p->z->watch;

	if (w == NULL || p->depth > 1 || p->src->at - *told < WATCH_EVERY)
		return;
	*told = p->src->at;
	w->passed(w, p->z, *told);
}

void parse_file(struct parse *p, const char *file, const char *text, size_t len)
{
	struct parse_source s = {
		.from = p->src, .file = file, .at = text, .end = text + len, .line_start = text, .line = 1
	};
	struct parse_source *from = p->src;
	const char *told = text;

	p->src = &s;
	p->depth++;
	if (source_check_mark(p, &s))
		while (p->fatal == 0 && parse_line_next(p)) {
			if (p->line.count == 0)
				continue;
			if (parse_is_directive(&p->line))
				parse_directive(p);
			else
				parse_record(p);
			tell_watch(p, &told);
		}
	p->depth--;
	p->src = from;
}

int zone_parse(struct zone *z, const char *file, const char *text, size_t len, zone_read_file read, void *ctx,
	       struct diags *d)
{
	struct parse *p = malloc(sizeof *p);
	char *name = arena_str(&z->files, file);
	int rc;

	if (p == NULL || name == NULL) {
		free(p);
		return ERR_NOMEM;
	}
	memset(p, 0, offsetof(struct parse, rdata_room));
	p->z = z;
	p->d = d;
	p->read = read;
	p->ctx = ctx;
	memcpy(p->origin, z->apex, z->apex_len);
	bytes_init(&p->joined, ZONE_LINE_MAX + 1);
	bytes_init(&p->made, ZONE_LINE_MAX);
	z->file = name;
	parse_file(p, name, len > 0 ? text : "", len);
	rc = p->fatal == ERR_NOMEM ? ERR_NOMEM : p->errors > 0 ? ERR_FORMAT : 0;
	bytes_deinit(&p->joined);
	bytes_deinit(&p->made);
	free(p->line.tokens);
	free(p);
	return rc;
}
