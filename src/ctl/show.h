/* What the showing verbs share: colours, and groups of counters. */
#ifndef GEMEL_CTL_SHOW_H
#define GEMEL_CTL_SHOW_H
#include "ctl/doc.h"
#include "ctl/view.h"

enum doc_tone show_link_tone(enum pair_link_state s);
enum doc_tone show_verdict_tone(enum health_verdict v);
enum doc_tone show_health_tone(enum view_health h);
/* "queries" and "tcp", and "packets": every counter, for people too. */
void show_all_queries(const struct ctl_counters *n, struct doc *d);
void show_all_packets(const struct pair_stats *s, struct doc *d);

#endif
