/* The table of verbs, and words → struct call.  To add a verb: a line in the table and its handler. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ctl/verbs.h"
#include "ctl/view.h"

#define BIT(o) (1u << (o))
#define HELP_COLUMN 17
#define OVERRIDE_OPTIONS (BIT(OPTION_FOR) | BIT(OPTION_REASON) | BIT(OPTION_FORCE))

struct verb {
	const char *name, *usage, *help;
	uint8_t min, max;      /* words behind the verb */
	bool local;            /* done by gemelctl itself */
	uint32_t options;      /* bits of enum call_option; --json goes everywhere */
	enum core_verb command;
	enum call_next (*run)(struct call *c, const struct ctl_host *h, struct doc *d); /* NULL = not built yet, or local */
};

static enum call_next run_override(struct call *c, const struct ctl_host *h, struct doc *d);
static enum call_next run_failback(struct call *c, const struct ctl_host *h, struct doc *d);
static enum call_next run_maint(struct call *c, const struct ctl_host *h, struct doc *d);
static enum call_next run_reload(struct call *c, const struct ctl_host *h, struct doc *d);
static enum call_next run_upgrade(struct call *c, const struct ctl_host *h, struct doc *d);
static enum call_next run_stop(struct call *c, const struct ctl_host *h, struct doc *d);
static enum call_next run_probe(struct call *c, const struct ctl_host *h, struct doc *d);
static enum call_next run_what_if(struct call *c, const struct ctl_host *h, struct doc *d);

#define WHAT_USAGE "WHAT [--for 30m] [--reason TEXT] [--force]"
static const struct verb verbs[] = {
	{ "status", "[--check]", "this node at a glance; --check as a Nagios plugin", 0, 0, false, BIT(OPTION_CHECK), 0, show_status },
	{ "services", "", "every service: who answers, and why", 0, 0, false, 0, 0, show_services },
	{ "service", "NAME", "one service with its members", 1, 1, false, 0, 0, show_service },
	{ "targets", "", "every probed address, and how it answers", 0, 0, false, 0, 0, show_targets },
	{ "peers", "", "the twin: link, round trip, agreement", 0, 0, false, 0, 0, show_peers },
	{ "zones", "", "every zone and its serial", 0, 0, false, 0, 0, show_zones },
	{ "events", "[-n N] [-f]", "what changed, and why: all, or the last N; -f follows", 0, 0, false, BIT(OPTION_FOLLOW) | BIT(OPTION_LAST), 0,
	  run_events },
	{ "top", "", "a live view of services, members and events; q quits", 0, 0, true, 0, 0, NULL },
	{ "explain", "NAME [--client ADDR]", "why a name is answered as it is", 1, 1, false, BIT(OPTION_CLIENT), 0,
	  show_explain },
	{ "overrides", "", "what operators forced, and for how long", 0, 0, false, 0, 0, show_overrides },
	{ "windows", "", "maintenance windows: what is open, and what opens next", 0, 0, false, 0, 0, show_windows },
	{ "down", WHAT_USAGE, "take WHAT out of every answer", 1, 1, false, OVERRIDE_OPTIONS, CORE_VERB_DOWN, run_override },
	{ "up", WHAT_USAGE, "count WHAT as up, whatever its checks say", 1, 1, false, OVERRIDE_OPTIONS, CORE_VERB_UP, run_override },
	{ "drain", WHAT_USAGE, "take WHAT out of every answer, without counting it as down", 1, 1, false, OVERRIDE_OPTIONS, CORE_VERB_DRAIN,
	  run_override },
	{ "auto", "WHAT [--reason TEXT] [--force]", "end an override: the checks decide again", 1, 1, false, OVERRIDE_OPTIONS, CORE_VERB_AUTO,
	  run_override },
	{ "failback", "SERVICE", "let the better tier take over now", 1, 1, false, 0, CORE_VERB_FAILBACK, run_failback },
	{ "maint", "on|off [--for 30m] [--reason TEXT] [--force]", "tell the twin that this node will be stopped", 1, 1, false,
	  OVERRIDE_OPTIONS, CORE_VERB_MAINT, run_maint },
	{ "reload", "", "read configuration, zones and scripts again", 0, 0, false, 0, 0, run_reload },
	{ "upgrade", "", "let the program that is installed now take the server's place, without a gap", 0, 0, false, 0, 0, run_upgrade },
	{ "what-if", "FILE", "which answers another configuration would change right now", 1, 1, false, 0, 0, run_what_if },
	{ "probe", "SERVICE ADDRESS [--verbose]", "run a check once and show what it did", 2, 2, false, BIT(OPTION_VERBOSE), 0, run_probe },
	{ "test", "FILE", "run the cases of a check script, which stand in NAME_test.lua", 1, 1, true, 0, 0, NULL },
	{ "log", "[error|warning|notice|info|debug]", "how this node logs; up to which level from now on", 0, 1, false, 0, 0, run_log },
	{ "querylog", "[on|off] [--sample N]", "a line of the log for one query of N", 0, 1, false, BIT(OPTION_SAMPLE), 0, run_querylog },
	{ "dnstap", "[on FILE|off] [--sample N]", "queries and responses for a reader of dnstap, whose socket is FILE", 0, 2, false, BIT(OPTION_SAMPLE), 0,
	  run_dnstap },
	{ "stats", "", "counters", 0, 0, false, 0, 0, show_stats },
	{ "key", "[new FILE|accept FILE|send ID|drop ID] [--force]", "the pair's keys, and the steps by which they are changed", 0, 2, false,
	  BIT(OPTION_FORCE), 0, show_key },
	{ "stop", "", "end the server", 0, 0, false, 0, 0, run_stop },
	{ "completion", "bash|zsh", "what a shell completes these words by", 1, 1, true, 0, 0, NULL },
	{ "help", "[VERB]", "this list, or one verb", 0, 1, true, 0, 0, NULL },
};
#define VERBS (sizeof verbs / sizeof verbs[0])

/* value: what stands behind it, NULL = nothing. */
static const struct option { const char *name, *value, *help; } options[OPTION_COUNT] = {
	[OPTION_JSON] = { "--json", NULL, "one JSON document instead of what people read" },
	[OPTION_CHECK] = { "--check", NULL, "one line and an exit status as a Nagios plugin has them: 0, 1, 2 or 3" },
	[OPTION_FOR] = { "--for", "TIME", "it ends by itself after so long, such as 90s, 30m or 2h" },
	[OPTION_REASON] = { "--reason", "TEXT", "why, for others to read" },
	[OPTION_FORCE] = { "--force", NULL, "do it although it is refused without" },
	[OPTION_FOLLOW] = { "-f", NULL, "go on with what comes" },
	[OPTION_CLIENT] = { "--client", "ADDR", "as seen by this client" },
	[OPTION_VERBOSE] = { "--verbose", NULL, "every step that the check took" },
	[OPTION_LAST] = { "-n", "N", "only the last N" },
	[OPTION_SAMPLE] = { "--sample", "N", "one query of N" },
};

/* ---- for `help` ---- */

size_t ctl_verb_count(void)
{
	return VERBS;
}

void ctl_verb_help(size_t i, const char **name, const char **usage, const char **help)
{
	*name = verbs[i].name;
	*usage = verbs[i].usage;
	*help = verbs[i].help;
}

static void describe_word(struct bytes *out, const char *word, const char *value, const char *help)
{
	char line[160];
	int n = snprintf(line, sizeof line, "  %s%s%s", word, value ? " " : "", value ? value : "");
	n += snprintf(line + n, sizeof line - (size_t)n, "%*s %s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 0, "", help);
	bytes_add(out, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* Some options are taken only to be refused with a word: its usage does not have "[--for 30m]" then. */
static bool is_offered(const struct verb *v, const char *option)
{
	const size_t n = strlen(option);
	for (const char *at = strchr(v->usage, '['); at; at = strchr(at + 1, '['))
		if (strncmp(at + 1, option, n) == 0 && (at[n + 1] == ' ' || at[n + 1] == ']'))
			return true;
	return false;
}

void ctl_verb_describe(size_t i, struct bytes *out)
{
	const struct verb *v = &verbs[i];
	const char *const head[] = { "usage: gemelctl ", v->name, *v->usage ? " " : "", v->usage, "\n", v->help, "\n" };
	for (size_t k = 0; k < sizeof head / sizeof head[0]; k++)
		bytes_add(out, head[k], strlen(head[k]));
	if (strncmp(v->usage, "WHAT", strlen("WHAT")) == 0)
		describe_word(out, "WHAT", NULL, "service, glob of them, address, SERVICE/ADDRESS, host, site:NAME");
	for (int o = 0; o < OPTION_COUNT; o++)
		if (o == OPTION_JSON || is_offered(v, options[o].name))
			describe_word(out, options[o].name, options[o].value, options[o].help);
}

/* ---- words ---- */

enum call_next call_fail(struct call *c, int exit, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->error, sizeof c->error, fmt, ap);
	va_end(ap);
	c->exit = exit;
	return CALL_ANSWER;
}

static int usage_fail(struct call *c)
{
	call_fail(c, CALL_EXIT_USAGE, "usage: gemelctl %s%s%s", c->verb->name, *c->verb->usage ? " " : "", c->verb->usage);
	return CALL_EXIT_USAGE;
}

static int find_verb(struct call *c, const char *word)
{
	const char *names[VERBS];
	for (size_t i = 0; i < VERBS; i++) {
		names[i] = verbs[i].name;
		if (strcmp(word, names[i]) == 0) {
			c->verb = &verbs[i];
			return 0;
		}
	}
	const char *near = text_nearest(word, names, VERBS);
	if (near)
		call_fail(c, CALL_EXIT_USAGE, "unknown verb \"%.64s\"; did you mean \"%s\"", word, near);
	else
		call_fail(c, CALL_EXIT_USAGE, "unknown verb \"%.64s\"; expected one of `gemelctl help`", word);
	return CALL_EXIT_USAGE;
}

static int unknown_option(struct call *c, const char *word)
{
	const char *names[OPTION_COUNT + 1] = { "--help" };
	size_t n = 1;
	for (int o = 0; o < OPTION_COUNT; o++)
		if (o == OPTION_JSON || (c->verb->options & BIT(o)))
			names[n++] = options[o].name;
	const char *near = text_nearest(word, names, n);
	if (strcmp(word, "-c") == 0 || strcmp(word, "-n") == 0 || strcmp(word, "-s") == 0) {
		call_fail(c, CALL_EXIT_USAGE, "%s stands before the verb: gemelctl %s … %s", word, word, c->verb->name);
		return CALL_EXIT_USAGE;
	}
	call_fail(c, CALL_EXIT_USAGE, "%s has no option \"%.64s\"%s%s%s", c->verb->name, word, near ? "; did you mean \"" : "",
		  near ? near : "", near ? "\"" : "");
	return CALL_EXIT_USAGE;
}

/* An option at argv[i], its value with it or behind it. The number of words used, or 0 with the error set. */
static int take_option(struct call *c, int argc, char *const *argv, int i)
{
	for (int o = 0; o < OPTION_COUNT; o++) {
		size_t n = strlen(options[o].name);
		if (strncmp(argv[i], options[o].name, n) != 0)
			continue;
		bool joined = options[o].value && argv[i][n] == '=';
		if (argv[i][n] && !joined)
			continue;
		if (o != OPTION_JSON && !(c->verb->options & BIT(o)))
			break;
		if (options[o].value && !joined && i + 1 >= argc) {
			call_fail(c, CALL_EXIT_USAGE, "%s needs a value", options[o].name);
			return 0;
		}
		c->option[o] = joined ? argv[i] + n + 1 : options[o].value ? argv[i + 1] : "";
		return options[o].value && !joined ? 2 : 1;
	}
	unknown_option(c, argv[i]);
	return 0;
}

static int take_words(struct call *c, int argc, char *const *argv)
{
	bool only_words = false;
	for (int i = 1; i < argc;) {
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
			i++;
		} else if (!only_words && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			c->help = true; /* whatever else is there, or lacks */
			return 0;
		} else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
			int used = take_option(c, argc, argv, i);
			if (!used)
				return CALL_EXIT_USAGE;
			i += used;
		} else {
			if (c->word_count == c->verb->max || c->word_count == CALL_WORDS_MAX)
				return usage_fail(c);
			c->words[c->word_count++] = argv[i++];
		}
	}
	return c->word_count < c->verb->min ? usage_fail(c) : 0;
}

int call_parse(struct call *c, int argc, char *const *argv)
{
	memset(c, 0, sizeof *c);
	if (argc < 1) {
		call_fail(c, CALL_EXIT_USAGE, "no verb; expected one of `gemelctl help`");
		return CALL_EXIT_USAGE;
	}
	int e = find_verb(c, argv[0]);
	if (!e)
		e = take_words(c, argc, argv);
	if (!e && !c->verb->run && !c->verb->local) {
		call_fail(c, CALL_EXIT_FAILED, "%s: not built yet", c->verb->name);
		e = CALL_EXIT_FAILED;
	}
	return e;
}

bool call_is_local(const struct call *c)
{
	return c->verb->local;
}

enum call_next call_run(struct call *c, const struct ctl_host *h, struct doc *d)
{
	if (c->verb->local || c->help) /* with --help words may lack */
		return call_fail(c, CALL_EXIT_FAILED, "%s is done by gemelctl itself", c->help ? "help" : c->verb->name);
	return c->verb->run(c, h, d);
}

/* ---- verbs that ask something of the host ---- */

/* What others will read on their terminals, and the twin will store: one line, without controls. */
static bool take_text(struct call *c, char *out, size_t cap, const char *what, const char *text)
{
	size_t n = strlen(text);
	if (n >= cap) {
		call_fail(c, CALL_EXIT_USAGE, "%s is too long; at most %zu octets", what, cap - 1);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f) {
			call_fail(c, CALL_EXIT_USAGE, "%s holds control characters", what);
			return false;
		}
	memcpy(out, text, n + 1);
	return true;
}

static enum call_next run_override(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)h;
	(void)d;
	const char *how_long = c->option[OPTION_FOR], *reason = c->option[OPTION_REASON];
	c->command.verb = c->verb->command;
	c->command.force = c->option[OPTION_FORCE] != NULL;
	if (!*c->words[0])
		return call_fail(c, CALL_EXIT_USAGE, "WHAT is empty");
	if (!take_text(c, c->command.selector, sizeof c->command.selector, "WHAT", c->words[0]) ||
	    !take_text(c, c->command.reason, sizeof c->command.reason, "the reason", reason ? reason : ""))
		return CALL_ANSWER;
	if (how_long && c->command.verb == CORE_VERB_AUTO)
		return call_fail(c, CALL_EXIT_USAGE, "auto takes no --for: it ends an override");
	if (how_long && (text_parse_duration(&c->command.for_ms, how_long) < 0 || c->command.for_ms == 0))
		return call_fail(c, CALL_EXIT_USAGE, "--for \"%.64s\" is no duration; expected such as 90s, 30m, 2h", how_long);
	return CALL_COMMAND;
}

static enum call_next run_failback(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)h;
	(void)d;
	c->command.verb = c->verb->command;
	return take_text(c, c->command.selector, sizeof c->command.selector, "SERVICE", c->words[0]) ? CALL_COMMAND : CALL_ANSWER;
}

static enum call_next run_maint(struct call *c, const struct ctl_host *h, struct doc *d)
{
	bool off = strcmp(c->words[0], "off") == 0;
	if (!off && strcmp(c->words[0], "on") != 0)
		return call_fail(c, CALL_EXIT_USAGE, "maint \"%.64s\"; expected on or off", c->words[0]);
	if (off && c->option[OPTION_FOR])
		return call_fail(c, CALL_EXIT_USAGE, "maint off takes no --for");
	return run_override(c, h, d);
}

static enum call_next run_reload(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)c;
	(void)h;
	(void)d;
	return CALL_RELOAD;
}

static enum call_next run_upgrade(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)c;
	(void)h;
	(void)d;
	return CALL_UPGRADE;
}

static enum call_next run_stop(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)h;
	doc_text(d, d->form == DOC_JSON ? "verb" : "stopping", d->form == DOC_JSON ? c->verb->name : view_node(h)->name);
	return CALL_STOP;
}

static enum call_next run_probe(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)c;
	(void)h;
	(void)d;
	return CALL_PROBE;
}

static enum call_next run_what_if(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)c;
	(void)h;
	(void)d;
	return CALL_WHAT_IF;
}
