/* The first half of an answer. Each pass goes over all questions, so that what one pass fetches has come when the next looks:
 *
 *     parse, hash ─▶ the zone's place ─▶ the name's entry in its table ─▶ the node, its answers ─▶ (answer_write)
 */
#include "answer/db.h"

static void fetch(struct answer_job *jobs, size_t count, const struct answer_db *db)
{
	struct answer_name n[ANSWER_AHEAD_MAX];

	for (size_t i = 0; i < count; i++) {
		n[i] = db_question(&jobs[i].query);
		if (jobs[i].verdict == QUERY_OK)
			db_fetch_zone(db, &n[i]);
	}
	for (size_t i = 0; i < count; i++) {
		jobs[i].zone = jobs[i].verdict == QUERY_OK ? db_question_zone(db, &n[i], n[i].labels) : NULL;
		if (jobs[i].zone)
			db_fetch_entry(jobs[i].zone, &n[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (jobs[i].zone)
			db_fetch_node(jobs[i].zone, &n[i]);
}

void answer_read(struct answer_job *jobs, size_t count, const struct answer_db *db)
{
	for (size_t i = 0; i < count; i++) {
		jobs[i].verdict = query_parse(&jobs[i].query, jobs[i].in, jobs[i].in_len, &db->key);
		jobs[i].zone = NULL;
	}
	if (__builtin_expect(db->is_large, 0) && count > 1 && count <= ANSWER_AHEAD_MAX)
		fetch(jobs, count, db);
}
