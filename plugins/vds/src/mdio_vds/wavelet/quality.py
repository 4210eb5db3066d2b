"""How much of wavelet chunks is read, as a caller wishes it, and what that means for each layer (section 9.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mdio_vds.channel import layer_name
from mdio_vds.wavelet.adaptive import BEST, level_at_lod, level_for_ratio, level_for_tolerance

if TYPE_CHECKING:
    from mdio_vds.chunks import VdsSource
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout

__all__ = ["BEST_QUALITY", "Quality"]


@dataclass(frozen=True, slots=True)
class Quality:
    """A wish for less than all of the wavelet chunks; it means nothing to other layers.

    Parameters
    ----------
    tolerance
        Read as if the data had been compressed with this tolerance; None for all that is stored.
    ratio
        Read as if the data had been compressed to this part of their size (5 is a fifth); None for all.
    """

    tolerance: float | None = None
    ratio: float | None = None

    def level(
        self,
        source: VdsSource,
        layout: VolumeDataLayout,
        channel: ChannelDescriptor,
        group: tuple[int, ...],
        lod: int = 0,
    ) -> int:
        """Return the adaptive level of a layer; that of full resolution decides for all."""
        full = source.layers.get(layer_name(layout, channel, group))
        layer = source.layers.get(layer_name(layout, channel, group, lod))
        if full is None or layer is None or not full.method.is_wavelet:
            return BEST
        if self.tolerance is not None:
            level = level_for_tolerance(self.tolerance, full.tolerance)
        elif self.ratio is not None:
            level = level_for_ratio(self.ratio, full.uncompressed_size, full.level_sizes)
        else:
            return BEST
        return level_at_lod(level, lod, layer.tolerance, full.tolerance)


BEST_QUALITY: Final = Quality()
"""Everything that is stored."""
