"""How a target is begun by processes of which only one claims it, journals and commits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdio.core.volume import Creation
from mdio.flow.journal import Journal
from mdio.flow.lease import revoke
from mdio.storage.claiming import claim_target

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = ["Joining", "claim"]


@dataclass(frozen=True)
class Joining(Creation):
    """Begin a sink that only takes blocks: another process has claimed the target and will commit it.

    Parameters
    ----------
    header
        Of the journal of the run.
    """

    header: Mapping[str, Any] = field(default_factory=dict)

    def journal(self) -> Journal:
        """Return a journal that knows the run and keeps nothing: receipts go to the process that keeps it."""
        return Journal.in_memory([json.dumps(dict(self.header)).encode() + b"\n"])


def claim(store: Store, creation: Creation, journal: Callable[[], Journal]) -> tuple[Journal, bool]:
    """Claim a target, or join a run that has; see :func:`mdio.storage.claiming.claim_target`.

    Workers of a run that was killed lose their leave to write it.
    """
    if isinstance(creation, Joining):
        return creation.journal(), True
    held, resumes = claim_target(store, creation, journal)
    if creation.resume or creation.overwrite:
        revoke(store)
    return held, resumes
