/* Frames, and boxes of the chunks that they hold.
 *
 * Every length that is read from a frame is compared with what is there before it is used.
 */
#include "_frames.h"

#include <errno.h>
#include <unistd.h>

enum { HEAD = 4096 }; /* bytes of a file that are read first */

typedef struct {
    uint32_t nbytes, blocksize, blocks;
    size_t typesize, lanes; /* of the items that are taken apart; how many of the array's they are */
    int flags, checked;
    const uint8_t *offsets, *checks;
    size_t first; /* where the blocks begin, at least */
} Frame;

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
    /* Only where bytes are taken apart does the size of a frame's items have to be a multiple of the array's. */
    int shuffled = frame->flags & SHUFFLE;
    if (!frame->typesize || (shuffled && (frame->typesize % typesize || nbytes % frame->typesize)))
        return 0;
    frame->lanes = shuffled ? frame->typesize / typesize : 1;
    if (frame->flags & (MEMCPYED | BITSHUFFLE) || frame->flags >> 5 != ZSTD)
        return 0;
    if (!frame->nbytes || !frame->blocksize || frame->blocksize > frame->nbytes
        || frame->blocksize % (typesize * frame->lanes))
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

int unpack_box(Worker *worker, Stored *stored, const Box *box, size_t nbytes, size_t typesize)
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
        ptrdiff_t stride = box->strides[last], row_stride = last ? box->strides[rows] : 0;
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
                else if (stride == (ptrdiff_t)typesize)
                    memcpy(target, planes[0] + (here - first) * typesize, some * typesize);
                else
                    for (size_t k = 0; k < some; k++)
                        memcpy(target + (ptrdiff_t)k * stride, planes[0] + (here - first + k) * typesize, typesize);
                target += (ptrdiff_t)some * stride;
            }
        }
        int axis = rows - 1;
        while (axis >= 0 && ++at[axis] == box->stop[axis])
            at[axis] = box->start[axis], axis--;
        if (axis < 0)
            return 1;
    }
}
