"""Run by the interpreter of the environment that has the openvds wheel: read every voxel of a VDS.

Reads one JSON object from standard input, saves the arrays, and says what the wheel says about the layout.
"""

import json
import sys

import numpy as np
import openvds

case = json.load(sys.stdin)
vds = openvds.open(case["url"], "")
layout = openvds.getLayout(vds)
manager = openvds.getAccessManager(vds)
axes = range(layout.dimensionality)
size = [layout.getDimensionNumSamples(d) for d in axes]
group = openvds.DimensionsND.Dimensions_01 if len(size) == 2 else openvds.DimensionsND.Dimensions_012
out = {}
for lod in range(case["lods"] + 1):
    request = manager.requestVolumeSubset(
        (0,) * 6,
        (*size, *[1] * (6 - len(size))),
        lod=lod,
        channel=0,
        format=layout.getChannelFormat(0),
        dimensionsND=group,
    )
    out[f"lod{lod}"] = np.asarray(request.data)
for c in range(1, layout.channelCount):
    n = layout.getChannelDescriptor(c).mappedValueCount
    request = manager.requestVolumeSubset(
        (0,) * 6,
        (n, *size[1:], *[1] * (6 - len(size))),
        lod=0,
        channel=c,
        format=layout.getChannelFormat(c),
        dimensionsND=group,
    )
    out[layout.getChannelName(c)] = np.asarray(request.data)
np.savez(case["out"], **out)
sys.stdout.write(
    json.dumps(
        {
            "axes": [
                [
                    layout.getDimensionName(d),
                    layout.getDimensionUnit(d),
                    layout.getDimensionMin(d),
                    layout.getDimensionMax(d),
                ]
                for d in axes
            ],
            "range": [layout.getChannelValueRangeMin(0), layout.getChannelValueRangeMax(0)],
            "method": openvds.getCompressionMethod(vds).name,
            "facts": layout.getMetadataString("mdio", "Facts"),
        }
    )
)
