/* Byte planes: the k-th bytes of all items, side by side. */
#include "_frames.h"

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

void split(const uint8_t *items, size_t count, size_t typesize, uint8_t *planes)
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

void join(const uint8_t *const *planes, size_t first, size_t count, size_t size, size_t lanes, uint8_t *out,
          ptrdiff_t stride)
{
    size_t together = size * lanes;
    join_fn whole = together < sizeof joins / sizeof *joins ? joins[together] : NULL;
    size_t stop = first + count, lane = lanes == 1 ? 0 : first % lanes, at = lanes == 1 ? first : first / lanes;
    while (first < stop) {
        if (!lane && whole && stride == (ptrdiff_t)size && stop - first > 8 * lanes) {
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
