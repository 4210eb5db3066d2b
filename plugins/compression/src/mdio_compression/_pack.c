/* Chunks into frames: planes are compressed where that pays, by rules that a part of them is tried for. */
#include "_frames.h"

/* planes.TRIED, .WEAK, .WEAK_SQUARES and .noisy say what these are. */
enum { TRIED = 4, WEAK = 10, WEAK_SQUARES = 16000 };
enum { NOISE_LEAST = 8192, NOISE_RUNS = 4, NOISE_RUN = 256, NOISE_SQUARES = 5600 };
/* At level 1 repeats are looked for where the shape of the chunk says, if in the first of so many blocks that was not
 * dearer by a sixteenth than what zstd finds by itself. */
enum { COMPARED = 16, DEARER = 16, NEARLY_NOTHING = 32 };

/* zstd.h, "advanced compression API": ZSTD_cParameter; of its experimental part ZSTD_c_blockDelimiters and
 * ZSTD_c_searchForExternalRepcodes, without which equal distances are stored again and again. */
enum { LEVEL = 100, WINDOW_LOG = 101, HASH_LOG = 102, MIN_MATCH = 105, DELIMITED = 1008, FIND_REPEATED = 1016 };
enum { MAX_ZSTD_BLOCK = 1 << 17 };

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
            from += (ptrdiff_t)at * chunk->strides[axis];
        }
        size_t real = there && column < chunk->part[last] ? chunk->part[last] - column : 0;
        if (real > some)
            real = some;
        if (chunk->strides[last] == (ptrdiff_t)typesize)
            memcpy(out, from + column * typesize, real * typesize);
        else
            for (size_t k = 0; k < real; k++)
                memcpy(out + k * typesize, from + (ptrdiff_t)(column + k) * chunk->strides[last], typesize);
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

int make_repeat_encoder(Worker *worker)
{
    static const int settings[][2] = {{LEVEL, 1}, {WINDOW_LOG, 17}, {HASH_LOG, 6}, {DELIMITED, 1}, {FIND_REPEATED, 1}};
    if (worker->repeat_encoder)
        return 1;
    void *made = zstd.create_encoder();
    for (size_t k = 0; made && k < sizeof settings / sizeof *settings; k++)
        if (zstd.is_error(zstd.set(made, settings[k][0], settings[k][1])))
            return 0;
    worker->repeat_encoder = made;
    return made != NULL;
}

/* Compress a plane by what lies a sample, a row and a plane of rows before; 0 where that cannot be done. */
static size_t compress_repeats(Worker *worker, const Chunk *chunk, const uint8_t *plane, size_t size, uint8_t *packed,
                               size_t bound)
{
    if (!zstd.compress_sequences || chunk->dims < 2 || size > MAX_ZSTD_BLOCK || !make_repeat_encoder(worker))
        return 0;
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

int64_t pack_chunk(Worker *worker, const Chunk *chunk, size_t nbytes, size_t blocksize, int level, int keep_fill,
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
