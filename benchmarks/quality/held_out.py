"""The zoo's datasets that policies and recall are confirmed on.

They were added after the policies and the recall methods were designed, and chosen only for being learnable
and for telling checkpoints apart. They are used for confirmation only: nothing is tuned or chosen on them.
"""

from __future__ import annotations

from hubselect.demo.zoo import OWNER

HELD_OUT: tuple[str, ...] = tuple(
    f"{OWNER}/{name}"
    for name in (
        "hidden-operators",
        "hidden-values",
        "hidden-punctuation",
        "disc-counts",
        "grating-frequencies",
        "photo-lights",
    )
)
