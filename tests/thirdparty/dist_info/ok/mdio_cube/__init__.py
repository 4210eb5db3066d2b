"""Cubes of one JSON line and raw samples."""
