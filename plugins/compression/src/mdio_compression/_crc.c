/* CRC32C, the Castagnoli polynomial of RFC 3720, section 12.1: by the instruction for it where there is one. */
#include "_frames.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

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

void prepare_crc(void)
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

uint32_t crc32c(uint32_t crc, const uint8_t *data, size_t size)
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
