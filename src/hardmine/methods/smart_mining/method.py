"""Smart Mining: triplets mined once an epoch outside spheres, ratio and global loss, a controller of difficulty."""

import time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Method, Setup
from hardmine.methods.log import EpochLog
from hardmine.mining.neighbour_lists import NeighbourSearch, automatic_length

from .class_members import ClassMembers
from .controller import Controller, error_ceiling, scheduled_scale
from .global_loss import GlobalLoss
from .ratio_triplet import distances_of, ratio_triplet_loss, squared_distances
from .settings import SmartMining
from .spheres import MINED, OUTSIDE, RANDOM, SphereRules, mine
from .triplet_epochs import TripletEpochs
from .violations import Violations

__all__ = ["SmartMiningMethod"]


class SmartMiningMethod(Method):
    """Embeds all training images at the start of an epoch, mines its triplets, and trains on them and random ones."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, SmartMining)
        self.run = run = setup.run
        super().__init__(setup)
        window = None if run.window == "all" else run.window
        self.controller = Controller(run.target_error, run.kappa_max, window, run.prior, run.line)
        self.violations = Violations()
        self.global_loss = GlobalLoss(run.separation_weight, run.global_margin, run.global_scope, run.global_momentum)
        self.parts |= {"controller": self.controller, "violations": self.violations, "global_loss": self.global_loss}
        self.add_optimiser(self.parameter_groups())
        self.rules = SphereRules(run.bound, run.fallback_positive, run.outside_empty, run.negative_order)
        others = len(setup.labels) - 1
        self.length = automatic_length(setup.labels) if run.k == "auto" else min(run.k, others)
        if run.k != "auto" and run.k > others:
            print(f"smart-mining: k: {run.k} is cut to the {others} other training images there are.", flush=True)
        self._clock = time.monotonic()

    def build_sampler(self) -> TripletEpochs:
        """The epochs of triplets."""
        run, setup = self.run, self.setup
        members = ClassMembers(setup.labels)
        return TripletEpochs(
            members, run.batch_triplets, run.mined_share, run.epoch_anchors, run.triplets_per_anchor, setup.seed
        )

    def begin_epoch(self, epoch: int, log: EpochLog) -> None:
        """Take stock of the last epoch; plan this one, from the third on with mined triplets."""
        self._observe()
        anchors, kappa = self.sampler.deal(), None
        if not self.run.mined_share or epoch < self.run.random_epochs:
            self.sampler.plan(anchors)
        else:
            kappa = self._scale(epoch, log)
            self._mine(anchors, kappa, epoch, log)
        self.violations.start(kappa)
        self._clock = time.monotonic()

    def step(self, log: EpochLog) -> None:
        """One training step; the last of an epoch says how long the epoch took."""
        super().step(log)
        if (self.step_number + 1) % self.steps_per_epoch == 0 and self.violations.kappa is not None:
            print(f"smart-mining: training {time.monotonic() - self._clock:.2f} s", flush=True)

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """Mean ratio loss of the batch's triplets, and the global loss with its weight."""
        run, flags = self.run, self.sampler.flags
        anchors, positives, negatives = functional.normalize(outputs["embedding"], dim=1).chunk(3)
        positive, negative = squared_distances(anchors, positives), squared_distances(anchors, negatives)
        triplets = ratio_triplet_loss(distances_of(positive), distances_of(negative), run.margin)
        statistics = self.global_loss(positive, negative)
        value = triplets.values.mean()
        active = triplets.active.cpu().numpy()
        self.violations.add(active, flags)
        log.add("triplet_loss", value)
        log.add("global_loss", statistics.value)
        log.add("error_all", float(active.mean()))
        for name, flag in (("error_mined", MINED), ("error_random", RANDOM)):
            if (flags == flag).any():
                log.add(name, float(active[flags == flag].mean()), float((flags == flag).sum()))
        log.add("mu_positive", statistics.positive_mean)
        log.add("mu_negative", statistics.negative_mean)
        log.add("var_positive", statistics.positive_variance)
        log.add("var_negative", statistics.negative_variance)
        return value + run.global_weight * statistics.value if run.global_weight else value

    def _observe(self) -> None:
        """Tell the controller what the finished epoch measured; say once when the target cannot be reached."""
        run, kappa = self.run, self.violations.kappa
        error, at_random = self.violations.share(run.error_scope), self.violations.share("random")
        if kappa is None or error is None:
            return
        self.controller.observe(kappa, error)
        if run.kappa_mode == "adaptive" and run.error_scope == "all" and at_random is not None:
            self.controller.warn_of(error_ceiling(run.mined_share, at_random))

    def _scale(self, epoch: int, log: EpochLog) -> float:
        """Scale of the sphere in an epoch."""
        run = self.run
        kappa = run.kappa
        if run.kappa_mode == "schedule":
            last = -(-self.total_steps // self.steps_per_epoch) - 1
            kappa = scheduled_scale(epoch, run.random_epochs, last, run.kappa, run.kappa_end)
        elif run.kappa_mode == "adaptive":
            proposal = self.controller.propose()
            kappa = proposal.kappa
            log.set("alpha", proposal.slope)
            log.set("beta", proposal.intercept)
            log.set("line_refused", proposal.rejected)
            log.set("target", run.target_error)
        log.set("kappa", kappa)
        return kappa

    def _mine(self, anchors: np.ndarray, kappa: float, epoch: int, log: EpochLog) -> None:
        """Embed all training images, search, select, plan the epoch; report on it."""
        run, sampler = self.run, self.sampler
        times = [time.monotonic()]
        embeddings = functional.normalize(self.embed_training(np.arange(len(self.setup.labels))).float(), dim=1)
        self._keep_distances(embeddings)
        times.append(time.monotonic())
        automatic = self.length * (4 if run.index == "nsg" else 2)
        width = automatic if run.search_width == "auto" else max(run.search_width, self.length)
        search = NeighbourSearch(embeddings, run.index, width, self.setup.seed)
        times.append(time.monotonic())
        own = (run.triplets_per_anchor, self.rules)
        selection = mine(search, anchors, self.length, sampler.members, kappa, sampler.generator, *own)
        sampler.plan(anchors, selection)
        times.append(time.monotonic())
        for name, flag in (("share_mined", MINED), ("share_outside", OUTSIDE), ("share_random", RANDOM)):
            log.set(name, float((selection.flags == flag).mean()))
        if len(selection.limits):
            log.set("kappa_limit", float(np.median(selection.limits)))
        mined = selection.triplets[selection.flags == MINED]
        if len(mined):
            positive, negative = _squared_of(embeddings, mined)
            log.set("mined_positive", float(positive.mean()))
            log.set("mined_negative", float(negative.mean()))
        self.diagnostics.keep("distances_running", _histogram(embeddings, sampler.mined_triplets))
        seconds = np.diff(times)
        print(
            f"smart-mining: epoch {epoch + 1}, kappa {kappa:.3g}: embedding {seconds[0]:.2f} s, "
            f"index {seconds[1]:.2f} s, search and selection {seconds[2]:.2f} s",
            flush=True,
        )

    def _keep_distances(self, embeddings: Tensor) -> None:
        """Keep the distances of the last mined epoch's triplets when they were mined and now, of the first one too."""
        if self.violations.kappa is None:
            return
        now = _histogram(embeddings, self.sampler.mined_triplets)
        both = torch.stack([self.diagnostics.arrays["distances_running"], now])
        self.diagnostics.keep("distances_last", both)
        if "distances_first" not in self.diagnostics.arrays:
            self.diagnostics.keep("distances_first", both)


def _squared_of(embeddings: Tensor, triplets: np.ndarray) -> tuple[Tensor, Tensor]:
    """q(a,p) and q(a,n) float32 [T] of triplets int64 [T, 3] by embeddings [N, D]."""
    anchors, positives, negatives = torch.from_numpy(triplets).to(embeddings.device).T
    own = embeddings[anchors]
    return squared_distances(own, embeddings[positives]), squared_distances(own, embeddings[negatives])


def _histogram(embeddings: Tensor, triplets: np.ndarray) -> Tensor:
    """Counts int64 [2, 40] of r(a,p) and r(a,n) in 40 equal bins from 0 to 2."""
    pairs = [distances_of(squared).cpu() for squared in _squared_of(embeddings, triplets)]
    bins = [(distances * 20).long().clamp(0, 39) for distances in pairs]
    return torch.stack([torch.bincount(own, minlength=40) for own in bins])
