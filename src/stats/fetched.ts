/**
 * Where a loop reads what lies anywhere in memory and branches on it, the processor waits for every read. Reading the same for some
 * hundred samples in a loop of its own first lets the reads overlap. Their sum is kept here, so that no compiler leaves them out.
 */
export const fetched = { sum: 0 };

/** For so many samples at a time: a power of 2. */
export const FETCHED = 256;
