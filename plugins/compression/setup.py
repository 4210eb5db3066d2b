"""Compiles the inner loops where there is a C compiler; the package works without it, some times slower."""

import sysconfig

from setuptools import Extension, setup

limited = not sysconfig.get_config_var("Py_GIL_DISABLED")
setup(
    ext_modules=[
        Extension(
            f"mdio_compression.{name}",
            [f"src/mdio_compression/{name}.c"],
            extra_compile_args=["-O3"],
            py_limited_api=limited,
            optional=True,
        )
        for name in ("_frames", "_zfp")
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if limited else {},
)
