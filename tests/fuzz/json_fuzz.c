/* json.decode on hostile text: it ends in a value or in a refusal with its place, never in a bug; and what was read, written and read
 * again is written the same. */
#include <stdlib.h>
#include <string.h>
#include "script/script.h"
#include "tests/fuzz/fuzz.h"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("{\"status\":\"ok\",\"load\":[0.5,-1e3,12],\"x\":{\"y\":null,\"z\":[true,false,[]]}}"),
	FUZZ_SEED("\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
	FUZZ_SEED(" [ 1 , 2 , [ 3 , { \"a\" : \"b\" } ] ]\r\n"),
	FUZZ_SEED("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
	FUZZ_SEED("9223372036854775807"), FUZZ_SEED("1.7976931348623157e308"),
};
const size_t fuzz_seeds_count = sizeof fuzz_seeds / sizeof *fuzz_seeds;

static const char text[] = "return { args = { text = 'string' }, run = function (target, args)\n"
			   "  local ok, v = pcall(json.decode, args.text)\n"
			   "  if not ok then assert(tostring(v):find('^not JSON: ')) return true end\n"
			   "  local once = json.encode(v)\n"
			   "  return #json.encode(json.decode(once)) == #once\n" /* names come in any order */
			   "end }";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct script *s;
	struct script_target target = { .addr.family = 4 };
	struct script_arg arg = { .name = "text", .type = SCRIPT_ARG_STRING };
	struct script_request req;
	struct health_result result;
	struct script_run *run;
	struct diags d;
	char *copy;

	diags_init(&d);
	if (s == NULL)
		FUZZ_REQUIRE(script_new(&s, "fuzz.lua", text, sizeof text - 1, &script_limits_default, &d) == 0);
	diags_deinit(&d);
	copy = malloc(len + 1);
	FUZZ_REQUIRE(copy != NULL);
	memcpy(copy, data, len);
	copy[len] = '\0';
	arg.string = copy;
	int status = script_start(s, &run, &target, &arg, 1, &req, &result);

	while (status == SCRIPT_YIELDED) {
		FUZZ_REQUIRE(req.type == SCRIPT_REQ_SLICE);
		status = script_resume(run, NULL, &req, &result);
	}
	FUZZ_REQUIRE(status == SCRIPT_DONE && result.reason == HEALTH_OK);
	script_run_free(run);
	free(copy);
	return 0;
}
