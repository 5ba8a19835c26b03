/* gemelctl: finds the running server's control socket, and does what needs no server (key new, help) itself. */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "app/confine.h"
#include "app/gemelctl.h"
#include "base/json.h"
#include "conf/conf.h"
#include "ctl/completion.h"
#include "ctl/ctl.h"
#include "ctl/verbs.h"

#define EXIT_USAGE 2
#define EXIT_PLUGIN_UNKNOWN 3
#define DEFAULT_FILE "/etc/gemel/gemel.lua"

static const char usage[] =
	"usage: gemelctl [-c FILE] [-n NODE] [-s SOCKET] [--json] VERB …\n"
	"       gemelctl help [VERB] | --version | --help\n"
	"SOCKET is the node's in FILE, " DEFAULT_FILE " unless given; NODE is the host name up to its first dot, or the only one there is\n";

struct options {
	const char *file, *node, *socket;
	bool json, file_given;
	bool quiet; /* only faults are told */
};

/* ---- verbs without a server ---- */

static int print_bytes(struct bytes *b)
{
	int status = b->failed || (b->len > 0 && fwrite(b->data, 1, b->len, stdout) != b->len) || fflush(stdout) != 0;
	bytes_deinit(b);
	return status;
}

/* The document is over; it is printed. */
static int print_json(struct bytes *b)
{
	bytes_u8(b, '\n');
	return print_bytes(b);
}

/* {"verbs":[{"verb":"status","usage":"[--check]","help":"…"}]} */
static int print_help_json(const char *verb)
{
	const char *name, *words, *help;
	struct bytes b;
	struct json j;
	bytes_init(&b, 1u << 20);
	json_init(&j, &b, false);
	json_begin_object(&j);
	json_key(&j, "verbs");
	json_begin_array(&j);
	for (size_t i = 0; i < ctl_verb_count(); i++) {
		ctl_verb_help(i, &name, &words, &help);
		if (verb && strcmp(verb, name) != 0)
			continue;
		json_begin_object(&j);
		json_key(&j, "verb");
		json_string(&j, name);
		json_key(&j, "usage");
		json_string(&j, words);
		json_key(&j, "help");
		json_string(&j, help);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_end_object(&j);
	return print_json(&b);
}

/* NULL: every verb in short. */
static int print_help(const char *verb, bool json)
{
	const char *name, *words, *help;
	struct bytes b;
	if (json)
		return print_help_json(verb);
	bytes_init(&b, 1u << 20);
	if (!verb)
		fputs(usage, stdout);
	for (size_t i = 0; i < ctl_verb_count(); i++) {
		ctl_verb_help(i, &name, &words, &help);
		if (!verb)
			printf("  %s%s%s\n      %s\n", name, *words ? " " : "", words, help);
		else if (strcmp(verb, name) == 0)
			ctl_verb_describe(i, &b);
	}
	return print_bytes(&b);
}

/* For a word that is no verb: what it should be. */
static int help_on(const char *verb, bool json)
{
	struct call c;
	char *const words[] = { (char *)(uintptr_t)verb, "--help" };
	const int status = call_parse(&c, 2, words);
	if (status)
		fprintf(stderr, "gemelctl: %s\n", c.error);
	return status ? status : print_help(verb, json);
}

static int write_key(int fd)
{
	uint8_t key[PLAN_KEY_LEN];
	char text[2 * PLAN_KEY_LEN + 2];
	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		return -1;
	for (size_t i = 0; i < sizeof key; i++)
		snprintf(text + 2 * i, 3, "%02x", key[i]);
	strcpy(text + 2 * sizeof key, "\n");
	ssize_t n = write(fd, text, 2 * sizeof key + 1);
	explicit_bzero(key, sizeof key);
	explicit_bzero(text, sizeof text);
	return n == (ssize_t)(2 * sizeof key + 1) && fsync(fd) == 0 ? 0 : -1;
}

/* Started by a service manager the server is not root, and only the key's owner may read it. Where there is no such account, or the
 * server runs as another, the owner is chosen by hand. */
static int give_key(int fd)
{
	struct passwd *p = geteuid() == 0 ? getpwnam("gemel") : NULL;
	return p ? fchown(fd, p->pw_uid, p->pw_gid) : 0;
}

/* {"verb":"key new","file":"pair.key"}; {"shell":"bash","text":"…"} */
static int print_words(const char *key, const char *value, const char *other_key, const char *other)
{
	struct bytes b;
	struct json j;
	bytes_init(&b, 1u << 20);
	json_init(&j, &b, false);
	json_begin_object(&j);
	json_key(&j, key);
	json_string(&j, value);
	json_key(&j, other_key);
	json_string(&j, other);
	json_end_object(&j);
	return print_json(&b);
}

/* A key that exists is never overwritten: a twin may be using it. */
static int new_key(const char *file, bool json)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		fprintf(stderr, "gemelctl: %s: %s%s\n", file, strerror(errno), errno == EEXIST ? "; a key is never written over" : "");
		return 1;
	}
	int e = fchmod(fd, 0600) == 0 && write_key(fd) == 0 ? give_key(fd) : -1; /* a umask may have taken from the mode */
	if (close(fd) != 0 || e < 0) {
		fprintf(stderr, "gemelctl: %s: %s\n", file, strerror(errno));
		unlink(file);
		return 1;
	}
	return json ? print_words("verb", "key new", "file", file) : 0;
}

/* ---- the socket ---- */

/* A line each; on the last, what helps all the same. */
static void print_errors(const struct diags *d, const char *help)
{
	char line[4096];
	size_t left = d->errors;
	for (size_t i = 0; i < d->count; i++)
		if (d->list[i].level == DIAG_ERROR) {
			diag_format(&d->list[i], line, sizeof line);
			left--;
			fprintf(stderr, "%s%s\n", line, left ? "" : help);
		}
}

/* Faults elsewhere in the file do not keep an operator from a server that runs with an older version of it: only the node's own
 * block has to be understood. Zones are not read at all. */
static char *find_control(const char *file, const char *node)
{
	struct diags d;
	struct conf *c = NULL;
	char *path = NULL;
	static const char help[] = "; -s SOCKET reaches the server without it";
	diags_init(&d);
	int e = conf_load(&c, file, node, &d);
	const struct plan_node *n = e ? NULL : conf_node(c);
	if (n && n->control)
		path = strdup(n->control);
	else if (d.errors)
		print_errors(&d, help);
	else
		fprintf(stderr, "gemelctl: %s: %s%s\n", file, err_text(e), help);
	if (!e)
		conf_free(c);
	diags_deinit(&d);
	return path;
}

static unsigned terminal_width(void)
{
	struct winsize w;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static bool is_check(int argc, char *const *argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[0], "status") == 0 && strcmp(argv[i], "--check") == 0)
			return true;
	return false;
}

static int ask_server(const struct options *o, int argc, char *const *argv, const struct bytes *plan)
{
	char *found = NULL;
	const char *path = o->socket;
	int status = ctl_words_check(argc, argv);
	if (status)
		return status;
	if (!path && !(path = found = find_control(o->file, o->node))) {
		if (is_check(argc, argv))
			printf("GEMEL UNKNOWN - %s does not say where the server is\n", o->file);
		return is_check(argc, argv) || strcmp(argv[0], "probe") == 0 ? EXIT_PLUGIN_UNKNOWN : 1;
	}
	if (o->quiet)
		status = ctl_client_run_quiet(path, argc, argv);
	else
		status = ctl_client_run_with(path, o->json, wants_colour(), terminal_width(), argc, argv, plan ? plan->data : NULL,
					     plan ? plan->len : 0);
	free(found);
	return status;
}

static int what_if(const struct options *o, int argc, char *const *argv, const char *file)
{
	struct bytes plan;
	bytes_init(&plan, SIZE_MAX / 2);
	int status = gemelctl_plan(file, o->node, &plan);
	if (!status)
		status = ask_server(o, argc, argv, &plan);
	bytes_deinit(&plan);
	return status;
}

/* NULL where the configuration names none, which is told. */
static char *find_key_file(const char *file, const char *node)
{
	struct diags d;
	struct conf *c = NULL;
	diags_init(&d);
	int e = conf_load(&c, file, node, &d);
	char *path = !e && conf_key_file(c) ? strdup(conf_key_file(c)) : NULL;
	if (!path && d.errors)
		print_errors(&d, "");
	else if (!path)
		fprintf(stderr, "gemelctl: %s: %s\n", file, e ? err_text(e) : "no pair, so no key file");
	if (!e)
		conf_free(c);
	diags_deinit(&d);
	return path;
}

/* The server says whether the step is safe, we take it in the file, the server reads that. */
static int change_key(const struct options *o, const struct call *c)
{
	const char *step = c->words[0], *what = c->words[1];
	char *const may[] = { "key", (char *)(uintptr_t)step, (char *)(uintptr_t)what, "--force" };
	char *const reload[] = { "reload" }, *const show[] = { "key" };
	struct options before = *o, last = *o;
	last.json |= c->option[OPTION_JSON] != NULL;
	before.quiet = last.json; /* one document in all */
	before.json = false;
	if (o->socket && !o->file_given) {
		fprintf(stderr, "gemelctl: key %s: which configuration? say it with -c FILE\n", step);
		return EXIT_USAGE;
	}
	int status = strcmp(step, "accept") == 0 ? 0 : ask_server(&before, c->option[OPTION_FORCE] ? 4 : 3, may, NULL);
	char *file = status ? NULL : find_key_file(o->file, o->node);
	if (!file)
		return status ? status : 1;
	status = gemelctl_key(file, step, what);
	free(file);
	if (!status && (status = ask_server(&before, 1, reload, NULL)))
		fputs("gemelctl: the key file is changed; gemelctl key shows what the server uses\n", stderr);
	return status ? status : ask_server(&last, 1, show, NULL);
}

static int key(const struct options *o, int argc, char *const *argv)
{
	struct call c;
	int status = call_parse(&c, argc, argv);
	if (c.help)
		return print_help(argv[0], o->json || c.option[OPTION_JSON]);
	if (status || c.word_count == 0)
		return ask_server(o, argc, argv, NULL);
	if (c.word_count == 2 && strcmp(c.words[0], "new") == 0 && !c.option[OPTION_FORCE])
		return new_key(c.words[1], o->json || c.option[OPTION_JSON]);
	if (c.word_count == 2 && (strcmp(c.words[0], "accept") == 0 || strcmp(c.words[0], "send") == 0 || strcmp(c.words[0], "drop") == 0))
		return change_key(o, &c);
	fputs("gemelctl: usage: gemelctl key [new FILE|accept FILE|send ID|drop ID] [--force]\n", stderr);
	return EXIT_USAGE;
}

static int print_completion_json(const char *shell, struct bytes *text)
{
	bytes_u8(text, '\0');
	return text->failed ? 1 : print_words("shell", shell, "text", (const char *)text->data);
}

static int print_completion(const char *shell, bool json)
{
	struct bytes b;
	bytes_init(&b, 1u << 20);
	int status = completion_write(&b, shell) == 0 ? 0 : EXIT_USAGE;
	if (status)
		fprintf(stderr, "gemelctl: completion for \"%s\"; expected bash or zsh\n", shell);
	else if (json)
		status = print_completion_json(shell, &b);
	else if (b.failed || fwrite(b.data, 1, b.len, stdout) != b.len || fflush(stdout) != 0)
		status = 1;
	bytes_deinit(&b);
	return status;
}

static int top(const struct options *o)
{
	char *found = NULL;
	if (!o->socket && !(found = find_control(o->file, o->node)))
		return 1;
	int status = gemelctl_top(o->socket ? o->socket : found, o->json);
	free(found);
	return status;
}

static int run(const struct options *o, int argc, char *const *argv)
{
	if (strcmp(argv[0], "key") == 0)
		return key(o, argc, argv);
	struct call c;
	int status = call_parse(&c, argc, argv);
	if (status == 0 && c.help)
		return print_help(argv[0], o->json || c.option[OPTION_JSON]);
	if (status == 0 && strcmp(argv[0], "help") == 0 && c.word_count)
		return help_on(c.words[0], o->json || c.option[OPTION_JSON]);
	if (status == 0 && strcmp(argv[0], "help") == 0)
		return print_help(NULL, o->json || c.option[OPTION_JSON]);
	if (status == 0 && strcmp(argv[0], "test") == 0)
		return gemelctl_test(c.words[0], o->json || c.option[OPTION_JSON]);
	if (status == 0 && strcmp(argv[0], "completion") == 0)
		return print_completion(c.words[0], o->json || c.option[OPTION_JSON]);
	if (status == 0 && strcmp(argv[0], "top") == 0)
		return top(&(struct options){ o->file, o->node, o->socket, o->json || c.option[OPTION_JSON], o->file_given, false });
	if (status == 0 && strcmp(argv[0], "probe") == 0 && o->file_given && !o->socket)
		return gemelctl_probe(o->file, o->node, c.words[0], c.words[1], o->json || c.option[OPTION_JSON], c.option[OPTION_VERBOSE]);
	if (status == 0 && strcmp(argv[0], "what-if") == 0)
		return what_if(o, argc, argv, c.words[0]);
	return ask_server(o, argc, argv, NULL);
}

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' },
					       { "json", no_argument, NULL, 'j' },    { 0 } };
	struct options o = { .file = DEFAULT_FILE };
	int c;
	confine_secrets(true); /* most verbs read the configuration, and with it the keys */
	while ((c = getopt_long(argc, argv, "+c:n:s:h", longs, NULL)) != -1) /* + : what follows the verb is the verb's */
		switch (c) {
		case 'c':
			o.file = optarg;
			o.file_given = true;
			break;
		case 'n':
			o.node = optarg;
			break;
		case 's':
			o.socket = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'V':
			puts("gemelctl " PACKAGE_VERSION);
			return 0;
		case 'h':
			return print_help(NULL, o.json);
		default:
			return wrong_usage();
		}
	return optind == argc ? wrong_usage() : run(&o, argc - optind, argv + optind);
}
