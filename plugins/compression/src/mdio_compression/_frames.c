/* Blosc-1 frames with zstd streams, read and written without the interpreter's lock.
 *
 * What mdio_compression.blosc, .decode and .frame say in Python, for the frames that nearly all data are in: zstd,
 * shuffled, items of any size. Everything else - other streams, damage of any kind, a frame whose head does not add
 * up - is refused with a plain "not done", and the Python code, which knows the words for it, has its turn. So
 * nothing here raises an error about data. The work is done in _unpack.c and _pack.c; this is the door to it.
 *
 * zstd itself comes from a library that is loaded already: the addresses of seven functions of its stable interface are
 * handed to connect(), and that of an eighth where there is one.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(_WIN32)
#error "positioned reads are done with pread; the package works without this module"
#endif
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "_frames.h"

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
        if (make_repeat_encoder(worker))
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
    return unpack_box(worker, &stored, &box, nbytes, typesize);
}

PyDoc_STRVAR(decode_doc,
"decode(source, jobs, shape, typesize, out)\n--\n\n"
"Decode boxes of chunks into an array and return how many are done; the next one is for the Python code.\n\n"
"source is a buffer, the number of an open file, or the name of one. jobs are int64: for each, offset and length of the\n"
"frame in the source (-1: to its end), then for each axis start and stop of the box in the chunk and start in out.\n"
"shape, int64, is that of every chunk; items of out, which may have any strides, are typesize bytes.");

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
        size = pack_chunk(worker, &chunk, nbytes, (size_t)blocksize, level, keep_fill, out.buf, (size_t)out.len);
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
    {"connect", connect, METH_VARARGS,
     "connect(*addresses)\n--\n\nSay where seven functions of zstd are, and an eighth that may be missing."},
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
    survive_forks();
    return PyModule_Create(&definition);
}
