"""What is worth searching with DVML."""

from hardmine.methods.tuple_search import TupleSearch
from hardmine.settings.ranges import Range

__all__ = ["DVMLSearch"]


class DVMLSearch(TupleSearch):
    """The search space of DVML."""

    def space(self) -> dict[str, Range]:
        """How wide the variation is, when the phases change, and how fast the decoder learns."""
        run = self.run
        if run.variant == "base":
            return self.base_space()
        prior = {
            "prior_width": Range(low=0.02, high=0.5, reason="in the units of the embeddings, as it drowns short ones")
        }
        noise = {"noise_width": Range(low=0.02, high=0.5, reason="in the units of the embeddings")}
        switch = {"switch": Range(low=0, high=1, scale="linear", reason="when rebuilding begins to train the network")}
        decoder = {"decoder_learning_rate": Range(low=0.001, high=0.03, reason="it has few steps here")}
        return {
            **(prior if run.encodes else noise),
            **(switch if run.variant not in ("no-phase", "one-phase") else {}),
            **(decoder if run.decodes else {}),
        }
