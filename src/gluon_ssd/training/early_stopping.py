"""When to end a job whose validation mAP no longer rises (SageMaker developer guide, early_stopping)."""

import math
from dataclasses import dataclass


@dataclass(kw_only=True)
class EarlyStopping:
    """Counts epochs without improvement, and says when there were enough.

    An epoch improves when (score - best) / best is at least `tolerance`, where best is the highest score before it:
    with a tolerance of 0 an equal score is an improvement. The first score is one, and so is any positive score after
    a best of 0. The first `min_epochs` - 1 epochs only set the best; `patience` epochs in a row without improvement,
    from then on, end the job.

    Attributes:
        best: The highest score so far, None before the first.
        waited: Epochs without improvement up to now.
    """

    patience: int
    tolerance: float
    min_epochs: int
    best: float | None = None
    waited: int = 0

    def observe(self, epoch: int, score: float) -> None:
        """Take the score of this epoch, counted from 0."""
        if self._improves(score):
            self.waited = 0
        elif epoch + 1 >= self.min_epochs:
            self.waited += 1
        if not math.isnan(score):
            self.best = score if self.best is None else max(self.best, score)

    @property
    def due(self) -> bool:
        """Whether the job should end now."""
        return self.waited >= self.patience

    def _improves(self, score: float) -> bool:
        if self.best is None:
            return not math.isnan(score)
        if self.best == 0:
            return score > 0
        return (score - self.best) / self.best >= self.tolerance
