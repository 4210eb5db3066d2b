/* ZFP streams of float32 chunks in fixed-accuracy mode, written without the interpreter's lock.
 *
 * What zfpy.compress_numpy(array, tolerance=…) writes for 1, 2 and 3 dimensions, bit for bit, for samples of ordinary
 * size; everything else is refused with a plain "not done", and zfpy has its turn. The format is that of the ZFP
 * documentation, chapters "Algorithm" and "Compressed stream", and of P. Lindstrom, "Fixed-Rate Compressed
 * Floating-Point Arrays", IEEE TVCG 20 (12), 2014. Where these leave something open, zfpy is the judge.
 *
 * Eight blocks are worked on at once: a row of every array below is the same sample, or coefficient, of eight blocks,
 * so that the transform is plain arithmetic on rows. The
 * bit planes are then coded block by block without a loop over coefficients.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || FLT_MANT_DIG != 24 || FLT_MAX_EXP != 128 \
    || SIZE_MAX <= UINT32_MAX
#error "streams are little-endian, samples IEEE 754, and sizes have 64 bits; the package works without this module"
#endif

#define INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define HAS_AVX2 1
#define AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define INLINE_AVX2 static inline __attribute__((always_inline, target("avx2,bmi,bmi2,lzcnt,popcnt")))
#else
#define HAS_AVX2 0
#endif

enum { LANES = 8, MAX_SIZE = 64, PLANES = 32, BIAS = 127, FRACTION = 23, BLOCK_BITS = 9 };
/* Between these the powers of two that blocks are scaled with are float32, whatever the samples. */
enum { MIN_EXPONENT = -80, MAX_EXPONENT = 127 };

/* Blocks are laid out with the first axis, here called x, the fastest one. Axes that are not there have length 1. */
typedef struct {
    const uint8_t *samples; /* of any alignment */
    int dims, min_exponent;
    size_t lengths[3], blocks[3];
    int32_t limit; /* bits of the largest magnitude */
} Chunk;

/* Rows; vectors are an extension of GCC and Clang, made of whatever the processor has. */
typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES)));
typedef float Four __attribute__((vector_size(16), may_alias));
typedef int32_t FourInts __attribute__((vector_size(16)));
#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (FourInts){__VA_ARGS__})
#endif
#define HALF(row) ((Bits)((Ints)(row) >> 1))
#define CHOOSE(where, yes, no) (((where) & (yes)) | (~(where) & (no)))

typedef struct {
    Floats samples[MAX_SIZE], scale;
    Bits values[MAX_SIZE], any;
    Ints exponent, precision;
    uint8_t bytes[LANES][4][MAX_SIZE]; /* highest byte first, coefficients by sequency */
} Group;

/* Coefficients by total sequency i + j + k, then by i² + j² + k² (ZFP documentation, "Algorithm", step 5); the order
 * among equals is by experiment. A place is i + 4 j + 16 k. */
static const uint8_t ORDER[3][MAX_SIZE] = {
    {0, 1, 2, 3},
    {0, 1, 4, 5, 2, 8, 6, 9, 3, 12, 10, 7, 13, 11, 14, 15},
    {0,  1,  4,  16, 20, 17, 5,  2,  8,  32, 21, 6,  18, 24, 9,  33, 36, 3,  12, 48, 22, 25,
     37, 40, 34, 10, 7,  19, 28, 13, 49, 52, 41, 38, 26, 23, 29, 53, 11, 35, 44, 14, 50, 56,
     42, 27, 39, 45, 30, 54, 57, 60, 51, 15, 43, 46, 58, 61, 55, 31, 62, 59, 47, 63},
};

/* ---------------------------------------------------------------- bits, lowest first, in words of 64 */

typedef struct {
    uint64_t *at, pending;
    unsigned used; /* bits of `pending`, less than 64 */
} Writer;

/* Append the lowest `count` bits of a value that has no others; up to 64. The word is stored whether it is full or not,
 * since a branch that depends on the data costs more than the store. */
INLINE void put(Writer *out, uint64_t value, unsigned count)
{
    uint64_t pending = out->pending | value << out->used, rest = value >> 1 >> (63 - out->used);
    unsigned used = out->used + count;
    memcpy(out->at, &pending, 8);
    out->at += used >> 6;
    out->pending = used >> 6 ? rest : pending;
    out->used = used & 63;
}

/* ---------------------------------------------------------------- eight blocks in */

/* The row that a block of a group is in: the one in which transposing vectors of 4 or 8 leaves it. */
INLINE int lane_of(int block) { return block >> 1 | (block & 1) << 2; }

INLINE void advance(const Chunk *chunk, size_t *block)
{
    if (++block[0] == chunk->blocks[0]) {
        block[0] = 0;
        if (++block[1] == chunk->blocks[1]) {
            block[1] = 0;
            block[2]++;
        }
    }
}

/* Which sample stands for the missing ones of a block that the chunk's edge cuts, by the length of what is there. */
static const uint8_t STANDS_FOR[5][4] = {{0}, {0, 0, 0, 0}, {0, 1, 1, 0}, {0, 1, 2, 0}, {0, 1, 2, 3}};

INLINE void gather(const Chunk *chunk, int dims, const size_t *block, Floats *rows, int lane)
{
    size_t start[3], strides[3] = {1, chunk->lengths[0], chunk->lengths[0] * chunk->lengths[1]};
    const uint8_t *pick[3];
    for (int axis = 0; axis < 3; axis++) {
        size_t left = chunk->lengths[axis] - 4 * block[axis];
        start[axis] = 4 * block[axis] * strides[axis];
        pick[axis] = STANDS_FOR[left < 4 ? left : 4];
    }
    for (int k = 0; k < (dims > 2 ? 4 : 1); k++)
        for (int j = 0; j < (dims > 1 ? 4 : 1); j++) {
            size_t line = start[2] + pick[2][k] * strides[2] + start[1] + pick[1][j] * strides[1] + start[0];
            for (int i = 0; i < 4; i++)
                memcpy((float *)&rows[i + 4 * j + 16 * k] + lane, chunk->samples + 4 * (line + pick[0][i]), 4);
        }
}

/* Eight whole blocks side by side: 4×4 transpositions. */
INLINE void load(const Chunk *chunk, int dims, const size_t *block, Floats *rows)
{
    for (int k = 0; k < (dims > 2 ? 4 : 1); k++)
        for (int j = 0; j < (dims > 1 ? 4 : 1); j++) {
            size_t line = ((4 * block[2] + k) * chunk->lengths[1] + 4 * block[1] + j) * chunk->lengths[0];
            Four v[8], *to = (Four *)(rows + 4 * j + 16 * k);
            memcpy(v, chunk->samples + 4 * (line + 4 * block[0]), sizeof v);
            for (int n = 0; n < 2; n++) {
                Four a = SHUFFLE(v[n], v[n + 2], 0, 4, 1, 5), b = SHUFFLE(v[n], v[n + 2], 2, 6, 3, 7);
                Four p = SHUFFLE(v[n + 4], v[n + 6], 0, 4, 1, 5), q = SHUFFLE(v[n + 4], v[n + 6], 2, 6, 3, 7);
                to[n] = SHUFFLE(a, p, 0, 1, 4, 5);
                to[n + 2] = SHUFFLE(a, p, 2, 3, 6, 7);
                to[n + 4] = SHUFFLE(b, q, 0, 1, 4, 5);
                to[n + 6] = SHUFFLE(b, q, 2, 3, 6, 7);
            }
        }
}

/* ---------------------------------------------------------------- eight blocks through the transform */

/* Set exponent, precision and scale of each block; 0 where a sample is larger than the limit, or no number.
 *
 * The exponent is that of the largest magnitude x = m·2^e with 0.5 <= m < 1. Planes that weigh less than the tolerance,
 * by two bits for each dimension and two more, are left out (ZFP documentation, "fixed-accuracy mode"). */
INLINE int measure(Group *group, int dims, const Chunk *chunk)
{
    Ints top, all = (Ints){0} + PLANES;
    FourInts halves[2] = {{0}}; /* comparisons of longer vectors are taken apart where the processor has none */
    for (int c = 0; c < 1 << 2 * dims; c++)
        for (int n = 0; n < 2; n++) { /* magnitudes are ordered as their bits are; infinity and NaN come last */
            FourInts bits = (FourInts)((const Four *)&group->samples[c])[n] & INT32_MAX;
            halves[n] = CHOOSE(bits > halves[n], bits, halves[n]);
        }
    memcpy(&top, halves, sizeof top);
    Ints above = top > chunk->limit;
    for (int n = 0; n < LANES; n++)
        if (above[n])
            return 0;
    group->exponent = (top >> FRACTION) - (BIAS - 1);
    Ints precision = group->exponent - chunk->min_exponent + 2 * (dims + 1);
    precision &= (precision > 0) & (top > 0);
    group->precision = CHOOSE(precision > PLANES, all, precision);
    group->scale = (Floats)((precision > 0) & (BIAS + PLANES - 2 - group->exponent) << FRACTION);
    return 1;
}

/* The decorrelating transform of four values, in the lifting steps of the 2014 paper, figure 3. Sums wrap around. */
INLINE void lift(Bits *rows, int step)
{
    Bits x = rows[0], y = rows[step], z = rows[2 * step], w = rows[3 * step];
    x += w, x = HALF(x), w -= x;
    z += y, z = HALF(z), y -= z;
    x += z, x = HALF(x), z -= x;
    w += y, w = HALF(w), y -= w;
    w += HALF(y), y -= HALF(w);
    rows[0] = x, rows[step] = y, rows[2 * step] = z, rows[3 * step] = w;
}

/* Turn samples into coefficients in negabinary, and set `any` to the bits that occur in each block. */
INLINE void transform(Group *group, int dims)
{
    const Bits alternate = (Bits){0} + 0xAAAAAAAAu;
    Bits *values = group->values;
    for (int c = 0; c < 1 << 2 * dims; c++)
        values[c] = (Bits)__builtin_convertvector(group->samples[c] * group->scale, Ints);
    for (int c = 0; c < 1 << 2 * dims; c += 4)
        lift(values + c, 1);
    for (int c = 0; dims > 1 && c < 1 << 2 * dims; c += c % 4 == 3 ? 13 : 1)
        lift(values + c, 4);
    for (int c = 0; dims > 2 && c < 16; c++)
        lift(values + c, 16);
    Bits any = {0};
    for (int c = 0; c < 1 << 2 * dims; c++) {
        values[c] = (values[c] + alternate) ^ alternate;
        any |= values[c];
    }
    group->any = any;
}

/* ---------------------------------------------------------------- bit planes out, on any processor */

/* Coefficient 8 k + i is byte k of word i, so that transposing bits between words gives planes. */
INLINE void split_bytes(Group *group, int dims, int depth)
{
    for (int c = 0; c < 1 << 2 * dims; c++)
        for (int n = 0; n < LANES; n++)
            for (int byte = 0; byte < depth; byte++)
                group->bytes[n][byte][8 * (c % 8) + c / 8] =
                    (uint8_t)(group->values[ORDER[dims - 1][c]][n] >> (24 - 8 * byte));
}

/* Exchange the bits of a word under a mask with those that many places higher in another. */
#define EXCHANGE(higher, lower, places, mask) \
    do { \
        uint64_t differ = ((higher) >> (places) ^ (lower)) & (mask); \
        (higher) ^= differ << (places), (lower) ^= differ; \
    } while (0)

/* Set at least the planes from `first` to `stop`, counted from the highest; bit c is that of coefficient c. */
INLINE void gather_planes(const uint8_t (*bytes)[MAX_SIZE], int dims, int first, int stop, uint64_t *planes)
{
    (void)dims;
    for (int byte = first / 8; 8 * byte < stop; byte++) {
        uint64_t word[8];
        memcpy(word, bytes[byte], 64);
        for (int i = 0; i < 4; i++)
            EXCHANGE(word[i], word[i + 4], 4, 0x0F0F0F0F0F0F0F0Fu);
        for (int i = 0; i < 8; i += i % 2 ? 3 : 1)
            EXCHANGE(word[i], word[i + 2], 2, 0x3333333333333333u);
        for (int i = 0; i < 8; i += 2)
            EXCHANGE(word[i], word[i + 1], 1, 0x5555555555555555u);
        for (int i = 0; i < 8; i++)
            planes[8 * byte + 7 - i] = word[i];
    }
}

static struct {
    uint16_t bits;
    uint8_t length;
} expanded[256];

static void prepare_expanded(void)
{
    for (unsigned byte = 0; byte < 256; byte++)
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned one = byte >> bit & 1;
            expanded[byte].bits |= (uint16_t)((one ? 3u : 0u) << expanded[byte].length);
            expanded[byte].length += (uint8_t)(1 + one);
        }
}

/* Up to 32 bits of a plane, each 1 doubled; `length` grows by the number of ones. */
INLINE uint64_t expand(uint32_t plane, unsigned *length)
{
    uint64_t bits = 0;
    unsigned at = 0, bytes = 0;
    for (; plane; plane >>= 8, bytes += 8) {
        bits |= (uint64_t)expanded[plane & 255].bits << at;
        at += expanded[plane & 255].length;
    }
    *length += at - bytes;
    return bits;
}

/* ---------------------------------------------------------------- the same with AVX2 and BMI2 */

#if HAS_AVX2
/* Transpose bytes: of four coefficients in two steps, then of four such fours. Only `depth` bytes are wanted. */
INLINE_AVX2 void split_bytes_avx2(Group *group, int dims, int depth)
{
    const uint8_t *order = ORDER[dims - 1];
    for (int c = 0; c < 1 << 2 * dims; c += 16) {
        __m256i fours[4][4]; /* blocks n and n + 4, coefficients c + 4 m and on: four bytes of each significance */
        for (int m = 0; m < (dims > 1 ? 4 : 1); m++) {
            __m256i v[4];
            for (int k = 0; k < 4; k++)
                v[k] = (__m256i)group->values[order[c + 4 * m + k]];
            __m256i a = _mm256_unpacklo_epi8(v[0], v[1]), b = _mm256_unpackhi_epi8(v[0], v[1]);
            __m256i p = _mm256_unpacklo_epi8(v[2], v[3]), q = _mm256_unpackhi_epi8(v[2], v[3]);
            fours[m][0] = _mm256_unpacklo_epi16(a, p);
            fours[m][1] = _mm256_unpackhi_epi16(a, p);
            fours[m][2] = _mm256_unpacklo_epi16(b, q);
            fours[m][3] = _mm256_unpackhi_epi16(b, q);
        }
        for (int m = 1; dims == 1 && m < 4; m++)
            for (int n = 0; n < 4; n++)
                fours[m][n] = _mm256_setzero_si256();
        for (int n = 0; n < 4; n++) {
            __m256i a = _mm256_unpacklo_epi32(fours[0][n], fours[1][n]);
            __m256i b = _mm256_unpackhi_epi32(fours[0][n], fours[1][n]);
            __m256i p = _mm256_unpacklo_epi32(fours[2][n], fours[3][n]);
            __m256i q = _mm256_unpackhi_epi32(fours[2][n], fours[3][n]);
            __m256i sixteen[4] = {_mm256_unpackhi_epi64(b, q), _mm256_unpacklo_epi64(b, q),
                                  _mm256_unpackhi_epi64(a, p), _mm256_unpacklo_epi64(a, p)};
            for (int byte = 0; byte < depth; byte++) {
                _mm_storeu_si128((__m128i *)(void *)(group->bytes[n][byte] + c), _mm256_castsi256_si128(sixteen[byte]));
                _mm_storeu_si128((__m128i *)(void *)(group->bytes[n + 4][byte] + c),
                                 _mm256_extracti128_si256(sixteen[byte], 1));
            }
        }
    }
}

INLINE_AVX2 void gather_planes_avx2(const uint8_t (*bytes)[MAX_SIZE], int dims, int first, int stop, uint64_t *planes)
{
    for (int byte = first / 8; 8 * byte < stop; byte++) {
        __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)bytes[byte]);
        __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(bytes[byte] + 32));
        for (int plane = 8 * byte; plane < 8 * byte + 8; plane++) {
            planes[plane] = (uint32_t)_mm256_movemask_epi8(low);
            low = _mm256_add_epi8(low, low);
            if (dims > 2) {
                planes[plane] |= (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
                high = _mm256_add_epi8(high, high);
            }
        }
        for (int plane = 8 * byte; dims < 3 && plane < 8 * byte + 8; plane++)
            planes[plane] &= dims == 1 ? 0xF : 0xFFFF;
    }
}

INLINE_AVX2 uint64_t expand_avx2(uint32_t plane, unsigned *length)
{
    const uint64_t even = 0x5555555555555555u;
    uint64_t bits = _pdep_u64(plane, even);
    *length += (unsigned)_mm_popcnt_u32(plane);
    return _pext_u64(bits * 3, bits << 1 | even); /* of each pair of zeros one is taken away */
}
#endif

/* ---------------------------------------------------------------- chunks */

typedef struct {
    void (*split_bytes)(Group *, int dims, int depth);
    void (*gather_planes)(const uint8_t (*bytes)[MAX_SIZE], int dims, int first, int stop, uint64_t *planes);
    uint64_t (*expand)(uint32_t plane, unsigned *length);
} Means;

/* Code planes by group tests (ZFP documentation, "Algorithm", step 6).
 *
 * The bits of coefficients that are significant already come as they are, then the test whether any other has a 1. Of
 * these others, each 1 is followed by the test whether there is another one, up to the last 1. The last coefficient of
 * all, which can only be the one that a test has found, is not written, and no test follows. */
INLINE void put_planes(Writer *out, const uint64_t *planes, int plane, int stop, unsigned size, const Means *means)
{
    unsigned significant = 0;
    for (; plane < stop && significant < size; plane++) {
        uint64_t rest = planes[plane] >> significant, known = planes[plane] & ((UINT64_C(1) << significant) - 1);
        unsigned more = 64 - (unsigned)__builtin_clzll(rest | 1) - !rest;
        put(out, known | (uint64_t)(rest != 0) << significant, significant + 1);
        significant += more;
        if (more > 32) { /* too long for one word, which is rare */
            unsigned length = 32;
            uint64_t bits = means->expand((uint32_t)rest, &length);
            put(out, bits, length);
            rest >>= 32, more -= 32;
        }
        uint64_t bits = means->expand((uint32_t)rest, &more);
        unsigned all = significant == size;
        put(out, bits & ((UINT64_C(1) << ((more - 1 - all) & 63)) - 1), more - 2 * all);
    }
    for (; plane < stop; plane++)
        put(out, planes[plane], size);
}

/* A block: a bit whether anything follows, eight bits of its exponent, then its planes. The tests of planes that are
 * empty at the beginning are written at once. */
INLINE void put_block(Writer *out, const Group *group, int lane, int dims, const Means *means)
{
    uint64_t planes[PLANES], head = (uint64_t)(group->exponent[lane] + BIAS) << 1 | 1;
    int precision = group->precision[lane], first = group->any[lane] ? __builtin_clz(group->any[lane]) : PLANES;
    if (!precision) {
        put(out, 0, 1);
    } else if (first >= precision) {
        put(out, head, BLOCK_BITS + (unsigned)precision);
    } else {
        put(out, head, BLOCK_BITS + (unsigned)first);
        means->gather_planes((const uint8_t (*)[MAX_SIZE])group->bytes[lane], dims, first, precision, planes);
        put_planes(out, planes, first, precision, 1u << 2 * dims, means);
    }
}

/* Append all blocks; 0 where a sample is larger than the limit. */
INLINE int put_blocks(Writer *out, const Chunk *chunk, int dims, const Means *means)
{
    Group group;
    size_t block[3] = {0, 0, 0}, whole[3];
    size_t left = chunk->blocks[0] * chunk->blocks[1] * chunk->blocks[2];
    Writer writer = *out; /* of its own, for it to be kept in registers */
    memset(&group, 0, sizeof group);
    for (int axis = 0; axis < 3; axis++)
        whole[axis] = axis < dims ? chunk->lengths[axis] / 4 : 1;
    while (left) {
        int count = left < LANES ? (int)left : LANES, depth = 0;
        left -= (size_t)count;
        if (block[0] + LANES <= whole[0] && block[1] < whole[1] && block[2] < whole[2]) {
            load(chunk, dims, block, group.samples);
            block[0] += LANES - 1;
            advance(chunk, block);
        } else {
            for (int n = 0; n < count; n++, advance(chunk, block))
                gather(chunk, dims, block, group.samples, lane_of(n));
        }
        if (!measure(&group, dims, chunk))
            return 0;
        for (int n = 0; n < LANES; n++)
            depth = (group.precision[n] + 7) / 8 > depth ? (group.precision[n] + 7) / 8 : depth;
        if (depth) {
            transform(&group, dims);
            means->split_bytes(&group, dims, depth);
        }
        for (int n = 0; n < count; n++)
            put_block(&writer, &group, lane_of(n), dims, means);
    }
    *out = writer;
    return 1;
}

static int put_portable(Writer *out, const Chunk *chunk)
{
    static const Means means = {split_bytes, gather_planes, expand};
    return chunk->dims == 1 ? put_blocks(out, chunk, 1, &means)
        : chunk->dims == 2  ? put_blocks(out, chunk, 2, &means)
                            : put_blocks(out, chunk, 3, &means);
}

#if HAS_AVX2
AVX2 static int put_avx2(Writer *out, const Chunk *chunk)
{
    static const Means means = {split_bytes_avx2, gather_planes_avx2, expand_avx2};
    return chunk->dims == 1 ? put_blocks(out, chunk, 1, &means)
        : chunk->dims == 2  ? put_blocks(out, chunk, 2, &means)
                            : put_blocks(out, chunk, 3, &means);
}

static int has_avx2(void)
{
    unsigned a, b, c, d;
    __builtin_cpu_init();
    /* The first two generations of Zen have BMI2, but take a bit at a time for what is used of it here. */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
        && __builtin_cpu_supports("popcnt") && __get_cpuid(0x80000001u, &a, &b, &c, &d) && c & 1 << 5 /* lzcnt */
        && !__builtin_cpu_is("znver1") && !__builtin_cpu_is("znver2");
}
#endif

/* "zfp" and the version of the codec; then 2 bits of type, 2 of dimensions less one, 48 shared evenly by the lengths
 * less one; then 12 bits of mode (ZFP documentation, "zfp_write_header", full header, and "zfp_stream_mode": modes of
 * fixed accuracy are counted from 2177, exponents from that of the smallest denormal double). */
static void put_header(Writer *out, const Chunk *chunk)
{
    const uint64_t magic = 'z' | 'f' << 8 | 'p' << 16 | 5 << 24, float32 = 2;
    unsigned bits = 48 / (unsigned)chunk->dims;
    uint64_t lengths = 0;
    for (int axis = 0; axis < chunk->dims; axis++)
        lengths |= (uint64_t)(chunk->lengths[axis] - 1) << bits * (unsigned)axis;
    put(out, magic, 32);
    put(out, float32 | (uint64_t)(chunk->dims - 1) << 2 | lengths << 4, 52);
    put(out, (uint64_t)(2177 + 1074 + chunk->min_exponent), 12);
}

/* Describe a chunk; 0 where that is not one for here. */
static int describe(Chunk *chunk, const Py_buffer *array, int min_exponent, double limit)
{
    float largest = limit >= FLT_MAX ? FLT_MAX : (float)limit;
    const char *format = array->format ? array->format : "B";
    format += *format == '=' || *format == '<'; /* numpy's for samples that are not aligned */
    if (array->ndim < 1 || array->ndim > 3 || array->itemsize != 4 || strcmp(format, "f")
        || min_exponent < MIN_EXPONENT || min_exponent > MAX_EXPONENT || !(limit >= 0))
        return 0;
    memcpy(&chunk->limit, &largest, 4);
    chunk->limit -= largest > limit; /* rounded up: the next smaller one */
    chunk->samples = array->buf;
    chunk->dims = array->ndim;
    chunk->min_exponent = min_exponent;
    for (int axis = 0; axis < 3; axis++) {
        Py_ssize_t length = axis < array->ndim ? array->shape[array->ndim - 1 - axis] : 1;
        if (length < 1 || (uint64_t)(length - 1) >> 48 / array->ndim)
            return 0;
        chunk->lengths[axis] = (size_t)length;
        chunk->blocks[axis] = ((size_t)length - 1) / 4 + 1;
    }
    return 1;
}

/* The most bytes of a stream: every plane with as many tests as bits, though there are never that many. */
static size_t bound(const Chunk *chunk)
{
    size_t bits = BLOCK_BITS + PLANES * 2 * ((size_t)1 << 2 * chunk->dims);
    return 32 + chunk->blocks[0] * chunk->blocks[1] * chunk->blocks[2] * ((bits + 7) / 8);
}

static PyObject *encode_by(int (*put_chunk)(Writer *, const Chunk *), PyObject *args)
{
    PyObject *given, *stream = NULL;
    Py_buffer array;
    Chunk chunk;
    int min_exponent, done = 0;
    double limit;
    if (!PyArg_ParseTuple(args, "Oid", &given, &min_exponent, &limit)
        || PyObject_GetBuffer(given, &array, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0)
        return NULL;
    if (!describe(&chunk, &array, min_exponent, limit)) {
        PyErr_SetString(PyExc_ValueError, "the array, the exponent or the limit is not one for this module");
        goto release;
    }
    uint64_t *room = NULL;
    Writer out = {0};
    Py_BEGIN_ALLOW_THREADS
    out.at = room = malloc(bound(&chunk));
    if (room) {
        put_header(&out, &chunk);
        done = put_chunk(&out, &chunk);
        put(&out, 0, (64 - out.used) & 63); /* streams end with whole words */
    }
    Py_END_ALLOW_THREADS
    if (!room)
        PyErr_NoMemory();
    else if (!done)
        stream = Py_NewRef(Py_None);
    else
        stream = PyBytes_FromStringAndSize((const char *)room, (out.at - room) * 8);
    free(room);
release:
    PyBuffer_Release(&array);
    return stream;
}

static PyObject *encode_portable(PyObject *module, PyObject *args)
{
    (void)module;
    return encode_by(put_portable, args);
}

static int (*put_fastest)(Writer *, const Chunk *) = put_portable;

static PyObject *encode(PyObject *module, PyObject *args)
{
    (void)module;
    return encode_by(put_fastest, args);
}

PyDoc_STRVAR(encode_doc,
"encode(array, min_exponent, limit)\n--\n\n"
"Return the stream of a contiguous float32 array of 1 to 3 dimensions, None where a sample is no number or larger than\n"
"the limit. The tolerance is 2 to the power of min_exponent, which is from -80 to 127.");

static PyMethodDef methods[] = {
    {"encode", encode, METH_VARARGS, encode_doc},
    {"encode_portable", encode_portable, METH_VARARGS,
     "encode_portable(array, min_exponent, limit)\n--\n\nThe same without instructions of particular processors."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_zfp", .m_doc = "ZFP streams without the interpreter's lock.",
    .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit__zfp(void)
{
    prepare_expanded();
#if HAS_AVX2
    if (has_avx2())
        put_fastest = put_avx2;
#endif
    return PyModule_Create(&definition);
}
