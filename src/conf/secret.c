/* The files that hold a secret: the pair's keys, the token of node.http_admin. Who else may read one knows it.
 *
 *     c.lua:4: the key file pair.key is open to others than its owner (mode 0644); expected …
 *     c.lua:4: the key file pair.key belongs to user number 33; expected root or the user that reads it (user number 998)
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conf/files.h"
#include "conf/internal.h"

static void tell_owner(struct conf *c, const struct conf_value *v, const struct conf_secret *s, const struct conf_owner *owner)
{
	if (conf_files_is_foreign(owner->user, geteuid()))
		conf_fault(c, v, "the %s file %s belongs to user number %u; expected root or the user that reads it (user number %u)",
			   s->what, s->path, (unsigned)owner->user, (unsigned)geteuid());
	else
		conf_fault(c, v, "the %s file %s is open to others than its owner (mode %04o); %s", s->what, s->path,
			   (unsigned)owner->mode, s->expected);
}

int conf_secret_read(struct conf *c, const struct conf_value *v, const struct conf_secret *s, char **text, size_t *len)
{
	struct conf_owner owner;
	int r = conf_files_read_secret(s->path, s->max, text, len, &owner);

	if (r == ERR_AUTH)
		tell_owner(c, v, s, &owner);
	else if (r == ERR_IO && errno == EACCES)
		conf_fault(c, v, "cannot read the %s file %s: %s; expected that it belongs to the user that gemeld runs as (now user "
			   "number %u), mode 0600", s->what, s->path, strerror(errno), (unsigned)geteuid());
	else if (r == ERR_NOMEM)
		c->failed = true;
	else if (r)
		conf_fault(c, v, "cannot read the %s file %s: %s%s; %s", s->what, s->path,
			   r == ERR_IO ? strerror(errno) : "larger than any ", r == ERR_IO ? "" : s->what, s->expected);
	return r;
}
