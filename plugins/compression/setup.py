"""Compiles the inner loops where there is a C compiler; the package works without it, some times slower."""

import sysconfig

from setuptools import Extension, setup

SOURCES = {
    "_frames": ["_frames.c", "_workers.c", "_unpack.c", "_pack.c", "_planes.c", "_repeats.c", "_crc.c"],
    "_zfp": ["_zfp.c"],
}

limited = not sysconfig.get_config_var("Py_GIL_DISABLED")
setup(
    ext_modules=[
        Extension(
            f"mdio_compression.{name}",
            [f"src/mdio_compression/{source}" for source in sources],
            depends=["src/mdio_compression/_frames.h", "src/mdio_compression/_repeats.h"],
            extra_compile_args=["-O3", "-fvisibility=hidden"],  # names that other libraries have are nobody's here
            py_limited_api=limited,
            optional=True,
        )
        for name, sources in SOURCES.items()
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if limited else {},
)
