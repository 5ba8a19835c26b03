/* See completion.h. What a verb takes is read from its usage, so that no second table can drift from the first:
 *
 *     "WHAT [--for 30m] [--force]"    kinds "what", options "--for= --force"      = : a value follows
 *     "SERVICE ADDRESS [--verbose]"   kinds "service member"
 *     "on|off [--for 30m]"            kinds "on|off"
 *     "[new FILE|send ID] [--force]"  kinds "new|send file"       what may be left out, a list of words with one behind each
 */
#include <stdio.h>
#include <string.h>
#include "base/err.h"
#include "ctl/completion.h"
#include "ctl/ctl.h"

static const struct { const char *usage, *kind; } kinds[] = {
	{ "NAME", "service" }, { "SERVICE", "service" }, { "ADDRESS", "member" }, { "WHAT", "what" }, { "FILE", "file" }, { "[VERB]", "verb" },
};

/* Names of services, of what overrides are about, and of a service's members, as people see them in the first column. */
static const char bash_head[] =
	"_gemelctl_ask() { command gemelctl \"${_gemelctl_server[@]}\" \"$@\" 2>/dev/null; }\n"
	"_gemelctl_words() { # KIND SERVICE WORD\n"
	"\tlocal a\n"
	"\tcase $1 in\n"
	"\tservice) _gemelctl_ask services | awk 'NR > 1 { print $1 }' ;;\n"
	"\twhat) case $3 in\n"
	"\t\t*/*) _gemelctl_words member \"${3%%/*}\" | while read -r a; do printf '%s\\n' \"${3%%/*}/$a\"; done ;;\n"
	"\t\t*) _gemelctl_ask services | awk 'NR > 1 { print $1 }'; _gemelctl_ask targets | awk 'NR > 1 { print $1 }' ;;\n"
	"\t\tesac ;;\n"
	"\toverride) _gemelctl_ask overrides | awk 'NR > 1 { print $1 }' ;;\n"
	"\tmember) _gemelctl_ask service \"$2\" | awk 'on { print $1 } $1 == \"ADDRESS\" { on = 1 }' ;;\n"
	"\tverb) echo \"$_gemelctl_verbs\" ;;\n"
	"\t*) echo \"${1//|/ }\" ;;\n"
	"\tesac\n"
	"}\n"
	"_gemelctl_verb() { # sets kinds and options\n"
	"\tcase $1 in\n";

static const char bash_tail[] =
	"\t*) kinds= options= ;;\n"
	"\tesac\n"
	"}\n"
	"_gemelctl() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} cur verb= kinds= options= kind o i\n"
	"\tlocal -a words rest=() _gemelctl_server=()\n"
	"\tread -ra words <<< \"$line\"\n"
	"\tcase $line in *[[:space:]]) words+=(\"\") ;; esac\n"
	"\tcur=${words[-1]}\n"
	"\tCOMPREPLY=()\n"
	"\tfor ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
	"\t\to=${words[i]}\n"
	"\t\tif [ -z \"$verb\" ]; then\n"
	"\t\t\tcase $o in\n"
	"\t\t\t-c | -s | -n)\n"
	"\t\t\t\tif ((i + 2 == ${#words[@]})); then\n"
	"\t\t\t\t\t[ \"$o\" = -n ] || { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); }\n"
	"\t\t\t\t\treturn\n"
	"\t\t\t\tfi\n"
	"\t\t\t\t_gemelctl_server+=(\"$o\" \"${words[++i]}\") ;;\n"
	"\t\t\t-*) ;;\n"
	"\t\t\t*) verb=$o; _gemelctl_verb \"$verb\" ;;\n"
	"\t\t\tesac\n"
	"\t\telse\n"
	"\t\t\tcase \" $options \" in\n"
	"\t\t\t*\" $o= \"*) ((i + 2 == ${#words[@]})) && return; i=$((i + 1)) ;;\n"
	"\t\t\t*) case $o in -*) ;; *) rest+=(\"$o\") ;; esac ;;\n"
	"\t\t\tesac\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [ -z \"$verb\" ]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$_gemelctl_verbs -c -n -s --json --help --version\" -- \"$cur\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase $cur in\n"
	"\t-*) mapfile -t COMPREPLY < <(compgen -W \"${options//=/} --json\" -- \"$cur\"); return ;;\n"
	"\tesac\n"
	"\tread -ra words <<< \"$kinds\"\n"
	"\tkind=${words[${#rest[@]}]:-}\n"
	"\tcase $kind in\n"
	"\t'') ;;\n"
	"\tfile) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"\t*) while read -ra words; do # not by compgen -W, which would run what stands in a name\n"
	"\t\tfor o in \"${words[@]}\"; do [[ $o == \"$cur\"* ]] && COMPREPLY+=(\"$o\"); done\n"
	"\tdone < <(_gemelctl_words \"$kind\" \"${rest[0]:-}\" \"$cur\") ;;\n"
	"\tesac\n"
	"\tcase $cur in # the shell takes what stands behind the last colon for the word\n"
	"\t*:*) case $COMP_WORDBREAKS in *:*) o=${cur%\"${cur##*:}\"}; COMPREPLY=(\"${COMPREPLY[@]#\"$o\"}\") ;; esac ;;\n"
	"\tesac\n"
	"}\n"
	"complete -F _gemelctl gemelctl\n";

static const char zsh_head[] =
	"_gemelctl_ask() { command gemelctl $gemelctl_server \"$@\" 2>/dev/null }\n"
	"_gemelctl_words() { # KIND SERVICE WORD\n"
	"\tlocal a\n"
	"\tcase $1 in\n"
	"\tservice) _gemelctl_ask services | awk 'NR > 1 { print $1 }' ;;\n"
	"\twhat) case $3 in\n"
	"\t\t*/*) _gemelctl_words member \"${3%%/*}\" | while read -r a; do printf '%s\\n' \"${3%%/*}/$a\"; done ;;\n"
	"\t\t*) _gemelctl_ask services | awk 'NR > 1 { print $1 }'; _gemelctl_ask targets | awk 'NR > 1 { print $1 }' ;;\n"
	"\t\tesac ;;\n"
	"\toverride) _gemelctl_ask overrides | awk 'NR > 1 { print $1 }' ;;\n"
	"\tmember) _gemelctl_ask service \"$2\" | awk 'on { print $1 } $1 == \"ADDRESS\" { on = 1 }' ;;\n"
	"\t*) print -l -- ${(s:|:)1} ;;\n"
	"\tesac\n"
	"}\n"
	"_gemelctl_verb() { # sets kinds and options\n"
	"\tcase $1 in\n";

static const char zsh_tail[] =
	"\t*) kinds= options= ;;\n"
	"\tesac\n"
	"}\n"
	"_gemelctl() {\n"
	"\tlocal verb= kinds= options= o kind\n"
	"\tlocal -a rest gemelctl_server found\n"
	"\tinteger i\n"
	"\tfor ((i = 2; i < CURRENT; i++)); do\n"
	"\t\to=$words[i]\n"
	"\t\tif [[ -z $verb ]]; then\n"
	"\t\t\tcase $o in\n"
	"\t\t\t-c | -s | -n)\n"
	"\t\t\t\tif ((i + 1 == CURRENT)); then\n"
	"\t\t\t\t\t[[ $o = -n ]] || _files\n"
	"\t\t\t\t\treturn\n"
	"\t\t\t\tfi\n"
	"\t\t\t\tgemelctl_server+=($o $words[i+1]); i+=1 ;;\n"
	"\t\t\t-*) ;;\n"
	"\t\t\t*) verb=$o; _gemelctl_verb $verb ;;\n"
	"\t\t\tesac\n"
	"\t\telif [[ \" $options \" = *\" $o= \"* ]]; then\n"
	"\t\t\t((i + 1 == CURRENT)) && return\n"
	"\t\t\ti+=1\n"
	"\t\telif [[ $o != -* ]]; then\n"
	"\t\t\trest+=($o)\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ -z $verb ]]; then\n"
	"\t\t_describe verb gemelctl_verbs\n"
	"\t\tcompadd -- -c -n -s --json --help --version\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tif [[ $PREFIX = -* ]]; then\n"
	"\t\tcompadd -- ${=options//=/} --json\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tfound=(${=kinds})\n"
	"\tkind=$found[$#rest+1]\n"
	"\tcase $kind in\n"
	"\t'') ;;\n"
	"\tfile) _files ;;\n"
	"\tverb) _describe verb gemelctl_verbs ;;\n"
	"\t*) found=(${(f)\"$(_gemelctl_words \"$kind\" \"$rest[1]\" \"$PREFIX\")\"}); compadd -a found ;;\n"
	"\tesac\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _gemelctl ]; then _gemelctl \"$@\"; else compdef _gemelctl gemelctl; fi\n";

static const char *kind_of(const char *verb, const char *word, size_t len, char room[64])
{
	if (strcmp(verb, "auto") == 0) /* what it ends is what was forced */
		return "override";
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strlen(kinds[i].usage) == len && memcmp(kinds[i].usage, word, len) == 0)
			return kinds[i].kind;
	snprintf(room, 64, "%.*s", (int)len, word);
	return room;
}

/* "[new FILE|send ID]": the first words of what may stand, and whether a file follows one. Its length. */
static size_t write_choices(struct bytes *words, const char *at)
{
	size_t len = strcspn(at, "]");
	bool file = false;
	for (const char *word = at + 1; word < at + len;) {
		size_t n = strcspn(word, " |]");
		bytes_printf(words, "%s%.*s", word == at + 1 ? "" : "|", (int)n, word);
		size_t rest = strcspn(word, "|]");
		file = file || memmem(word, rest, "FILE", 4) != NULL;
		word += rest + 1;
	}
	bytes_printf(words, "%s", file ? " file" : "");
	return at[len] ? len + 1 : len;
}

/* "[--for" "30m]" is an option with a value, "[--force]" one without. */
static void write_verb(struct bytes *out, const char *name, const char *usage)
{
	struct bytes words, options;
	bytes_init(&words, 4096);
	bytes_init(&options, 4096);
	for (const char *at = usage; *at;) {
		size_t len = strcspn(at, " ");
		char room[64];
		if (strncmp(at, "[-", 2) == 0) {
			bool value = at[len - 1] != ']';
			bytes_printf(&options, "%s%.*s%s", options.len ? " " : "", (int)(value ? len - 1 : len - 2), at + 1, value ? "=" : "");
			if (value) {
				at += len + 1;
				len = strcspn(at, " ");
			}
		} else if (*at == '[' && strcspn(at, " |") < strcspn(at, "]")) {
			len = write_choices(&words, at);
		} else {
			bytes_printf(&words, "%s%s", words.len ? " " : "", kind_of(name, at, len, room));
		}
		at += len;
		at += strspn(at, " ");
	}
	bytes_printf(out, "\t%s) kinds='%.*s' options='%.*s' ;;\n", name, (int)words.len, (const char *)words.data, (int)options.len,
		     (const char *)options.data);
	out->failed = out->failed || words.failed || options.failed;
	bytes_deinit(&words);
	bytes_deinit(&options);
}

static void write_verbs(struct bytes *out)
{
	for (size_t i = 0; i < ctl_verb_count(); i++) {
		const char *name, *usage, *help;
		ctl_verb_help(i, &name, &usage, &help);
		write_verb(out, name, usage);
	}
}

/* zsh: 'name:help'; a quote in a help ends the string, stands for itself, and begins it again. */
static void write_described(struct bytes *out, const char *name, const char *help)
{
	bytes_printf(out, "\t'%s:", name);
	for (; *help; help++)
		bytes_printf(out, *help == '\'' ? "'\\''" : "%c", *help);
	bytes_printf(out, "'\n");
}

static void write_names(struct bytes *out, bool described)
{
	for (size_t i = 0; i < ctl_verb_count(); i++) {
		const char *name, *usage, *help;
		ctl_verb_help(i, &name, &usage, &help);
		if (described)
			write_described(out, name, help);
		else
			bytes_printf(out, "%s%s", i ? " " : "", name);
	}
}

int completion_write(struct bytes *out, const char *shell)
{
	bool zsh = strcmp(shell, "zsh") == 0;
	if (!zsh && strcmp(shell, "bash") != 0)
		return ERR_ABSENT;
	bytes_printf(out, "%s# %s completion for gemelctl; made by `gemelctl completion %s`\n", zsh ? "#compdef gemelctl\n" : "", shell, shell);
	bytes_printf(out, "%s", zsh ? "typeset -ga gemelctl_verbs=(\n" : "_gemelctl_verbs='");
	write_names(out, zsh);
	bytes_printf(out, "%s%s", zsh ? ")\n" : "'\n", zsh ? zsh_head : bash_head);
	write_verbs(out);
	bytes_printf(out, "%s", zsh ? zsh_tail : bash_tail);
	return 0;
}
