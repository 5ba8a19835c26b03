/* The φ of accrual failure detectors (Hayashibara et al., 2004): −log10 of how likely it is that a heartbeat is later still, where
 * they come as they did. Told to people, and acted on by nobody: with the floor that it needs it is a time-out by another name.
 *
 *     φ        0.3    1     2      8
 *     likely   1/2    1/10  1/100  1 in 100 million
 */
#include <math.h>
#include "ctl/view.h"

#define FLOOR_PARTS 2 /* of the interval: no network is so regular that half of one is a surprise */
#define LOG10_E 0.43429448190325182
#define PHI_MAX 99.9

/* The normal distribution's tail, approximated by a logistic one (as Akka has it; within 0.00014 of it). */
double view_phi(double age_ms, double mean_ms, double dev_ms, double interval_ms)
{
	double floor_ms = interval_ms / FLOOR_PARTS, dev = dev_ms > floor_ms ? dev_ms : floor_ms;
	double y = dev > 0 ? (age_ms - mean_ms) / dev : 0, x = y * (1.5976 + 0.070566 * y * y);
	/* tail = e^−x / (1 + e^−x); of its two forms the one that does not overflow */
	double phi = x > 0 ? x * LOG10_E + log1p(exp(-x)) * LOG10_E : log1p(exp(x)) * LOG10_E;
	return phi < PHI_MAX ? phi : PHI_MAX;
}
