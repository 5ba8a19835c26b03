/* gemelctl what-if FILE: FILE is checked here, by who asks and with what they may read; the server gets the plan it makes. */
#include "app/gemelctl.h"
#include <stdio.h>
#include "app/check.h"
#include "core/plan.h"
#include "ctl/whatif.h"

int gemelctl_plan(const char *file, const char *node, struct bytes *out)
{
	struct plan *p = check_plan(file, node);
	if (!p)
		return 1;
	plan_forget_keys(p); /* the server has its own, and no answer depends on them */
	int e = plan_encode(out, p);
	plan_free(p);
	if (e || out->len > WHATIF_PLAN_MAX)
		fprintf(stderr, "gemelctl: %s: %s\n", file, e ? err_text(e) : "its plan is too large to be asked about");
	return e || out->len > WHATIF_PLAN_MAX;
}
