"""Seismic Unix files for mdio."""
