/* Between the model session.pml and session.c. */
#include <string.h>
#include "pair/session.h"

_Static_assert(SESSION_BOUND == 1 && SESSION_NEW == 2 && SESSION_HELLO == 3 && SESSION_OLD == 4, "session.pml");

/* n and q are the structs that spin makes of the model's node and packet. */
#define session_verdict_of(n, q) session_say((n).peer_boot, (n).peer_epoch, (n).boot, (q).yours, (q).boot, (q).epoch, (q).seen)

static unsigned char session_say(unsigned peer_boot, unsigned peer_epoch, unsigned my_boot, unsigned yours, unsigned boot,
				 unsigned epoch, unsigned seen)
{
	struct session s;

	memset(&s, 0, sizeof s);
	if (peer_boot)
		session_accept(&s, peer_boot, peer_epoch, 1);
	return (unsigned char)session_judge(&s, my_boot, yours, boot, epoch, seen ? 1 : 2);
}
