/* Blosc-1 frames with zstd streams, read and written without the interpreter's lock.
 *
 * What mdio_compression.blosc, .decode and .frame say in Python, for the frames that nearly all data are in: zstd,
 * shuffled, items of any size. Everything else - other streams, damage of any kind, a frame whose head does not add
 * up - is refused with a plain "not done", and the Python code, which knows the words for it, has its turn. So
 * nothing here raises an error about data, and every length that is read from a frame is compared with what is there
 * before it is used.
 *
 * zstd itself comes from a library that is loaded already: the addresses of six functions of its stable interface are
 * handed to connect(). CRC32C is the Castagnoli polynomial of RFC 3720, section 12.1.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#error "positioned reads are done with pread; the package works without this module"
#endif
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "_repeats.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "frames are little-endian and read as they are; the package works without this module"
#endif

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define FAST __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define FAST
#endif

/* ---------------------------------------------------------------- zstd */

typedef void *(*create_fn)(void);
typedef size_t (*decompress_fn)(void *, void *, size_t, const void *, size_t);
typedef size_t (*compress_fn)(void *, void *, size_t, const void *, size_t);
typedef size_t (*parameter_fn)(void *, int, int);
typedef unsigned (*is_error_fn)(size_t);
typedef size_t (*bound_fn)(size_t);
typedef size_t (*sequences_fn)(void *, void *, size_t, const Sequence *, size_t, const void *, size_t);

static struct {
    create_fn create_decoder, create_encoder;
    decompress_fn decompress;
    compress_fn compress;
    parameter_fn set;
    is_error_fn is_error;
    bound_fn bound;
    sequences_fn compress_sequences; /* not in every library */
} zstd;

/* zstd.h, "advanced compression API": ZSTD_cParameter; of its experimental part ZSTD_c_blockDelimiters and
 * ZSTD_c_searchForExternalRepcodes, without which equal distances are stored again and again. */
enum { LEVEL = 100, WINDOW_LOG = 101, HASH_LOG = 102, MIN_MATCH = 105, DELIMITED = 1008, FIND_REPEATED = 1016 };
enum { MAX_ZSTD_BLOCK = 1 << 17 };

/* ---------------------------------------------------------------- room that outlives a call */

typedef struct Worker {
    struct Worker *next;
    void *decoder, *encoder, *repeat_encoder;
    int level; /* that the encoder is set to; 0 for none */
    uint8_t *block, *stored, *frame, *repeats;
    size_t block_size, stored_size, frame_size, repeats_size;
} Worker;

static Worker *idle;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;

static Worker *take_worker(void)
{
    pthread_mutex_lock(&idle_lock);
    Worker *worker = idle;
    if (worker)
        idle = worker->next;
    pthread_mutex_unlock(&idle_lock);
    return worker ? worker : calloc(1, sizeof(Worker));
}

static void give_back(Worker *worker)
{
    pthread_mutex_lock(&idle_lock);
    worker->next = idle;
    idle = worker;
    pthread_mutex_unlock(&idle_lock);
}

/* Between fork and exec nobody may hold the lock. */
static void before_fork(void) { pthread_mutex_lock(&idle_lock); }
static void after_fork(void) { pthread_mutex_unlock(&idle_lock); }

#define KEPT ((size_t)4 << 20) /* the most bytes of a buffer that are kept from call to call */

static uint8_t *room(uint8_t **buffer, size_t *size, size_t wanted)
{
    if (*size < wanted) {
        free(*buffer);
        *buffer = malloc(wanted);
        *size = *buffer ? wanted : 0;
    }
    return *buffer;
}

static void trim(uint8_t **buffer, size_t *size)
{
    if (*size > KEPT) {
        free(*buffer);
        *buffer = NULL;
        *size = 0;
    }
}

/* ---------------------------------------------------------------- CRC32C */

static uint32_t crc_table[8][256];
static int has_crc_instruction;

#if defined(__x86_64__)
/* The instruction takes a word a cycle, but its result only after three: three runs are worked on side by side, and
 * joined by carrying the first over the zeros that the second is long, and so on. Carrying is linear, so it is looked up
 * byte by byte. */
enum { RUN = 1024 };
static uint32_t over_run[4][256];

__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *data, size_t size)
{
    uint64_t one = crc, word[3];
    for (; size >= 3 * RUN; size -= 3 * RUN, data += 3 * RUN) {
        uint64_t two = 0, three = 0;
        for (size_t k = 0; k < RUN; k += 8) {
            memcpy(word, data + k, 8);
            memcpy(word + 1, data + RUN + k, 8);
            memcpy(word + 2, data + 2 * RUN + k, 8);
            one = _mm_crc32_u64(one, word[0]);
            two = _mm_crc32_u64(two, word[1]);
            three = _mm_crc32_u64(three, word[2]);
        }
        two ^= over_run[0][one & 255] ^ over_run[1][one >> 8 & 255] ^ over_run[2][one >> 16 & 255] ^ over_run[3][one >> 24];
        one = three ^ over_run[0][two & 255] ^ over_run[1][two >> 8 & 255] ^ over_run[2][two >> 16 & 255]
            ^ over_run[3][two >> 24];
    }
    for (; size >= 8; size -= 8, data += 8) {
        memcpy(word, data, 8);
        one = _mm_crc32_u64(one, word[0]);
    }
    crc = (uint32_t)one;
    for (; size; size--)
        crc = _mm_crc32_u8(crc, *data++);
    return crc;
}
#endif

static void prepare_crc(void)
{
    for (int n = 0; n < 256; n++) {
        uint32_t crc = (uint32_t)n;
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
        crc_table[0][n] = crc;
    }
    for (int n = 0; n < 256; n++)
        for (int k = 1; k < 8; k++)
            crc_table[k][n] = (crc_table[k - 1][n] >> 8) ^ crc_table[0][crc_table[k - 1][n] & 255];
#if defined(__x86_64__)
    has_crc_instruction = __builtin_cpu_supports("sse4.2");
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t crc = n << 8 * byte;
            for (int k = 0; k < RUN; k++)
                crc = (crc >> 8) ^ crc_table[0][crc & 255];
            over_run[byte][n] = crc;
        }
#endif
}

static uint32_t crc32c(uint32_t crc, const uint8_t *data, size_t size)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (has_crc_instruction)
        return ~crc_by_instruction(crc, data, size);
#endif
    for (; size >= 8; size -= 8, data += 8) {
        uint32_t low, high;
        memcpy(&low, data, 4);
        memcpy(&high, data + 4, 4);
        low ^= crc;
        crc = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^ crc_table[5][low >> 16 & 255]
            ^ crc_table[4][low >> 24] ^ crc_table[3][high & 255] ^ crc_table[2][high >> 8 & 255]
            ^ crc_table[1][high >> 16 & 255] ^ crc_table[0][high >> 24];
    }
    for (; size; size--)
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *data++) & 255];
    return ~crc;
}

/* ---------------------------------------------------------------- planes */

FAST static void split2(const uint8_t *items, size_t count, uint8_t *planes)
{
    uint8_t *restrict a = planes, *restrict b = planes + count;
    for (size_t k = 0; k < count; k++) {
        uint16_t word;
        memcpy(&word, items + 2 * k, 2);
        a[k] = (uint8_t)word;
        b[k] = (uint8_t)(word >> 8);
    }
}

/* Planes lie `apart` bytes from each other. */
FAST static void split4(const uint8_t *items, size_t count, uint8_t *planes, size_t apart)
{
    uint8_t *restrict a = planes, *restrict b = planes + apart;
    uint8_t *restrict c = planes + 2 * apart, *restrict d = planes + 3 * apart;
    for (size_t k = 0; k < count; k++) {
        uint32_t word;
        memcpy(&word, items + 4 * k, 4);
        a[k] = (uint8_t)word;
        b[k] = (uint8_t)(word >> 8);
        c[k] = (uint8_t)(word >> 16);
        d[k] = (uint8_t)(word >> 24);
    }
}

FAST static void halve8(const uint8_t *items, size_t count, uint32_t *restrict low, uint32_t *restrict high)
{
    for (size_t k = 0; k < count; k++) {
        memcpy(low + k, items + 8 * k, 4);
        memcpy(high + k, items + 8 * k + 4, 4);
    }
}

/* Eight streams at once are more than a loop can vectorise: in halves, while they are in the cache. */
static void split8(const uint8_t *items, size_t count, uint8_t *planes)
{
    enum { SOME = 1024 };
    uint32_t halves[2][SOME];
    for (size_t first = 0; first < count; first += SOME) {
        size_t some = count - first < SOME ? count - first : SOME;
        halve8(items + 8 * first, some, halves[0], halves[1]);
        for (size_t half = 0; half < 2; half++)
            split4((const uint8_t *)halves[half], some, planes + 4 * half * count + first, count);
    }
}

static void split(const uint8_t *items, size_t count, size_t typesize, uint8_t *planes)
{
    if (typesize == 8)
        split8(items, count, planes);
    else if (typesize == 4)
        split4(items, count, planes, count);
    else if (typesize == 2)
        split2(items, count, planes);
    else
        for (size_t k = 0; k < count; k++)
            for (size_t byte = 0; byte < typesize; byte++)
                planes[byte * count + k] = items[k * typesize + byte];
}

FAST static void join4(const uint8_t *const *planes, size_t count, uint8_t *out)
{
    const uint8_t *restrict a = planes[0], *restrict b = planes[1];
    const uint8_t *restrict c = planes[2], *restrict d = planes[3];
    for (size_t k = 0; k < count; k++) {
        uint32_t word = (uint32_t)a[k] | (uint32_t)b[k] << 8 | (uint32_t)c[k] << 16 | (uint32_t)d[k] << 24;
        memcpy(out + 4 * k, &word, 4);
    }
}

FAST static void join8(const uint8_t *const *planes, size_t count, uint8_t *out)
{
    const uint8_t *restrict a = planes[0], *restrict b = planes[1], *restrict c = planes[2], *restrict d = planes[3];
    const uint8_t *restrict e = planes[4], *restrict f = planes[5], *restrict g = planes[6], *restrict h = planes[7];
    for (size_t k = 0; k < count; k++) {
        uint32_t low = (uint32_t)a[k] | (uint32_t)b[k] << 8 | (uint32_t)c[k] << 16 | (uint32_t)d[k] << 24;
        uint32_t high = (uint32_t)e[k] | (uint32_t)f[k] << 8 | (uint32_t)g[k] << 16 | (uint32_t)h[k] << 24;
        memcpy(out + 8 * k, &low, 4);
        memcpy(out + 8 * k + 4, &high, 4);
    }
}

FAST static void join2(const uint8_t *const *planes, size_t count, uint8_t *out)
{
    const uint8_t *restrict a = planes[0], *restrict b = planes[1];
    for (size_t k = 0; k < count; k++) {
        uint16_t word = (uint16_t)(a[k] | b[k] << 8);
        memcpy(out + 2 * k, &word, 2);
    }
}

typedef void (*join_fn)(const uint8_t *const *, size_t, uint8_t *);

static join_fn joins[] = {[2] = join2, [4] = join4, [8] = join8};

/* Put `count` items from position `first` of a block to `out`, `stride` bytes apart. An item has `size` bytes, `lanes`
 * neighbours are taken apart together: byte b of item k is number k / lanes of plane k % lanes * size + b. */
static void join(const uint8_t *const *planes, size_t first, size_t count, size_t size, size_t lanes, uint8_t *out,
                 Py_ssize_t stride)
{
    size_t together = size * lanes;
    join_fn whole = together < sizeof joins / sizeof *joins ? joins[together] : NULL;
    size_t stop = first + count, lane = lanes == 1 ? 0 : first % lanes, at = lanes == 1 ? first : first / lanes;
    while (first < stop) {
        if (!lane && whole && stride == (Py_ssize_t)size && stop - first > 8 * lanes) {
            const uint8_t *moved[8];
            size_t many = lanes == 1 ? stop - first : (stop - first) / lanes;
            for (size_t plane = 0; plane < together; plane++)
                moved[plane] = planes[plane] + at;
            whole(moved, many, out);
            at += many;
            first += many * lanes;
            out += many * together;
            continue;
        }
        for (size_t byte = 0; byte < size; byte++)
            out[byte] = planes[lane * size + byte][at];
        out += stride;
        first++;
        if (++lane == lanes)
            lane = 0, at++;
    }
}

/* ---------------------------------------------------------------- a frame */

static const uint8_t MAGIC[8] = {0x9f, 'M', 'D', 'I', 'O', 'c', '1', '\n'};
enum { HEADER = 16, GAP = 12, MAX_DIMS = 8, MAX_ITEM = 255, SHUFFLE = 1, MEMCPYED = 2, BITSHUFFLE = 4, UNSPLIT = 16 };
/* planes.TRIED, .WEAK and .noisy say what these are. */
enum { TRIED = 4, WEAK = 10, NOISE_LEAST = 8192, NOISE_RUNS = 4, NOISE_RUN = 256, NOISE_SQUARES = 5600, WEAK_SQUARES = 16000 };
/* At level 1 repeats are looked for where the shape of the chunk says, wherever in the first of so many blocks that was
 * not dearer than what zstd finds by a sixteenth: such streams are quicker to make, and to inflate by a quarter. */
enum { COMPARED = 16, DEARER = 16, NEARLY_NOTHING = 32 };
enum { ZSTD = 4, MAX_SPLIT_ITEM = 16, MIN_SPLIT_ITEMS = 128, HEAD = 4096 };

/* Of a file that is read in parts, `data` has room for all of the frame but only `have` bytes from its start. */
typedef struct {
    const uint8_t *data;
    size_t size, have;
    int file;
    off_t base;
} Stored;

typedef struct {
    uint32_t nbytes, blocksize, blocks;
    size_t typesize, lanes; /* of the items that are taken apart; how many of the array's they are */
    int flags, checked;
    const uint8_t *offsets, *checks;
    size_t first; /* where the blocks begin, at least */
} Frame;

static uint32_t word_at(const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, 4);
    return word;
}

static int fill(const Stored *stored, size_t start, size_t stop)
{
    uint8_t *data = (uint8_t *)stored->data;
    while (start < stop) {
        ssize_t got = pread(stored->file, data + start, stop - start, stored->base + (off_t)start);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        start += (size_t)got;
    }
    return 1;
}

static int need(Stored *stored, size_t bytes)
{
    if (bytes > stored->size)
        return 0;
    if (bytes > stored->have) {
        if (!fill(stored, stored->have, bytes))
            return 0;
        stored->have = bytes;
    }
    return 1;
}

static int parse(Stored *stored, size_t nbytes, size_t typesize, Frame *frame)
{
    if (!need(stored, stored->size < HEAD ? stored->size : HEAD) || stored->size < HEADER)
        return 0;
    const uint8_t *data = stored->data;
    frame->flags = data[2];
    frame->typesize = data[3];
    frame->nbytes = word_at(data + 4);
    frame->blocksize = word_at(data + 8);
    size_t total = word_at(data + 12);
    if (data[0] != 2 || frame->nbytes != nbytes || total > stored->size)
        return 0;
    if (!(frame->flags & SHUFFLE))
        frame->typesize = typesize; /* nothing goes by it then */
    if (!frame->typesize || frame->typesize % typesize || nbytes % frame->typesize)
        return 0;
    frame->lanes = frame->typesize / typesize;
    if (frame->flags & (MEMCPYED | BITSHUFFLE) || frame->flags >> 5 != ZSTD)
        return 0;
    if (!frame->nbytes || !frame->blocksize || frame->blocksize > frame->nbytes || frame->blocksize % frame->typesize)
        return 0;
    frame->blocks = (frame->nbytes - 1) / frame->blocksize + 1;
    size_t gap = HEADER + 4 * (size_t)frame->blocks, end = gap + sizeof MAGIC + 4 * (size_t)frame->blocks;
    if (!need(stored, gap))
        return 0;
    frame->checked = end + 4 <= stored->size && need(stored, end + 4) && !memcmp(data + gap, MAGIC, sizeof MAGIC);
    if (frame->checked) {
        if (total != stored->size || crc32c(0, data, end) != word_at(data + end))
            return 0;
    } else {
        /* Only the Python code looks for checks behind a damaged header; there are none in frames by others. */
        if (word_at(data + HEADER) != gap)
            return 0;
        for (uint32_t block = 1; block < frame->blocks; block++)
            if (word_at(data + HEADER + 4 * (size_t)block) > total)
                return 0;
    }
    stored->size = total;
    frame->offsets = data + HEADER;
    frame->checks = data + gap + sizeof MAGIC;
    frame->first = frame->checked ? end + 4 : gap;
    return 1;
}

static size_t length_of(const Frame *frame, uint32_t block)
{
    size_t start = (size_t)block * frame->blocksize;
    return frame->nbytes - start < frame->blocksize ? frame->nbytes - start : frame->blocksize;
}

/* The same rule as frame.Layout.splits. */
static int splits(size_t typesize, size_t blocksize, size_t length)
{
    return typesize > 1 && typesize <= MAX_SPLIT_ITEM && blocksize / typesize >= MIN_SPLIT_ITEMS
        && length == blocksize;
}

/* Where a block ends: in frames by others that is not written down, so as far as it can be. */
static size_t end_of(const Stored *stored, const Frame *frame, uint32_t block)
{
    return frame->checked && block + 1 < frame->blocks ? word_at(frame->offsets + 4 * (size_t)(block + 1))
                                                        : stored->size;
}

/* Inflate a block into `planes`, of those that lie apart only the lanes that are wanted, a bit each. */
static int open_block(Worker *worker, const Stored *stored, const Frame *frame, uint32_t block, uint32_t wanted,
                      const uint8_t **planes)
{
    size_t length = length_of(frame, block), at = word_at(frame->offsets + 4 * (size_t)block);
    size_t end = end_of(stored, frame, block);
    if (at < frame->first || at > end || end > stored->size)
        return 0;
    const uint8_t *data = stored->data;
    if (frame->checked && crc32c(0, data + at, end - at) != word_at(frame->checks + 4 * (size_t)block))
        return 0;
    int shuffled = frame->flags & SHUFFLE && frame->typesize > 1;
    int apart = !(frame->flags & UNSPLIT) && splits(frame->typesize, frame->blocksize, length);
    if (apart && !shuffled)
        return 0; /* pieces of items as they are: nobody writes that */
    size_t streams = apart ? frame->typesize : 1, size = length / streams, lane = frame->typesize / frame->lanes;
    for (size_t k = 0; k < streams; k++) {
        if (end - at < 4)
            return 0;
        size_t packed = word_at(data + at);
        at += 4;
        if (!packed || packed > size || packed > end - at)
            return 0;
        if (packed == size)
            planes[k] = data + at;
        else if (!apart || wanted >> k / lane & 1) {
            uint8_t *target = worker->block + k * size;
            if (zstd.decompress(worker->decoder, target, size, data + at, packed) != size)
                return 0; /* errors are numbers far beyond any size */
            planes[k] = target;
        }
        at += packed;
    }
    if (!apart && shuffled)
        for (size_t byte = 1; byte < frame->typesize; byte++)
            planes[byte] = planes[0] + byte * (length / frame->typesize);
    return 1;
}

/* ---------------------------------------------------------------- boxes of chunks */

typedef struct {
    int dims;
    size_t shape[MAX_DIMS];
    int64_t start[MAX_DIMS], stop[MAX_DIMS];
    Py_ssize_t strides[MAX_DIMS];
    uint8_t *out; /* of the first cell of the box */
} Box;

/* Read what a box needs of a frame in a file: runs of neighbouring blocks, each in one go. */
static int fetch(Stored *stored, const Frame *frame, const Box *box)
{
    if (stored->file < 0)
        return 1;
    size_t inner = frame->typesize / frame->lanes;
    for (int axis = 1; axis < box->dims; axis++)
        inner *= box->shape[axis];
    uint32_t low = (uint32_t)((size_t)box->start[0] * inner / frame->blocksize);
    uint32_t high = (uint32_t)(((size_t)box->stop[0] * inner - 1) / frame->blocksize);
    if (!frame->checked) { /* blocks need not lie in order */
        low = 0;
        high = frame->blocks - 1;
    }
    size_t start = low ? word_at(frame->offsets + 4 * (size_t)low) : stored->have, stop = end_of(stored, frame, high);
    if (start > stored->size || stop > stored->size)
        return 0;
    if (start < stored->have)
        start = stored->have;
    return stop <= start || fill(stored, start, stop);
}

static int decode_box(Worker *worker, Stored *stored, const Box *box, size_t nbytes, size_t typesize)
{
    Frame frame;
    if (!parse(stored, nbytes, typesize, &frame) || !fetch(stored, &frame, box))
        return 0;
    if (!room(&worker->block, &worker->block_size, frame.blocksize))
        return 0;
    if (!worker->decoder && !(worker->decoder = zstd.create_decoder()))
        return 0;
    int shuffled = frame.flags & SHUFFLE && frame.typesize > 1, last = box->dims - 1, rows = last - 1;
    size_t block_items = frame.blocksize / typesize, lanes = frame.lanes, inner = box->shape[last];
    size_t width = (size_t)(box->stop[last] - box->start[last]);
    uint32_t wanted = UINT32_MAX;
    if (lanes > 1 && lanes <= 16 && inner % lanes == 0 && width < lanes) {
        wanted = 0;
        for (size_t k = 0; k < width; k++)
            wanted |= 1u << ((size_t)box->start[last] + k) % lanes;
    }
    int64_t at[MAX_DIMS];
    for (int axis = 0; axis < box->dims; axis++)
        at[axis] = box->start[axis];
    const uint8_t *planes[MAX_ITEM + 1];
    size_t first = 0, stop = 0; /* items of the block that is open */
    for (;;) {
        size_t item = 0;
        uint8_t *out = box->out;
        for (int axis = 0; axis < last; axis++) {
            item = item * box->shape[axis] + (size_t)at[axis];
            out += (at[axis] - box->start[axis]) * box->strides[axis];
        }
        item = item * inner + (size_t)box->start[last];
        size_t run = last ? (size_t)(box->stop[rows] - box->start[rows]) : 1;
        Py_ssize_t stride = box->strides[last], row_stride = last ? box->strides[rows] : 0;
        for (size_t row = 0; row < run; row++, item += inner, out += row_stride) {
            uint8_t *target = out;
            for (size_t here = item, left = width, some; left; here += some, left -= some) {
                if (here < first || here >= stop) { /* a row may reach into several blocks */
                    uint32_t block = (uint32_t)(here / block_items);
                    if (!open_block(worker, stored, &frame, block, wanted, planes))
                        return 0;
                    first = (size_t)block * block_items;
                    stop = first + length_of(&frame, block) / typesize;
                }
                some = stop - here < left ? stop - here : left;
                if (shuffled)
                    join(planes, here - first, some, typesize, lanes, target, stride);
                else if (stride == (Py_ssize_t)typesize)
                    memcpy(target, planes[0] + (here - first) * typesize, some * typesize);
                else
                    for (size_t k = 0; k < some; k++)
                        memcpy(target + (Py_ssize_t)k * stride, planes[0] + (here - first + k) * typesize, typesize);
                target += (Py_ssize_t)some * stride;
            }
        }
        int axis = rows - 1;
        while (axis >= 0 && ++at[axis] == box->stop[axis])
            at[axis] = box->start[axis], axis--;
        if (axis < 0)
            return 1;
    }
}

/* ---------------------------------------------------------------- writing */

typedef struct {
    int dims;
    size_t chunk[MAX_DIMS], part[MAX_DIMS];
    Py_ssize_t strides[MAX_DIMS];
    const uint8_t *values;
    const uint8_t *cell; /* one item of fill */
    int zero_fill;       /* its bytes are all zero */
    size_t typesize;
    size_t lanes; /* items that are taken apart together */
    size_t inner; /* items of a row */
} Chunk;

/* Copy items of the padded chunk from `item` on. */
static void gather(const Chunk *chunk, size_t item, size_t count, uint8_t *out)
{
    int last = chunk->dims - 1;
    size_t typesize = chunk->typesize;
    while (count) {
        size_t row = item / chunk->inner, column = item % chunk->inner, some = chunk->inner - column;
        if (some > count)
            some = count;
        const uint8_t *from = chunk->values;
        int there = 1;
        for (int axis = last - 1; axis >= 0; axis--) {
            size_t at = row % chunk->chunk[axis];
            row /= chunk->chunk[axis];
            there &= at < chunk->part[axis];
            from += (Py_ssize_t)at * chunk->strides[axis];
        }
        size_t real = there && column < chunk->part[last] ? chunk->part[last] - column : 0;
        if (real > some)
            real = some;
        if (chunk->strides[last] == (Py_ssize_t)typesize)
            memcpy(out, from + column * typesize, real * typesize);
        else
            for (size_t k = 0; k < real; k++)
                memcpy(out + k * typesize, from + (Py_ssize_t)(column + k) * chunk->strides[last], typesize);
        if (chunk->zero_fill)
            memset(out + real * typesize, 0, (some - real) * typesize);
        else
            for (size_t k = real; k < some; k++)
                memcpy(out + k * typesize, chunk->cell, typesize);
        out += some * typesize;
        item += some;
        count -= some;
    }
}

static int is_fill(const Chunk *chunk, const uint8_t *items, size_t bytes)
{
    if (memcmp(items, chunk->cell, chunk->typesize))
        return 0;
    return bytes <= chunk->typesize || !memcmp(items, items + chunk->typesize, bytes - chunk->typesize);
}

/* Whether a sample of a plane is nothing better than what `limit` says: the same rule as planes.noisy. */
static int is_noise(const uint8_t *plane, size_t size, uint32_t limit)
{
    if (size < NOISE_LEAST)
        return 0;
    uint32_t counts[256] = {0}, squares = 0;
    for (size_t run = 0; run < NOISE_RUNS; run++) {
        const uint8_t *sample = plane + size / NOISE_RUNS * run;
        for (size_t k = 0; k < NOISE_RUN; k++)
            counts[sample[k]]++;
    }
    for (int k = 0; k < 256; k++)
        squares += counts[k] * counts[k];
    return squares < limit;
}

/* Make an encoder do as it is told about what repeats; 0 where it does not know how. */
static int expect_sequences(void *encoder)
{
    static const int settings[][2] = {{LEVEL, 1}, {WINDOW_LOG, 17}, {HASH_LOG, 6}, {DELIMITED, 1}, {FIND_REPEATED, 1}};
    for (size_t k = 0; k < sizeof settings / sizeof *settings; k++)
        if (zstd.is_error(zstd.set(encoder, settings[k][0], settings[k][1])))
            return 0;
    return 1;
}

/* Compress a plane by what lies a sample, a row and a plane of rows before; 0 where that cannot be done. */
static size_t compress_repeats(Worker *worker, const Chunk *chunk, const uint8_t *plane, size_t size, uint8_t *packed,
                               size_t bound)
{
    if (!zstd.compress_sequences || chunk->dims < 2 || size > MAX_ZSTD_BLOCK)
        return 0;
    if (!worker->repeat_encoder) {
        if (!(worker->repeat_encoder = zstd.create_encoder()))
            return 0;
        expect_sequences(worker->repeat_encoder); /* connect() saw that it can */
    }
    size_t scratch = repeat_words(size) * sizeof(uint64_t), count = repeat_bound(size);
    if (!room(&worker->repeats, &worker->repeats_size, scratch + count * sizeof(Sequence)))
        return 0;
    Sequence *found = (Sequence *)(worker->repeats + scratch);
    size_t row = chunk->inner / chunk->lanes, distances[DISTANCES] = {1, row, row * chunk->chunk[chunk->dims - 2]};
    count = find_repeats(plane, size, distances, (uint64_t *)worker->repeats, found);
    size_t got = zstd.compress_sequences(worker->repeat_encoder, packed, bound, found, count, plane, size);
    return zstd.is_error(got) ? 0 : got;
}

/* What the planes of one byte in the blocks before told. */
typedef struct {
    size_t saved; /* bytes, of the last one that was tried */
    int repeats;  /* whether repeats are looked for by shape */
} Habit;

/* Whether a plane is stored as it is without being tried: by the rules of planes.py. */
static int stays(const Habit *habit, const uint8_t *plane, size_t size, size_t block, int level)
{
    if (block % TRIED == 0)
        return 0;
    if (!habit->saved)
        return is_noise(plane, size, NOISE_SQUARES);
    return level == 1 && block % 2 && habit->saved * WEAK < size && is_noise(plane, size, WEAK_SQUARES);
}

/* Compress a stream, if that makes it shorter; return its bytes, 0 for failure. */
static size_t shrink(Worker *worker, const Chunk *chunk, Habit *habit, const uint8_t **stream, size_t size,
                     size_t block, int level)
{
    size_t bound = worker->frame_size / 2, got = 0, other = 0;
    uint8_t *packed = worker->frame, *repeated = packed + bound;
    int compared = habit && level == 1 && block % COMPARED == 0;
    if (habit && habit->repeats && !compared)
        other = compress_repeats(worker, chunk, *stream, size, repeated, bound);
    if (!other) {
        got = zstd.compress(worker->encoder, packed, bound, *stream, size);
        if (zstd.is_error(got))
            return 0;
    }
    if (compared) {
        if (got * WEAK < size * (WEAK - 1))
            other = compress_repeats(worker, chunk, *stream, size, repeated, bound);
        habit->repeats = other && other <= got + got / DEARER + NEARLY_NOTHING;
        if (!habit->repeats)
            other = 0;
    }
    if (other)
        got = other, packed = repeated;
    if (habit && block % TRIED == 0)
        habit->saved = got < size ? size - got : 0;
    if (got >= size)
        return size;
    *stream = packed;
    return got;
}

/* Return the bytes of the frame in `out`; 0 for a chunk of only fill, -1 where it cannot be done. */
static int64_t encode(Worker *worker, const Chunk *chunk, size_t nbytes, size_t blocksize, int level, int keep_fill,
                      uint8_t *out, size_t capacity)
{
    size_t typesize = chunk->typesize * chunk->lanes, blocks = (nbytes - 1) / blocksize + 1;
    size_t gap = HEADER + 4 * blocks, end = gap + sizeof MAGIC + 4 * blocks, at = end + 4;
    if (capacity < at + nbytes + 4 * blocks * (splits(typesize, blocksize, blocksize) ? typesize : 1))
        return -1;
    if (!worker->encoder && !(worker->encoder = zstd.create_encoder()))
        return -1;
    if (worker->level != level) {
        /* Level 1: matches shorter than 7 bytes cost more in a plane of samples than they save, and a small table is
         * quick to clear; see streams.py, which sets the same. */
        int bad = zstd.is_error(zstd.set(worker->encoder, LEVEL, level));
        bad |= zstd.is_error(zstd.set(worker->encoder, MIN_MATCH, level == 1 ? 7 : 0));
        bad |= zstd.is_error(zstd.set(worker->encoder, HASH_LOG, level == 1 ? 12 : 0));
        bad |= zstd.is_error(zstd.set(worker->encoder, WINDOW_LOG, level == 1 ? 17 : 0));
        worker->level = bad ? 0 : level;
        if (bad)
            return -1;
    }
    uint8_t *items = room(&worker->block, &worker->block_size, blocksize);
    uint8_t *planes = room(&worker->stored, &worker->stored_size, blocksize);
    if (!items || !planes || !room(&worker->frame, &worker->frame_size, 2 * zstd.bound(blocksize)))
        return -1;
    int only_fill = 1;
    Habit habits[MAX_SPLIT_ITEM] = {{0}};
    for (size_t block = 0; block < blocks; block++) {
        size_t length = nbytes - block * blocksize < blocksize ? nbytes - block * blocksize : blocksize;
        size_t count = length / typesize, begin = at;
        gather(chunk, block * blocksize / chunk->typesize, length / chunk->typesize, items);
        only_fill = only_fill && is_fill(chunk, items, length);
        if (typesize > 1)
            split(items, count, typesize, planes);
        const uint8_t *source = typesize > 1 ? planes : items;
        size_t streams = splits(typesize, blocksize, length) ? typesize : 1, size = length / streams;
        for (size_t k = 0; k < streams; k++) {
            const uint8_t *stream = source + k * size;
            size_t got = size;
            if (streams == 1 || !stays(habits + k, stream, size, block, level))
                got = shrink(worker, chunk, streams == 1 ? NULL : habits + k, &stream, size, block, level);
            if (!got)
                return -1;
            uint32_t number = (uint32_t)got;
            memcpy(out + at, &number, 4);
            memcpy(out + at + 4, stream, got);
            at += 4 + got;
        }
        uint32_t offset = (uint32_t)begin, check = crc32c(0, out + begin, at - begin);
        memcpy(out + HEADER + 4 * block, &offset, 4);
        memcpy(out + gap + sizeof MAGIC + 4 * block, &check, 4);
    }
    if (only_fill && !keep_fill)
        return 0;
    uint32_t words[3] = {(uint32_t)nbytes, (uint32_t)blocksize, (uint32_t)at};
    out[0] = 2;
    out[1] = 1;
    out[2] = (uint8_t)(SHUFFLE | ZSTD << 5 | (splits(typesize, blocksize, blocksize) ? 0 : UNSPLIT));
    out[3] = (uint8_t)typesize;
    memcpy(out + 4, words, sizeof words);
    memcpy(out + gap, MAGIC, sizeof MAGIC);
    uint32_t check = crc32c(0, out, end);
    memcpy(out + end, &check, 4);
    return (int64_t)at;
}

/* ---------------------------------------------------------------- Python */

static PyObject *connect(PyObject *module, PyObject *args)
{
    unsigned long long found[8] = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "KKKKKKK|K", found, found + 1, found + 2, found + 3, found + 4, found + 5, found + 6,
                          found + 7))
        return NULL;
    for (int k = 0; k < 7; k++)
        if (!found[k]) {
            PyErr_SetString(PyExc_ValueError, "a function of zstd has no address");
            return NULL;
        }
    zstd.create_decoder = (create_fn)(uintptr_t)found[0];
    zstd.decompress = (decompress_fn)(uintptr_t)found[1];
    zstd.create_encoder = (create_fn)(uintptr_t)found[2];
    zstd.set = (parameter_fn)(uintptr_t)found[3];
    zstd.compress = (compress_fn)(uintptr_t)found[4];
    zstd.bound = (bound_fn)(uintptr_t)found[5];
    zstd.is_error = (is_error_fn)(uintptr_t)found[6];
    Worker *worker = found[7] ? take_worker() : NULL;
    if (worker) {
        if (!worker->repeat_encoder)
            worker->repeat_encoder = zstd.create_encoder();
        if (worker->repeat_encoder && expect_sequences(worker->repeat_encoder))
            zstd.compress_sequences = (sequences_fn)(uintptr_t)found[7];
        give_back(worker);
    }
    Py_RETURN_NONE;
}

static PyObject *finds_repeats(PyObject *module, PyObject *args)
{
    (void)module, (void)args;
    return PyBool_FromLong(zstd.compress_sequences != NULL);
}

static int is_connected(void)
{
    if (!zstd.is_error)
        PyErr_SetString(PyExc_RuntimeError, "connect() was not called");
    return zstd.is_error != NULL;
}

static int decode_job(Worker *worker, const uint8_t *data, size_t size, int file, const int64_t *job,
                      const int64_t *shape, size_t typesize, const Py_buffer *out)
{
    int dims = out->ndim;
    Box box = {.dims = dims, .out = out->buf};
    size_t nbytes = typesize;
    for (int axis = 0; axis < dims; axis++) {
        int64_t start = job[2 + 3 * axis], stop = job[3 + 3 * axis], at = job[4 + 3 * axis];
        if (start < 0 || stop <= start || stop > shape[axis] || at < 0 || at > out->shape[axis] - (stop - start))
            return 0;
        if (shape[axis] > (INT64_C(1) << 31) || (nbytes *= (size_t)shape[axis]) >> 31)
            return 0;
        box.shape[axis] = (size_t)shape[axis];
        box.start[axis] = start;
        box.stop[axis] = stop;
        box.strides[axis] = out->strides[axis];
        box.out += at * out->strides[axis];
    }
    int64_t length = job[1];
    if (length == -1 && file >= 0) {
        struct stat status;
        if (fstat(file, &status) || !S_ISREG(status.st_mode) || job[0] > status.st_size)
            return 0;
        length = status.st_size - job[0];
    }
    if (job[0] < 0 || length < HEADER || length >> 31)
        return 0;
    Stored stored = {.file = -1, .size = (size_t)length, .have = (size_t)length};
    if (file >= 0) {
        stored.file = file;
        stored.base = (off_t)job[0];
        stored.have = 0;
        stored.data = room(&worker->frame, &worker->frame_size, stored.size);
        if (!stored.data)
            return 0;
    } else {
        if ((size_t)job[0] > size || stored.size > size - (size_t)job[0])
            return 0;
        stored.data = data + job[0];
    }
    return decode_box(worker, &stored, &box, nbytes, typesize);
}

PyDoc_STRVAR(decode_doc,
"decode(source, jobs, shape, typesize, out)\n--\n\n"
"Decode boxes of chunks into an array and return how many are done; the next one is for the Python code.\n\n"
"source is a buffer, the number of an open file, or the name of one. jobs are int64: for each, offset and length of the\n"
"frame in the source (-1: to its end), then for each axis start and stop of the box in the chunk and start in out. shape, int64, is that of every\n"
"chunk; items of out, which may have any strides, are typesize bytes.");

static PyObject *decode(PyObject *module, PyObject *args)
{
    PyObject *source, *target, *name = NULL;
    Py_buffer data = {0}, jobs, shape, out;
    Py_ssize_t typesize, done = -1;
    int file = -1;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oy*y*nO", &source, &jobs, &shape, &typesize, &target))
        return NULL;
    if (PyObject_GetBuffer(target, &out, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&jobs);
        PyBuffer_Release(&shape);
        return NULL;
    }
    int dims = out.ndim;
    size_t words = 2 + 3 * (size_t)dims;
    if (!is_connected())
        goto release;
    if (dims < 1 || dims > MAX_DIMS || (size_t)shape.len != sizeof(int64_t) * (size_t)dims || typesize < 1
        || typesize > MAX_ITEM || out.itemsize != typesize || (size_t)jobs.len % (sizeof(int64_t) * words)) {
        PyErr_SetString(PyExc_ValueError, "jobs, shape and out do not go together");
        goto release;
    }
    if (PyLong_Check(source)) {
        long number = PyLong_AsLong(source);
        if (number < 0) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "no open file has this number");
            goto release;
        }
        file = (int)number;
    } else if (PyUnicode_Check(source)) {
        if (!PyUnicode_FSConverter(source, &name))
            goto release;
    } else if (PyObject_GetBuffer(source, &data, PyBUF_SIMPLE) < 0)
        goto release;
    Py_ssize_t count = jobs.len / (Py_ssize_t)(sizeof(int64_t) * words);
    const char *path = name ? PyBytes_AsString(name) : NULL;
    Py_BEGIN_ALLOW_THREADS
    Worker *worker = take_worker();
    done = 0;
    if (path)
        file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (worker && (!path || file >= 0)) {
        const int64_t *job = jobs.buf;
        while (done < count && decode_job(worker, data.buf, (size_t)data.len, file, job, shape.buf, (size_t)typesize, &out))
            done++, job += words;
        trim(&worker->block, &worker->block_size);
        trim(&worker->frame, &worker->frame_size);
    }
    if (worker)
        give_back(worker);
    if (path && file >= 0)
        close(file);
    Py_END_ALLOW_THREADS
release:
    Py_XDECREF(name);
    if (data.obj)
        PyBuffer_Release(&data);
    PyBuffer_Release(&out);
    PyBuffer_Release(&jobs);
    PyBuffer_Release(&shape);
    return done < 0 ? NULL : PyLong_FromSsize_t(done);
}

PyDoc_STRVAR(encode_doc,
"encode(part, shape, cell, blocksize, level, lanes, keep_fill, out)\n--\n\n"
"Encode a chunk and return the bytes of its frame in out: 0 for one of only fill, unless that is kept, -1 where the\n"
"Python code has to do it.\n\n"
"part has any strides and at most the chunk's shape (int64), which is padded with the item cell. Bytes are taken apart\n"
"over lanes neighbouring items, which the last axis is a multiple of.");

static PyObject *encode_chunk(PyObject *module, PyObject *args)
{
    PyObject *given;
    Py_buffer part, shape, cell, out;
    Py_ssize_t blocksize;
    int level, lanes, keep_fill;
    int64_t size = -2;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oy*y*niipw*", &given, &shape, &cell, &blocksize, &level, &lanes, &keep_fill,
                          &out))
        return NULL;
    if (PyObject_GetBuffer(given, &part, PyBUF_STRIDES) < 0) {
        PyBuffer_Release(&shape);
        PyBuffer_Release(&cell);
        PyBuffer_Release(&out);
        return NULL;
    }
    Chunk chunk = {.dims = part.ndim, .values = part.buf, .cell = cell.buf, .typesize = (size_t)part.itemsize,
                   .lanes = (size_t)lanes};
    size_t nbytes = chunk.typesize;
    int fits = is_connected() && part.ndim >= 1 && part.ndim <= MAX_DIMS && part.itemsize >= 1
        && part.itemsize <= MAX_ITEM && (size_t)shape.len == sizeof(int64_t) * (size_t)part.ndim
        && cell.len == part.itemsize && lanes >= 1 && (lanes == 1 || lanes * part.itemsize <= MAX_SPLIT_ITEM)
        && blocksize >= part.itemsize * lanes && blocksize % (part.itemsize * lanes) == 0;
    for (int axis = 0; fits && axis < part.ndim; axis++) {
        int64_t length = ((const int64_t *)shape.buf)[axis];
        fits = length >= 1 && length <= INT32_MAX && part.shape[axis] <= length
            && !((nbytes *= (size_t)length) > (size_t)INT32_MAX - HEADER);
        chunk.chunk[axis] = (size_t)length;
        chunk.part[axis] = (size_t)part.shape[axis];
        chunk.strides[axis] = part.strides[axis];
        chunk.inner = (size_t)length;
    }
    if (!fits) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "part, shape, cell and block size do not go together");
        goto release;
    }
    if (chunk.inner % chunk.lanes) {
        PyErr_SetString(PyExc_ValueError, "lanes do not go into the last axis");
        goto release;
    }
    chunk.zero_fill = 1;
    for (Py_ssize_t k = 0; k < cell.len; k++)
        chunk.zero_fill &= !((const uint8_t *)cell.buf)[k];
    if ((size_t)blocksize > nbytes)
        blocksize = (Py_ssize_t)nbytes;
    Py_BEGIN_ALLOW_THREADS
    Worker *worker = take_worker();
    size = -1;
    if (worker) {
        size = encode(worker, &chunk, nbytes, (size_t)blocksize, level, keep_fill, out.buf, (size_t)out.len);
        trim(&worker->block, &worker->block_size);
        trim(&worker->stored, &worker->stored_size);
        trim(&worker->repeats, &worker->repeats_size);
        trim(&worker->frame, &worker->frame_size);
        give_back(worker);
    }
    Py_END_ALLOW_THREADS
release:
    PyBuffer_Release(&part);
    PyBuffer_Release(&shape);
    PyBuffer_Release(&cell);
    PyBuffer_Release(&out);
    return size < -1 ? NULL : PyLong_FromLongLong(size);
}

static PyMethodDef methods[] = {
    {"connect", connect, METH_VARARGS, "connect(*addresses)\n--\n\nSay where seven functions of zstd are, and an eighth that may be missing."},
    {"finds_repeats", finds_repeats, METH_NOARGS,
     "finds_repeats()\n--\n\nWhether zstd can be told what repeats; if not, it looks for itself."},
    {"decode", decode, METH_VARARGS, decode_doc},
    {"encode", encode_chunk, METH_VARARGS, encode_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_frames", .m_doc = "Blosc-1 frames without the interpreter's lock.",
    .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit__frames(void)
{
    prepare_crc();
    pthread_atfork(before_fork, after_fork, after_fork);
    return PyModule_Create(&definition);
}
