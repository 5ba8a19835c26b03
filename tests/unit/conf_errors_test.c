/* A catalogue of wrong configurations and zones: each file of conf_errors/ must draw exactly the lines that stand at its end
 * after "--> ", each file of zone_errors/, as the zone example.test, those after "; --> ".
 *
 *     require "base"
 *     service "www.example.test" { check = "wbe", tiers = { { "192.0.2.1" } } }
 *     --> check_unknown.lua:2: no check is called "wbe"; expected the name of a check; did you mean "web"
 *
 *     $TTL 1h
 *     www A 192.0.2.300
 *     ; --> address_range.zone:2:7: "192.0.2.300" is no IPv4 address; expected one such as 192.0.2.1
 *
 * In lines to compare, GEMEL_LUA_DIR stands for the folder of the bundled checks.
 */
#include "conf/conf.h"
#include "conf_help.h"

static char folders[2][4096];
static char names[512][64];
static int name_count;

static char *read_all(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *text;
	long size;

	ck_assert_msg(f != NULL, "cannot read %s", path);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = malloc((size_t)size + 1);
	ck_assert_uint_eq(fread(text, 1, (size_t)size, f), (size_t)size);
	text[size] = 0;
	fclose(f);
	*len = (size_t)size;
	return text;
}

static void copy_folder(const char *from, const char *to)
{
	DIR *dir = opendir(from);
	struct dirent *e;
	char a[8192], b[8192];

	ck_assert_msg(dir != NULL, "no %s", from);
	mkdir(to, 0700);
	while ((e = readdir(dir))) {
		size_t len;
		char *text;

		if (e->d_name[0] == '.')
			continue;
		snprintf(a, sizeof a, "%s/%s", from, e->d_name);
		snprintf(b, sizeof b, "%s/%s", to, e->d_name);
		if (!strcmp(e->d_name, "scripts")) {
			copy_folder(a, b);
			continue;
		}
		text = read_all(a, &len);
		help_write_mode(b, text, len, 0600);
		free(text);
	}
	closedir(dir);
}

static void set_up(void)
{
	help_enter();
	copy_folder(folders[0], ".");
	copy_folder(folders[1], ".");
	help_write("short.key", "0123\n");
	help_write_mode("open.key", HELP_KEY, strlen(HELP_KEY), 0644);
}

/* All faults and warnings of a configuration, one a line. */
static char *faults_of(const char *file)
{
	static const struct hash_key key = {{7, 9}};
	static char out[65536];
	struct diags d;
	struct conf *c;
	struct plan *p;
	size_t n = 0;

	diags_init(&d);
	if (!conf_load(&c, file, strncmp(file, "node_not", 8) ? "ns1" : "nobody", &d)) {
		for (size_t i = 0; i < conf_zones(c); i++) {
			struct conf_zone_text t;
			struct zone *z;
			int r = conf_zone_read(c, i, &t, &d);

			if (!r) {
				r = conf_zone_compile(c, i, &t, &key, &z, &d);
				if (!r)
					zone_free(z);
				conf_zone_text_deinit(&t);
			}
			if (r)
				conf_zone_absent(c, i);
		}
		if (!conf_plan(c, 1, &p, &d))
			plan_free(p);
		conf_free(c);
	}
	out[0] = 0;
	for (size_t i = 0; i < d.count && n < sizeof out; i++) {
		n += (size_t)diag_format(&d.list[i], out + n, sizeof out - n);
		n += (size_t)snprintf(out + n, n < sizeof out ? sizeof out - n : 0, "\n");
	}
	diags_deinit(&d);
	return out;
}

static void replace_folder(char *text)
{
	const char *dir = getenv("GEMEL_LUA_DIR");
	char *at;

	while ((at = strstr(text, dir))) {
		size_t len = strlen(dir);

		memmove(at + strlen("GEMEL_LUA_DIR"), at + len, strlen(at + len) + 1);
		memcpy(at, "GEMEL_LUA_DIR", strlen("GEMEL_LUA_DIR"));
	}
}

static bool is_zone(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && !strcmp(name + len - 5, ".zone");
}

/* The faults of the zone alone: around it all is well. */
static char *faults_of_zone(const char *name)
{
	char text[512];

	snprintf(text, sizeof text,
		 "node 'ns1' { listen = '127.0.0.1:5301', control = 'run/ns1.sock', state = 'run/ns1' }\n"
		 "zone 'example.test' { file = '%s' }\n", name);
	help_write("around.lua", text);
	return faults_of("around.lua");
}

/* The "--> " lines of the file, joined; in a zone they are comments. */
static char *expected_of(const char *text, size_t len)
{
	static char out[65536];
	size_t n = 0;
	const char *end = text + len;

	for (const char *line = text, *next; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next + 1 : end;
		line += next - line > 2 && !memcmp(line, "; ", 2) ? 2 : 0;
		if (next - line > 4 && !memcmp(line, "--> ", 4)) {
			memcpy(out + n, line + 4, (size_t)(next - line) - 4);
			n += (size_t)(next - line) - 4;
		}
	}
	out[n] = 0;
	return out;
}

START_TEST(every_fault_is_told_at_its_line)
{
	const char *name = names[_i];
	size_t len;
	char *text, *got;

	text = read_all(name, &len);
	got = is_zone(name) ? faults_of_zone(name) : faults_of(name);
	replace_folder(got);
	ck_assert_msg(strcmp(got, expected_of(text, len)) == 0, "%s\n--- expected\n%s--- got\n%s", name,
		      expected_of(text, len), got);
	ck_assert_msg(got[0] != 0, "%s: no fault at all", name);
	free(text);
}
END_TEST

static int name_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* What the wrong ones of the folder need to be wrong, and are not themselves. */
static bool is_help(const char *name)
{
	static const char *const help[] = {"base.lua", "circle.lua", "faulty.lua"};

	for (size_t i = 0; i < sizeof help / sizeof *help; i++)
		if (!strcmp(name, help[i]))
			return true;
	return false;
}

static void list_folder(char out[4096], const char *folder, const char *suffix)
{
	char *top = realpath(help_source(), NULL);
	struct dirent *e;
	DIR *dir;

	snprintf(out, 4096, "%s/tests/unit/%s", top ? top : ".", folder);
	free(top);
	dir = opendir(out);
	while (dir && (e = readdir(dir)) && name_count < 512) {
		size_t len = strlen(e->d_name), end = strlen(suffix);

		if (len <= end || len >= sizeof names[0] || strcmp(e->d_name + len - end, suffix) || is_help(e->d_name))
			continue;
		strcpy(names[name_count++], e->d_name);
	}
	if (dir)
		closedir(dir);
}

int main(void)
{
	Suite *s = suite_create("conf_errors");
	TCase *t = tcase_create("catalogue");
	SRunner *r = srunner_create(s);
	int failed, confs;

	list_folder(folders[0], "conf_errors", ".lua");
	confs = name_count;
	list_folder(folders[1], "zone_errors", ".zone");
	qsort(names, (size_t)name_count, sizeof names[0], name_order);
	if (confs < 60 || name_count - confs < 40) {
		fprintf(stderr, "only %d wrong configurations in %s, and %d zones in %s\n", confs, folders[0],
			name_count - confs, folders[1]);
		return 1;
	}
	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, set_up, help_leave); /* one folder for all: they only read */
	tcase_add_loop_test(t, every_fault_is_told_at_its_line, 0, name_count);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
