"""Smart Mining's batches: an epoch of triplets planned at its start, mined ones and random ones in every batch."""

from typing import Any

import numpy as np

from .class_members import ClassMembers
from .spheres import MINED, RANDOM, SKIPPED, Selection

__all__ = ["TripletEpochs"]


class TripletEpochs:
    """Batches of triplets.

    Anchors come from a deck that holds every image of a class with two or more, shuffled anew when it runs out; those
    of the running epoch go to its end then, so that an epoch no longer than the deck has no anchor twice.

    Args:
        members: the classes.
        batch_triplets: B_t, triplets in a batch.
        mined_share: rho; in mined epochs the first round(rho · B_t) anchors of a batch have their mined triplets.
        epoch_anchors: anchors in an epoch; 0 for all.
        per_anchor: triplets of an anchor.
        seed: of all draws.
    """

    def __init__(
        self,
        members: ClassMembers,
        batch_triplets: int,
        mined_share: float,
        epoch_anchors: int,
        per_anchor: int,
        seed: int,
    ) -> None:
        self.members = members
        self.batch_triplets = batch_triplets
        self.per_anchor = per_anchor
        self.mined_in_batch = round(mined_share * batch_triplets)
        anchors = min(epoch_anchors, len(members.anchors)) or len(members.anchors)
        self.steps_per_epoch = max(1, anchors * per_anchor // batch_triplets)
        self.generator = np.random.default_rng(seed)
        self.flags = np.full(batch_triplets, RANDOM, dtype=np.int8)
        """How the triplets of the last batch came about, int8 [B_t]."""
        self._deck = np.empty(0, dtype=np.int64)
        self._triplets = np.empty((0, 3), dtype=np.int32)
        self._flags = np.empty(0, dtype=np.int8)
        self._position = 0

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return 3 * self.batch_triplets

    @property
    def mined_triplets(self) -> np.ndarray:
        """The running epoch's triplets with both images from a list, int64 [n, 3]."""
        return self._triplets[self._flags == MINED].astype(np.int64)

    def deal(self) -> np.ndarray:
        """The anchors of the next epoch, int64."""
        wanted = -(-self.steps_per_epoch * self.batch_triplets // self.per_anchor)
        while len(self._deck) < wanted:
            fresh = self.generator.permutation(self.members.anchors)
            late = np.isin(fresh, self._deck)
            self._deck = np.concatenate([self._deck, fresh[~late], fresh[late]])
        anchors, self._deck = self._deck[:wanted], self._deck[wanted:]
        return anchors

    def plan(self, anchors: np.ndarray, selection: Selection | None = None) -> None:
        """Lay out the epoch of ``deal``'s anchors: random triplets, with a selection a share of mined ones.

        Skipped triplets give way to mined ones of other anchors, drawn at random.
        """
        owners = np.tile(np.arange(len(anchors)), self.per_anchor)
        turns = np.repeat(np.arange(self.per_anchor), len(anchors))
        order = self.generator.permutation(len(owners))[: self.steps_per_epoch * self.batch_triplets]
        triplets = self.members.random_triplets(anchors[owners[order]], self.generator)
        flags = np.full(len(order), RANDOM, dtype=np.int8)
        if selection is not None:
            places = owners[order] * self.per_anchor + turns[order]
            usable = np.flatnonzero(selection.flags != SKIPPED)
            skipped = selection.flags[places] == SKIPPED
            mined = np.arange(len(order)) % self.batch_triplets < self.mined_in_batch
            if len(usable):
                places[skipped] = usable[self.generator.integers(len(usable), size=int(skipped.sum()))]
            else:
                mined[:] = False
            triplets[mined], flags[mined] = selection.triplets[places[mined]], selection.flags[places[mined]]
        shuffle = self.generator.permuted(np.arange(len(order)).reshape(-1, self.batch_triplets), axis=1).reshape(-1)
        self._triplets, self._flags = triplets[shuffle].astype(np.int32), flags[shuffle]
        self._position = 0

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [3 · B_t]: all anchors, their positives, their negatives."""
        if self._position >= self.steps_per_epoch or not len(self._triplets):
            self.plan(self.deal())
        part = slice(self._position * self.batch_triplets, (self._position + 1) * self.batch_triplets)
        self._position += 1
        self.flags = self._flags[part]
        return self._triplets[part].T.astype(np.int64).reshape(-1)

    def state_dict(self) -> dict[str, Any]:
        """The deck, the running epoch's triplets with their flags, the position, the random numbers."""
        return {
            "deck": self._deck,
            "triplets": self._triplets,
            "flags": self._flags,
            "position": self._position,
            "generator": self.generator.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state."""
        self._deck, self._triplets, self._flags = (np.asarray(state[name]) for name in ("deck", "triplets", "flags"))
        self._position = state["position"]
        self.generator.bit_generator.state = state["generator"]
