/* Faults for people: the list, and the form of a line. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/diag.h"

void diags_init(struct diags *d)
{
	memset(d, 0, sizeof *d);
}

void diags_deinit(struct diags *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->list[i].file);
		free(d->list[i].text);
	}
	free(d->list);
	diags_init(d);
}

/* list has no capacity of its own: it holds 2^k places, and is full when count is 0 or a power of two. */
static bool has_room(struct diags *d)
{
	if (d->count >= DIAG_MAX)
		return false;
	if ((d->count & (d->count - 1)) != 0)
		return true;
	struct diag *list = realloc(d->list, (d->count ? d->count * 2 : 1) * sizeof *list);
	if (!list)
		return false;
	d->list = list;
	return true;
}

static char *format_text(const char *what, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, what, again);
	va_end(again);
	char *text = n < 0 ? NULL : malloc((size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, what, ap);
	return text;
}

static void count_level(struct diags *d, enum diag_level level)
{
	if (level == DIAG_ERROR)
		d->errors++;
	else
		d->warnings++;
}

void diags_add(struct diags *d, enum diag_level level, const char *file, unsigned line, unsigned col,
	       const char *what, ...)
{
	count_level(d, level);
	if (!has_room(d)) {
		d->dropped++;
		return;
	}
	va_list ap;
	va_start(ap, what);
	char *text = format_text(what, ap);
	va_end(ap);
	char *own_file = file ? strdup(file) : NULL;
	if (!text || (file && !own_file)) {
		free(text);
		free(own_file);
		d->dropped++;
		return;
	}
	d->list[d->count++] = (struct diag){ .level = level, .line = line, .col = col, .file = own_file, .text = text };
}

int diag_format(const struct diag *g, char *out, size_t cap)
{
	const char *mark = g->level == DIAG_ERROR ? "" : "warning: ";
	if (!g->file)
		return snprintf(out, cap, "%s%s", mark, g->text);
	if (!g->line)
		return snprintf(out, cap, "%s: %s%s", g->file, mark, g->text);
	if (!g->col)
		return snprintf(out, cap, "%s:%u: %s%s", g->file, g->line, mark, g->text);
	return snprintf(out, cap, "%s:%u:%u: %s%s", g->file, g->line, g->col, mark, g->text);
}

void diags_move(struct diags *to, struct diags *from)
{
	size_t moved = 0;
	while (moved < from->count && has_room(to))
		to->list[to->count++] = from->list[moved++];
	to->dropped += from->dropped + (from->count - moved);
	to->errors += from->errors;
	to->warnings += from->warnings;
	/* What found no place is freed with the rest of `from`. */
	if (moved > 0)
		memmove(from->list, from->list + moved, (from->count - moved) * sizeof *from->list);
	from->count -= moved;
	diags_deinit(from);
}
