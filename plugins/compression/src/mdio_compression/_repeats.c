#include "_repeats.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Bit i says whether byte i is the one `distance` before it, for 64 bytes. */
static uint64_t equal64(const uint8_t *at, size_t distance)
{
#if defined(__SSE2__)
    uint64_t bits = 0;
    for (int k = 0; k < 4; k++) {
        __m128i here = _mm_loadu_si128((const __m128i *)(at + 16 * k));
        __m128i there = _mm_loadu_si128((const __m128i *)(at + 16 * k - distance));
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(here, there)) << 16 * k;
    }
    return bits;
#else
    uint64_t bits = 0;
    for (int k = 0; k < 8; k++) {
        uint64_t here, there;
        memcpy(&here, at + 8 * k, 8);
        memcpy(&there, at + 8 * k - distance, 8);
        uint64_t differs = here ^ there;
        /* The top bit of each byte that is not zero, then the eight of them side by side. */
        differs = ((differs & 0x7f7f7f7f7f7f7f7fu) + 0x7f7f7f7f7f7f7f7fu) | differs;
        uint64_t same = ~differs >> 7 & 0x0101010101010101u;
        bits |= (same * 0x0102040810204080u >> 56) << 8 * k;
    }
    return bits;
#endif
}

static uint64_t equal_one_by_one(const uint8_t *plane, size_t start, size_t stop, size_t distance)
{
    uint64_t bits = 0;
    for (size_t k = start < distance ? distance : start; k < stop; k++)
        bits |= (uint64_t)(plane[k] == plane[k - distance]) << (k - start);
    return bits;
}

static void compare(const uint8_t *plane, size_t size, size_t distance, uint64_t *bits, size_t words)
{
    memset(bits, 0, words * sizeof *bits);
    if (!distance || distance >= size)
        return;
    for (size_t word = distance / 64; 64 * word < size; word++) {
        size_t start = 64 * word, stop = start + 64;
        bits[word] = start >= distance && stop <= size
            ? equal64(plane + start, distance)
            : equal_one_by_one(plane, start, stop < size ? stop : size, distance);
    }
}

/* Bit i says whether LEAST_REPEAT bits from i on are set: 2, then 4, then 5. */
static uint64_t starts(const uint64_t *bits)
{
    uint64_t next = bits[1];
    uint64_t two = bits[0] & (bits[0] >> 1 | next << 63), two_next = next & next >> 1;
    uint64_t four = two & (two >> 2 | two_next << 62);
    return four & (bits[0] >> 4 | next << 60);
}

/* The 64 bits from `at` on. */
static uint64_t window(const uint64_t *bits, size_t at)
{
    size_t word = at / 64, shift = at % 64;
    return bits[word] >> shift | bits[word + 1] << 1 << (63 - shift);
}

/* How many bits from `at` on are set, 63 for that many and more. There is no branch, for none could be foreseen. */
static size_t short_run(const uint64_t *bits, size_t at)
{
    return (size_t)__builtin_ctzll(~window(bits, at) | UINT64_C(1) << 63);
}

static size_t run(const uint64_t *bits, size_t at)
{
    size_t length = 0, some;
    do
        length += some = short_run(bits, at + length);
    while (some == 63);
    return length;
}

static size_t max(size_t one, size_t other) { return one > other ? one : other; }

/* The longest run at `at` and the distance it has, of equals the first. */
static Sequence longest(uint64_t *const *bits, const size_t *distances, size_t at)
{
    size_t best = max(max(4 * short_run(bits[0], at) + 2, 4 * short_run(bits[1], at) + 1), 4 * short_run(bits[2], at));
    if (best / 4 == 63)
        best = max(max(4 * run(bits[0], at) + 2, 4 * run(bits[1], at) + 1), 4 * run(bits[2], at));
    return (Sequence){(unsigned)distances[2 - best % 4], 0, (unsigned)(best / 4), 0};
}

/* Words for the bits of a plane, and some behind them that are not set. */
static size_t words_of(size_t size) { return size / 64 + 3; }

size_t repeat_words(size_t size) { return (DISTANCES + 1) * words_of(size); }

size_t repeat_bound(size_t size) { return size / LEAST_REPEAT + 2; }

size_t find_repeats(const uint8_t *plane, size_t size, const size_t *distances, uint64_t *scratch, Sequence *found)
{
    size_t words = words_of(size), count = 0, done = 0, at = 0;
    uint64_t *bits[DISTANCES], *begin = scratch + DISTANCES * words;
    for (size_t k = 0; k < DISTANCES; k++) {
        bits[k] = scratch + k * words;
        compare(plane, size, distances[k], bits[k], words);
    }
    for (size_t word = 0; word < words - 1; word++)
        begin[word] = starts(bits[0] + word) | starts(bits[1] + word) | starts(bits[2] + word);
    begin[words - 1] = 0;
    while (at < size) {
        uint64_t next = window(begin, at);
        if (!next) {
            at += 64;
            continue;
        }
        at += (size_t)__builtin_ctzll(next);
        Sequence repeat = longest(bits, distances, at);
        repeat.literals = (unsigned)(at - done);
        found[count++] = repeat;
        done = at += repeat.length;
    }
    found[count++] = (Sequence){0, (unsigned)(size - done), 0, 0};
    return count;
}
