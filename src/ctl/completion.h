/* What bash and zsh complete gemelctl's words by, made from the table of verbs.
 *
 *     gemelctl completion bash > /etc/bash_completion.d/gemelctl
 *     gemelctl service www.e<TAB>       names come from the running server, by `gemelctl services`
 */
#ifndef GEMEL_CTL_COMPLETION_H
#define GEMEL_CTL_COMPLETION_H
#include "base/buf.h"

/* ERR_ABSENT: no such shell. out->failed tells of memory. */
int completion_write(struct bytes *out, const char *shell) MUST_CHECK;

#endif
