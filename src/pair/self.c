#include "pair/self.h"

static enum pair_self_state settled(const struct pair_self_signs *s)
{
	return s->isolated ? PAIR_ISOLATED : s->maint ? PAIR_MAINT : PAIR_NORMAL;
}

enum pair_self_state self_next(enum pair_self_state now, const struct pair_self_signs *s, uint64_t now_ms)
{
	bool tilted = now_ms < s->tilt_until_ms;

	switch (now) {
	case PAIR_SELF_NONE:
	case PAIR_BOOT:
	case PAIR_TILT:
		return tilted ? PAIR_TILT : s->booted ? settled(s) : PAIR_BOOT;
	case PAIR_NORMAL:
	case PAIR_ISOLATED:
	case PAIR_MAINT: /* BOOT was once, and does not come back */
		return tilted ? PAIR_TILT : settled(s);
	}
	return PAIR_BOOT;
}
