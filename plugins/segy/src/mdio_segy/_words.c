/* Words of SEG-Y traces without the interpreter's lock: IBM floats both ways, and small pieces of many records.
 *
 * The arithmetic is that of mdio_segy.ibm, which says why it is right. What it has no answer for - unnormalised words,
 * zeros with an exponent, values that float32 does not have, NaN - is not worked out here: the piece of a row that holds
 * such a word is marked, and the Python code does it again, word by word.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#if defined(_WIN32)
#error "positioned reads are done with pread; the package works without this module"
#endif
#include <unistd.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "written for little-endian machines; the package works without this module"
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define FAST __attribute__((target_clones("avx2", "default")))
#else
#define FAST
#endif

enum { PIECE = 1024 }; /* words that are marked together */

static const uint32_t SIGN = 0x80000000u, MAGNITUDE = 0x7FFFFFFFu, NOT_FINITE = 255u << 23, TINY = 23u << 23;

/* Decode words; return whether one of them is not a normalised word within the range of float32, nor a zero. */
FAST static uint32_t decode_piece(const uint8_t *restrict from, size_t count, int big, float *restrict out)
{
    uint32_t odd = 0;
    for (size_t k = 0; k < count; k++) {
        uint32_t word, factor, bits;
        float value, scale;
        memcpy(&word, from + 4 * k, 4);
        word = big ? __builtin_bswap32(word) : word;
        uint32_t exponent = word >> 24 & 0x7F;
        odd |= ((word & 0x00F00000) == 0 || exponent - 39 > 96 - 39) && (word & MAGNITUDE) != 0;
        value = (float)(int32_t)(word & 0x00FFFFFF); /* exact: 24 bits */
        factor = (exponent << 25) - (153u << 23);    /* 16^(E-64) / 2^24 = 2^(4E-280) */
        memcpy(&scale, &factor, 4);
        value *= scale;
        memcpy(&bits, &value, 4);
        bits = (bits & MAGNITUDE) | (word & SIGN);
        memcpy(out + k, &bits, 4);
    }
    return odd;
}

/* Encode values; return whether one of them is not finite, or so small that its factor is no float32. */
FAST static uint32_t encode_piece(const float *restrict from, size_t count, int big, uint8_t *restrict out)
{
    uint32_t odd = 0;
    for (size_t k = 0; k < count; k++) {
        uint32_t bits, power, factor, word, exact, near;
        float value, scale, rounded;
        memcpy(&bits, from + k, 4);
        uint32_t magnitude = bits & MAGNITUDE;
        odd |= (magnitude >= NOT_FINITE) | (magnitude - 1 < TINY - 1);
        power = (magnitude + (133u << 23)) & 0xFE000000u; /* 4E from bit 23 on */
        factor = (407u << 23) - power;
        memcpy(&value, &magnitude, 4);
        memcpy(&scale, &factor, 4);
        value *= scale; /* exact; below 2^24 */
        rounded = value + 8388608.0f - 8388608.0f; /* to nearest even, below 2^23; above all are whole */
        memcpy(&exact, &value, 4);
        memcpy(&near, &rounded, 4);
        uint32_t whole = 0u - (uint32_t)(exact >= 0x4B000000u); /* bits of 2^23 */
        exact = (exact & whole) | (near & ~whole);
        memcpy(&value, &exact, 4);
        word = (uint32_t)(int32_t)value + (power >> 1 & (0u - (uint32_t)(magnitude != 0)));
        word |= bits & SIGN;
        word = big ? __builtin_bswap32(word) : word;
        memcpy(out + 4 * k, &word, 4);
    }
    return odd;
}

/* Whether two arrays of four-byte items are alike rows, one behind the other within a row. */
static int are_rows(const Py_buffer *one, const Py_buffer *other, const Py_buffer *marks)
{
    if (one->ndim != 2 || other->ndim != 2 || one->itemsize != 4 || other->itemsize != 4)
        return 0;
    if (one->shape[0] != other->shape[0] || one->shape[1] != other->shape[1])
        return 0;
    if (one->shape[1] > 1 && (one->strides[1] != 4 || other->strides[1] != 4))
        return 0;
    return marks->len == one->shape[0] * ((one->shape[1] + PIECE - 1) / PIECE);
}

static PyObject *convert(PyObject *args, int decoding)
{
    PyObject *source, *target;
    Py_buffer from, to, marks;
    int big;
    Py_ssize_t odd = -1;
    if (!PyArg_ParseTuple(args, "OOpw*", &source, &target, &big, &marks))
        return NULL;
    if (PyObject_GetBuffer(source, &from, PyBUF_STRIDES) < 0) {
        PyBuffer_Release(&marks);
        return NULL;
    }
    if (PyObject_GetBuffer(target, &to, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&from);
        PyBuffer_Release(&marks);
        return NULL;
    }
    if (!are_rows(&from, &to, &marks))
        PyErr_SetString(PyExc_ValueError, "the arrays are not rows of words of one shape");
    else {
        Py_BEGIN_ALLOW_THREADS
        uint8_t *mark = marks.buf;
        odd = 0;
        for (Py_ssize_t row = 0; row < from.shape[0]; row++) {
            const uint8_t *in = (const uint8_t *)from.buf + row * from.strides[0];
            uint8_t *out = (uint8_t *)to.buf + row * to.strides[0];
            for (Py_ssize_t column = 0; column < from.shape[1]; column += PIECE) {
                size_t count = (size_t)(from.shape[1] - column < PIECE ? from.shape[1] - column : PIECE);
                uint32_t found = decoding
                    ? decode_piece(in + 4 * column, count, big, (float *)(void *)(out + 4 * column))
                    : encode_piece((const float *)(const void *)(in + 4 * column), count, big, out + 4 * column);
                *mark++ = found != 0;
                odd += found != 0;
            }
        }
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    PyBuffer_Release(&marks);
    return odd < 0 ? NULL : PyLong_FromSsize_t(odd);
}

static PyObject *decode(PyObject *module, PyObject *args)
{
    (void)module;
    return convert(args, 1);
}

static PyObject *encode(PyObject *module, PyObject *args)
{
    (void)module;
    return convert(args, 0);
}

/* Read `width` bytes at each offset of an open file; return how many pieces came whole before one that did not. */
static PyObject *gather(PyObject *module, PyObject *args)
{
    int file;
    Py_buffer offsets, out;
    Py_ssize_t width, done = -1;
    (void)module;
    if (!PyArg_ParseTuple(args, "iy*nw*", &file, &offsets, &width, &out))
        return NULL;
    Py_ssize_t count = offsets.len / 8;
    if (offsets.len % 8 || width < 1 || out.len != count * width)
        PyErr_SetString(PyExc_ValueError, "out has no room for as many pieces as there are offsets");
    else {
        Py_BEGIN_ALLOW_THREADS
        const int64_t *at = offsets.buf;
        uint8_t *target = out.buf;
        for (done = 0; done < count; done++, target += width) {
            ssize_t got;
            do
                got = pread(file, target, (size_t)width, (off_t)at[done]);
            while (got < 0 && errno == EINTR);
            if (got != width)
                break;
        }
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&out);
    return done < 0 ? NULL : PyLong_FromSsize_t(done);
}

static PyMethodDef methods[] = {
    {"decode", decode, METH_VARARGS,
     "decode(words, out, big_endian, marks)\n--\n\nDecode rows of IBM words to float32; mark and count odd pieces."},
    {"encode", encode, METH_VARARGS,
     "encode(values, out, big_endian, marks)\n--\n\nEncode rows of float32 as IBM words; mark and count odd pieces."},
    {"gather", gather, METH_VARARGS,
     "gather(file, offsets, width, out)\n--\n\nRead a piece at each offset; return how many came whole."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_words", .m_doc = "Words of SEG-Y traces without the interpreter's lock.",
    .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit__words(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "PIECE", PIECE) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
