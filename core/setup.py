"""Compiles the inner loop where there is a C compiler; the package works without it, somewhat slower."""

import sysconfig

from setuptools import Extension, setup

limited = not sysconfig.get_config_var("Py_GIL_DISABLED")
setup(
    ext_modules=[
        Extension(
            "mdio.flow._sums",
            ["src/mdio/flow/_sums.c"],
            extra_compile_args=["-O3"],
            py_limited_api=limited,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if limited else {},
)
