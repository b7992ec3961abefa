"""Numbers about encoded rows: what is trained, what is cut."""

from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING

from core.data.lengths import Tally

if TYPE_CHECKING:
    from core.data.token_rows import TokenRows


@dataclass(frozen=True, kw_only=True)
class DataStats:
    """What the rows of a data set come to at one maximal length; by default, what no rows do.

    Attributes:
        lengths: Tokens of each row before anything is cut.
        trained_lengths: Trained tokens of each row that are left after cutting.
        tokens: Tokens that are left.
        trained_tokens: Trained tokens that are left.
        cut_rows: Rows that are longer than the limit.
        cut_trained_tokens: Trained tokens that are cut.
        empty_rows: Rows with no trained token left.
        answers: Answers in all rows.
        unlocated: Answers that could not be found in the rendered text.
        open_ends: Answers without a trained end of turn.
        cut_ends: Answers of which the end of turn is cut.
        largest_id: The largest token id, those that are cut included, -1 without any token.
    """

    lengths: tuple[int, ...] = ()
    trained_lengths: tuple[int, ...] = ()
    tokens: int = 0
    trained_tokens: int = 0
    cut_rows: int = 0
    cut_trained_tokens: int = 0
    empty_rows: int = 0
    answers: int = 0
    unlocated: int = 0
    open_ends: int = 0
    cut_ends: int = 0
    largest_id: int = -1

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.lengths)

    @property
    def median_trained(self) -> int:
        """Trained tokens of the middle row."""
        return median_low(self.trained_lengths) if self.trained_lengths else 0

    def length_for(self, share: float) -> int:
        """Return the length that leaves at least `share` of the rows whole, a multiple of 64."""
        return Tally.of(self.lengths).length_for(share)


def summarise(rows: "TokenRows", max_length: int) -> DataStats:
    """Add up the rows, cut at a length."""
    trained = rows.trained_lengths(max_length)
    kept = rows.lengths.clip(max=max_length)
    return DataStats(
        lengths=tuple(rows.lengths.tolist()),
        trained_lengths=tuple(trained.tolist()),
        tokens=int(kept.sum()),
        trained_tokens=int(trained.sum()),
        cut_rows=int((rows.lengths > max_length).sum()),
        cut_trained_tokens=int((rows.trained_lengths() - trained).sum()),
        empty_rows=int((trained == 0).sum()),
        answers=int(rows.answers.sum()),
        unlocated=int(rows.unlocated.sum()),
        open_ends=int((rows.ends.values < 0).sum()),
        cut_ends=int((rows.ends.values >= max_length).sum()),
        largest_id=int(rows.ids.values.max(initial=-1)),
    )
