"""The standard trace header of 240 bytes: the vocabulary in which all formats speak of header words.

Field positions and types follow SEG-Y revision 1 (SEG Technical Standards, section 6, table 3); the names are those
of MDIO. MDIO v0 stores exactly these 89 fields (bytes 1 to 232), little endian.
"""

from __future__ import annotations

from functools import cache

from mdio.core.headers import HeaderField, HeaderLayout

__all__ = ["BYTE_OF", "RECORD_SIZE", "STANDARD_FIELDS", "standard_layout"]

RECORD_SIZE = 240
"""Bytes of a standard trace header."""

STANDARD_FIELDS: tuple[tuple[int, str, str], ...] = (
    (1, "trace_seq_num_line", "i4"),
    (5, "trace_seq_num_reel", "i4"),
    (9, "orig_field_record_num", "i4"),
    (13, "trace_num_orig_record", "i4"),
    (17, "energy_source_point_num", "i4"),
    (21, "ensemble_num", "i4"),
    (25, "trace_num_ensemble", "i4"),
    (29, "trace_id_code", "i2"),
    (31, "vertically_summed_traces", "i2"),
    (33, "horizontally_stacked_traces", "i2"),
    (35, "data_use", "i2"),
    (37, "source_to_receiver_distance", "i4"),
    (41, "receiver_group_elevation", "i4"),
    (45, "source_surface_elevation", "i4"),
    (49, "source_depth_below_surface", "i4"),
    (53, "receiver_datum_elevation", "i4"),
    (57, "source_datum_elevation", "i4"),
    (61, "source_water_depth", "i4"),
    (65, "receiver_water_depth", "i4"),
    (69, "elevation_depth_scalar", "i2"),
    (71, "coordinate_scalar", "i2"),
    (73, "source_coord_x", "i4"),
    (77, "source_coord_y", "i4"),
    (81, "group_coord_x", "i4"),
    (85, "group_coord_y", "i4"),
    (89, "coordinate_unit", "i2"),
    (91, "weathering_velocity", "i2"),
    (93, "subweathering_velocity", "i2"),
    (95, "source_uphole_time", "i2"),
    (97, "group_uphole_time", "i2"),
    (99, "source_static_correction", "i2"),
    (101, "receiver_static_correction", "i2"),
    (103, "total_static_applied", "i2"),
    (105, "lag_time_a", "i2"),
    (107, "lag_time_b", "i2"),
    (109, "delay_recording_time", "i2"),
    (111, "mute_time_start", "i2"),
    (113, "mute_time_end", "i2"),
    (115, "samples_per_trace", "i2"),
    (117, "sample_interval", "i2"),
    (119, "instrument_gain_type", "i2"),
    (121, "instrument_gain_const", "i2"),
    (123, "instrument_gain_initial", "i2"),
    (125, "correlated_data", "i2"),
    (127, "sweep_freq_start", "i2"),
    (129, "sweep_freq_end", "i2"),
    (131, "sweep_length", "i2"),
    (133, "sweep_type", "i2"),
    (135, "sweep_taper_start", "i2"),
    (137, "sweep_taper_end", "i2"),
    (139, "taper_type", "i2"),
    (141, "alias_filter_freq", "i2"),
    (143, "alias_filter_slope", "i2"),
    (145, "notch_filter_freq", "i2"),
    (147, "notch_filter_slope", "i2"),
    (149, "low_cut_freq", "i2"),
    (151, "high_cut_freq", "i2"),
    (153, "low_cut_slope", "i2"),
    (155, "high_cut_slope", "i2"),
    (157, "year_recorded", "i2"),
    (159, "day_of_year", "i2"),
    (161, "hour_of_day", "i2"),
    (163, "minute_of_hour", "i2"),
    (165, "second_of_minute", "i2"),
    (167, "time_basis_code", "i2"),
    (169, "trace_weighting_factor", "i2"),
    (171, "group_num_roll_switch", "i2"),
    (173, "group_num_first_trace", "i2"),
    (175, "group_num_last_trace", "i2"),
    (177, "gap_size", "i2"),
    (179, "taper_overtravel", "i2"),
    (181, "cdp_x", "i4"),
    (185, "cdp_y", "i4"),
    (189, "inline", "i4"),
    (193, "crossline", "i4"),
    (197, "shot_point", "i4"),
    (201, "shot_point_scalar", "i2"),
    (203, "trace_value_unit", "i2"),
    (205, "transduction_const_mantissa", "i4"),
    (209, "transduction_const_exponent", "i2"),
    (211, "transduction_unit", "i2"),
    (213, "device_trace_id", "i2"),
    (215, "times_scalar", "i2"),
    (217, "source_type_orientation", "i2"),
    (219, "source_energy_dir_mantissa", "i4"),
    (223, "source_energy_dir_exponent", "i2"),
    (225, "source_measurement_mantissa", "i4"),
    (229, "source_measurement_exponent", "i2"),
    (231, "source_measurement_unit", "i2"),
)
"""``(byte, name, type)``: 1-based first byte, word name, ``i2`` or ``i4``; ascending, without gaps up to byte 232."""

BYTE_OF: dict[str, int] = {name: byte for byte, name, _ in STANDARD_FIELDS}
"""Word name to 1-based byte."""


_ALIASES = {
    9: ("field_record",),
    21: ("cdp",),
    37: ("offset",),
    181: ("cdpx",),
    185: ("cdpy",),
    189: ("iline",),
    193: ("xline",),
    197: ("shotpoint",),
}
"""Other names in use, where they can mean one word only."""


@cache
def standard_layout(big_endian: bool = True, itemsize: int = RECORD_SIZE) -> HeaderLayout:
    """Return the layout of raw standard records; fields also answer to byte numbers and common names.

    Parameters
    ----------
    big_endian
        Byte order of the words.
    itemsize
        Size of a record in bytes: 240, or more with header extensions, or 232 for MDIO v0 records.
    """
    order = ">" if big_endian else "<"
    fields = tuple(
        HeaderField(name, byte - 1, order + kind, (str(byte), *_ALIASES.get(byte, ())))
        for byte, name, kind in STANDARD_FIELDS
        if byte - 1 + int(kind[1]) <= itemsize
    )
    return HeaderLayout(fields, itemsize)
