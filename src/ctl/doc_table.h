/* Inside the document builder: the cells gathered for people, and their printing. */
#ifndef GEMEL_CTL_DOC_TABLE_H
#define GEMEL_CTL_DOC_TABLE_H
#include "ctl/doc.h"

/* key without its unit, '_' as space, the group's name before it. */
void doc_table_label(const struct doc *d, const char *key, char *out, size_t cap);
/* The column that key has, or gets, in the table that is being gathered; DOC_COLUMNS_MAX when there are too many. */
unsigned doc_table_column(struct doc *d, const char *key);
void doc_table_add(struct doc *d, unsigned column, enum doc_tone t, const char *text); /* to the present row */
/* Prints and forgets what was gathered. */
void doc_table_print(struct doc *d);

#endif
