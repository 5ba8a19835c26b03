#include "dns/framing.h"
#include <stdlib.h>
#include "base/buf.h"

#define KEPT_MIN 256 /* most queries; what is longer doubles, so that a length alone allocates nothing */

struct span { const uint8_t *at, *end; };

void framing_deinit(struct framing *f)
{
	free(f->kept);
	*f = (struct framing){ .kept = NULL };
}

/* With its prefix; 0 while even that is not whole. */
static size_t frame_len(const uint8_t *at, size_t len)
{
	return len < FRAMING_PREFIX_LEN ? 0 : FRAMING_PREFIX_LEN + (size_t)load_u16(at);
}

static bool is_whole(const uint8_t *at, size_t len)
{
	const size_t frame = frame_len(at, len);

	return frame > 0 && frame <= len;
}

bool framing_waits(const struct framing *f)
{
	return is_whole(f->kept, f->len);
}

static int grow(struct framing *f, size_t len)
{
	size_t cap = f->cap ? f->cap : KEPT_MIN;

	while (cap < len)
		cap *= 2;
	uint8_t *p = cap > f->cap ? realloc(f->kept, cap) : f->kept;
	if (!p)
		return ERR_NOMEM;
	f->kept = p;
	f->cap = cap;
	return 0;
}

/* s may lie in what is kept. */
static int keep(struct framing *f, struct span s)
{
	const size_t len = (size_t)(s.end - s.at);

	if (len == 0 || grow(f, len)) {
		framing_deinit(f);
		return len == 0 ? 0 : ERR_NOMEM;
	}
	memmove(f->kept, s.at, len); /* s.at is in kept only where it did not have to grow: it got shorter */
	f->len = len;
	return 0;
}

static int append(struct framing *f, const uint8_t *came, size_t len)
{
	if (grow(f, f->len + len)) {
		framing_deinit(f);
		return ERR_NOMEM;
	}
	memcpy(f->kept + f->len, came, len);
	f->len += len;
	return 0;
}

static int hand_on(struct span *s, framing_take take, void *ctx)
{
	int count = 0;
	bool go_on = true;

	while (go_on && is_whole(s->at, (size_t)(s->end - s->at))) {
		const size_t len = load_u16(s->at);
		go_on = take(ctx, s->at + FRAMING_PREFIX_LEN, len);
		s->at += FRAMING_PREFIX_LEN + len;
		count++;
	}
	return count;
}

/* A long message in short pieces is not copied at each: only when the piece that ends it came. */
static bool stays_partial(const struct framing *f, size_t came)
{
	const size_t frame = frame_len(f->kept, f->len);

	return f->len > 0 && frame > f->len + came;
}

int framing_feed(struct framing *f, uint8_t *came, size_t len, framing_take take, void *ctx)
{
	struct span s = { came, came + len };

	if (len == 0 && f->len == 0)
		return 0;
	if (len == 0) {
		s = (struct span){ f->kept, f->kept + f->len };
	} else if (stays_partial(f, len)) {
		return append(f, came, len);
	} else if (f->len > 0) {
		s.at -= f->len;
		memcpy(came - f->len, f->kept, f->len);
	}
	const int count = hand_on(&s, take, ctx);
	const int e = keep(f, s);
	return e ? e : count;
}
