/* What the files of the module _frames share: zstd, room that outlives a call, and the layout of a frame. */
#ifndef MDIO_FRAMES_H
#define MDIO_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "_repeats.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "frames are little-endian and read as they are; the package works without this module"
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define FAST __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define FAST
#endif

/* ---------------------------------------------------------------- zstd, in a library that is loaded already */

typedef void *(*create_fn)(void);
typedef size_t (*decompress_fn)(void *, void *, size_t, const void *, size_t);
typedef size_t (*compress_fn)(void *, void *, size_t, const void *, size_t);
typedef size_t (*parameter_fn)(void *, int, int);
typedef unsigned (*is_error_fn)(size_t);
typedef size_t (*bound_fn)(size_t);
typedef size_t (*sequences_fn)(void *, void *, size_t, const Sequence *, size_t, const void *, size_t);

typedef struct {
    create_fn create_decoder, create_encoder;
    decompress_fn decompress;
    compress_fn compress;
    parameter_fn set;
    is_error_fn is_error;
    bound_fn bound;
    sequences_fn compress_sequences; /* not in every library */
} Zstd;

extern Zstd zstd;

/* ---------------------------------------------------------------- room that outlives a call (_workers.c) */

typedef struct Worker {
    struct Worker *next;
    void *decoder, *encoder, *repeat_encoder;
    int level; /* that the encoder is set to; 0 for none */
    uint8_t *block, *stored, *frame, *repeats;
    size_t block_size, stored_size, frame_size, repeats_size;
} Worker;

Worker *take_worker(void);
void give_back(Worker *worker);
void survive_forks(void);

/* Room of at least so many bytes, whose content is lost where it has to grow; NULL where there is none. */
uint8_t *room(uint8_t **buffer, size_t *size, size_t wanted);

/* Let go of room that is too large to keep. */
void trim(uint8_t **buffer, size_t *size);

/* ---------------------------------------------------------------- _crc.c, RFC 3720 section 12.1 */

void prepare_crc(void);
uint32_t crc32c(uint32_t crc, const uint8_t *data, size_t size);

/* ---------------------------------------------------------------- byte planes (_planes.c) */

/* Take items apart: byte b of item k is number k of plane b. */
void split(const uint8_t *items, size_t count, size_t typesize, uint8_t *planes);

/* Put `count` items from position `first` of a block to `out`, `stride` bytes apart. An item has `size` bytes, `lanes`
 * neighbours are taken apart together: byte b of item k is number k / lanes of plane k % lanes * size + b. */
void join(const uint8_t *const *planes, size_t first, size_t count, size_t size, size_t lanes, uint8_t *out,
          ptrdiff_t stride);

/* ---------------------------------------------------------------- a frame */

static const uint8_t MAGIC[8] = {0x9f, 'M', 'D', 'I', 'O', 'c', '1', '\n'};
enum { HEADER = 16, MAX_DIMS = 8, MAX_ITEM = 255, SHUFFLE = 1, MEMCPYED = 2, BITSHUFFLE = 4, UNSPLIT = 16 };
enum { ZSTD = 4, MAX_SPLIT_ITEM = 16, MIN_SPLIT_ITEMS = 128 };

static inline uint32_t word_at(const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, 4);
    return word;
}

/* The same rule as frame.Layout.splits. */
static inline int splits(size_t typesize, size_t blocksize, size_t length)
{
    return typesize > 1 && typesize <= MAX_SPLIT_ITEM && blocksize / typesize >= MIN_SPLIT_ITEMS
        && length == blocksize;
}

/* ---------------------------------------------------------------- reading (_unpack.c) */

/* Of a file that is read in parts, `data` has room for all of the frame but only `have` bytes from its start. */
typedef struct {
    const uint8_t *data;
    size_t size, have;
    int file;
    off_t base;
} Stored;

typedef struct {
    int dims;
    size_t shape[MAX_DIMS];
    int64_t start[MAX_DIMS], stop[MAX_DIMS];
    ptrdiff_t strides[MAX_DIMS];
    uint8_t *out; /* of the first cell of the box */
} Box;

/* Decode a box of a chunk; 0 where that is for others to do. */
int unpack_box(Worker *worker, Stored *stored, const Box *box, size_t nbytes, size_t typesize);

/* ---------------------------------------------------------------- writing (_pack.c) */

typedef struct {
    int dims;
    size_t chunk[MAX_DIMS], part[MAX_DIMS];
    ptrdiff_t strides[MAX_DIMS];
    const uint8_t *values;
    const uint8_t *cell; /* one item of fill */
    int zero_fill;       /* its bytes are all zero */
    size_t typesize;
    size_t lanes; /* items that are taken apart together */
    size_t inner; /* items of a row */
} Chunk;

/* Give a worker the encoder that is told what repeats, unless it has it; 0 where zstd does not know how. */
int make_repeat_encoder(Worker *worker);

/* Return the bytes of the frame in `out`; 0 for a chunk of only fill, -1 where it cannot be done. */
int64_t pack_chunk(Worker *worker, const Chunk *chunk, size_t nbytes, size_t blocksize, int level, int keep_fill,
                   uint8_t *out, size_t capacity);

#endif
