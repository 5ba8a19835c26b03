/* One monitoring plugin: a program that says in its exit status and on its standard output how something is.
 *
 *     plugin_start ─▶ runs in a process group of its own ─▶ ends, or plugin_kill ─▶ plugin_reap tells done
 *
 * It gets an absolute path and arguments, no shell, a small environment, no descriptor but 0, 1 and 2, and bounds on what it
 * uses. Of its output the first octets are kept; one that writes without end is killed. Whatever of its group is left when
 * it ends is killed, and so is what left the group, once it has become an orphan: the caller must be a subreaper.
 */
#ifndef GEMEL_IO_PLUGIN_H
#define GEMEL_IO_PLUGIN_H
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

#define PLUGIN_OUTPUT_KEPT 8192     /* as much as Nagios keeps */
#define PLUGIN_OUTPUT_MAX 65536     /* one that writes more is killed */
#define PLUGIN_WORDS_MAX 64         /* arguments, and variables of its environment */
#define PLUGIN_INPUT_MAX 4096       /* any pipe holds so much, and takes it at once */
#define PLUGIN_CPU_S 60             /* processor time */
#define PLUGIN_FILE_MAX (16u << 20) /* octets of a file that it writes */
#define PLUGIN_FILES_MAX 256        /* open descriptors */

enum plugin_end {
	PLUGIN_NONE = 0,
	PLUGIN_EXITED,   /* code: its status */
	PLUGIN_KILLED,   /* code: the signal */
	PLUGIN_FLOODED,  /* wrote too much */
	PLUGIN_UNABLE,   /* did not start; code: errno */
	PLUGIN_REFUSED   /* too many wait already */
};

struct plugin;
/* It ended; output[len] lives until the call returns. The callee must not free it: plugin_reap does. */
typedef void (*plugin_done)(void *ctx, struct plugin *p, enum plugin_end how, uint8_t code, const uint8_t *output, size_t len);

struct plugin_words { /* each: strings, every one with its NUL, len octets in all */
	const char *argv, *env;
	size_t argv_len, env_len;
	const void *input; /* on its standard input; at most PLUGIN_INPUT_MAX octets, none = nothing to read */
	size_t input_len;
};
/* NULL with *code = errno where it cannot be started at all. */
struct plugin *plugin_start(struct event_base *base, const struct plugin_words *w, plugin_done done, void *ctx, uint8_t *code) MUST_CHECK;
void plugin_kill(struct plugin *p); /* its group; it ends soon */
/* After SIGCHLD: tells of each that ended, and frees it. Kills orphans. */
void plugin_reap(void);
/* Kills them with all that is below this process, a subreaper that is about to end, and waits until nothing of it is left. */
void plugin_end_all(void);

#endif
