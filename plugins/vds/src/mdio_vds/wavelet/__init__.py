"""Wavelet chunks (VDS specification section 9): payload bytes to voxels.

Importing this package costs nothing. :mod:`mdio_vds.wavelet.decode` needs numba and is imported where the first wavelet
chunk is met; :mod:`mdio_vds.wavelet.adaptive` only computes how much of a payload a reader needs.
"""
