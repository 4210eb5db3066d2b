"""Lines of the program that are not to be the same, and why; what stands here does not count as the same."""

DEVIATIONS = {
    "VolumeDataChannelDescriptor.getValueRange": "OpenVDS cannot return its own type and raises; ours is a pair",
    "VolumeDataChannelDescriptor.valueRange": "as getValueRange",
    "VolumeDataAccessManager.requestProjectedVolumeSubset": "broken in OpenVDS 3.4.9 (an attribute is missing)",
    "VolumeDataRequest.bufferDataType": "of an empty request: R32, the default of requests, where OpenVDS says U8",
}

UNASKED = {
    "getAccessManagerInterface, manager": "one manager class here; OpenVDS wraps another object",
    "getWaveletAdaptiveLevels of a new VDS, close twice, use after close, MetadataKey(), one axis": "crash OpenVDS",
    "copyMetadata from a MetadataContainer": "crashes OpenVDS",
    "levels of detail after copyPage": "OpenVDS does not make them; ours does",
    "levels of detail of several components": "garbage in OpenVDS but for U8; ours are thinned out",
    "changes without updateWrittenRegion, pages that were not committed at close": "lost in OpenVDS, written by ours",
    "changes of margin voxels": "OpenVDS brings them only to pages that are in memory; ours to all chunks",
    "createPage through a read-only accessor, chunk numbers that are not there": "OpenVDS makes pages; ours refuses",
    "close(flush=False) of a new VDS": "OpenVDS leaves one that is empty, ours none",
    "hashes of layouts, contents and chunks": "OpenVDS' algorithm is unknown; the specification has ours",
    "texts of RuntimeError and TypeError": "ours say what, where and what to do",
    "wavelet methods": "ours keep what they promise, and their streams are smaller",
    "create without channels, with Format_Any": "OpenVDS makes files that cannot be used; ours refuses",
    "a second create of the same file while the first is open": "refused: one writer at a time",
}
"""What the program does not ask, because both would have to differ or OpenVDS would crash."""
