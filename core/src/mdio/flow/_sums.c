/* Sums and extremes of float32 samples in one pass, without the interpreter's lock.
 *
 * What mdio.flow.statistics works out with numpy in eight passes. Samples that are not finite are not sorted out here:
 * where there is one, the answer is "not done", and the Python code has its turn.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define FAST __attribute__((target_clones("avx2", "default")))
#else
#define FAST
#endif

/* Sums side by side: the same ones whatever a processor adds at once, so that the last digits do not depend on it. */
enum { LANES = 16 };

typedef struct {
    double sum, squares;
    float low, high; /* of the samples that are not zero */
    int64_t zeros;
} Sums;

FAST static void add(const float *restrict samples, size_t count, Sums *sums)
{
    double sum[LANES] = {0}, squares[LANES] = {0};
    float low[LANES], high[LANES];
    int32_t zeros[LANES] = {0}; /* of at most 2^31 samples each */
    for (int k = 0; k < LANES; k++) {
        low[k] = INFINITY;
        high[k] = -INFINITY;
    }
    for (size_t at = 0; at < count; at += LANES)
        for (int k = 0; k < LANES; k++) {
            float sample = samples[at + k], under = sample == 0 ? INFINITY : sample;
            float over = sample == 0 ? -INFINITY : sample;
            double wide = sample;
            sum[k] += wide;
            squares[k] += wide * wide;
            zeros[k] += sample == 0;
            low[k] = under < low[k] ? under : low[k];
            high[k] = over > high[k] ? over : high[k];
        }
    for (int k = 0; k < LANES; k++) {
        sums->sum += sum[k];
        sums->squares += squares[k];
        sums->zeros += zeros[k];
        sums->low = low[k] < sums->low ? low[k] : sums->low;
        sums->high = high[k] > sums->high ? high[k] : sums->high;
    }
}

PyDoc_STRVAR(measure_doc,
"measure(samples)\n--\n\n"
"Return sum, sum of squares, how many are not zero, and the least and the largest of these, of contiguous float32\n"
"samples; None where one is not finite. Without any that is not zero the extremes are infinite.");

static PyObject *measure(PyObject *module, PyObject *args)
{
    Py_buffer samples;
    Sums sums = {.low = INFINITY, .high = -INFINITY};
    (void)module;
    if (!PyArg_ParseTuple(args, "y*", &samples))
        return NULL;
    size_t count = (size_t)samples.len / sizeof(float), whole = count / LANES * LANES;
    if (samples.itemsize != sizeof(float) || (uintptr_t)samples.buf % sizeof(float) || count >> 31) {
        PyBuffer_Release(&samples);
        PyErr_SetString(PyExc_ValueError, "samples are not float32, not aligned, or too many");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    const float *all = samples.buf;
    float rest[LANES] = {0};
    add(all, whole, &sums);
    if (whole < count) {
        memcpy(rest, all + whole, (count - whole) * sizeof(float));
        add(rest, LANES, &sums);
        sums.zeros -= (int64_t)(LANES - (count - whole));
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&samples);
    if (!isfinite(sums.sum) || !isfinite(sums.squares))
        Py_RETURN_NONE;
    return Py_BuildValue("ddLdd", sums.sum, sums.squares, (long long)((int64_t)count - sums.zeros), (double)sums.low,
                         (double)sums.high);
}

static PyMethodDef methods[] = {
    {"measure", measure, METH_VARARGS, measure_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_sums", .m_doc = "Sums of samples without the interpreter's lock.",
    .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit__sums(void) { return PyModule_Create(&definition); }
