/* Where a byte plane of a chunk repeats itself: one sample, one trace or one plane of traces further back.
 *
 * A general match finder hashes every position and finds many short matches anywhere. Neighbouring traces look alike,
 * so nearly all that is worth a match lies at distances that the shape of the chunk says. Comparing at these takes no
 * table; zstd keeps the last three distances at hand (RFC 8878, section 3.1.1.5, "repeat offsets"), so that they cost
 * next to nothing to store and little to follow.
 */
#ifndef MDIO_REPEATS_H
#define MDIO_REPEATS_H

#include <stddef.h>
#include <stdint.h>

enum { DISTANCES = 3, LEAST_REPEAT = 5 };

/* As ZSTD_Sequence of zstd.h; the last one has only literals. */
typedef struct {
    unsigned offset, literals, length, repeat;
} Sequence;

/* Scratch for a plane of `size` bytes, in 64-bit words. */
size_t repeat_words(size_t size);

/* The most sequences of a plane. */
size_t repeat_bound(size_t size);

/* Cut a plane into sequences and return how many; `distances` may be 0, which stands for none. */
size_t find_repeats(const uint8_t *plane, size_t size, const size_t *distances, uint64_t *scratch, Sequence *found);

#endif
