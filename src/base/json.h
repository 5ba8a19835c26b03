/* JSON writer onto a growing byte string; commas and escapes are its business.
 *     json_begin_object(&j); json_key(&j, "name"); json_string(&j, "ns1"); json_end_object(&j);
 */
#ifndef GEMEL_BASE_JSON_H
#define GEMEL_BASE_JSON_H
#include "base/buf.h"

#define JSON_DEPTH_MAX 32 /* what we write is far flatter; deeper sets out->failed */
struct json {
	struct bytes *out;
	uint8_t depth;
	bool first[JSON_DEPTH_MAX];
	bool after_key;
	bool pretty; /* two-space indent, a line a member */
};

void json_init(struct json *j, struct bytes *out, bool pretty);
void json_begin_object(struct json *j);
void json_end_object(struct json *j);
void json_begin_array(struct json *j);
void json_end_array(struct json *j);
void json_key(struct json *j, const char *key);
void json_string(struct json *j, const char *s); /* NULL = null; bytes that are not UTF-8 become U+FFFD */
void json_stringn(struct json *j, const char *s, size_t len);
void json_int(struct json *j, int64_t v);
void json_uint(struct json *j, uint64_t v);
void json_number(struct json *j, double v); /* nan and inf become null */
void json_bool(struct json *j, bool v);
void json_null(struct json *j);

#endif
