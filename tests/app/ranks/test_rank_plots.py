"""Colours and ticks of the plots of the Ranks page."""

import numpy as np
import pytest

from app.plots.colors import share_of, viridis


def test_colours_are_viridis() -> None:
    pyqtgraph = pytest.importorskip("pyqtgraph")
    table = pyqtgraph.colormap.get("viridis").getLookupTable(0, 1, 257, alpha=False)
    ours = [viridis(share).getRgb()[:3] for share in np.linspace(0, 1, 257)]
    assert np.abs(np.array(ours, int) - table.astype(int)).max() <= 6


def test_colours_stay_at_their_ends() -> None:
    assert viridis(-1).getRgb() == viridis(0).getRgb()
    assert viridis(2).getRgb() == viridis(1).getRgb()
    assert share_of(3, 3, 3) == 0.5
    assert share_of(2, 1, 3) == 0.5


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-2.0, 0.0, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]),
        (-4.0, 1.0, ["0.0001", "0.001", "0.01", "0.1", "1", "10"]),
        (0.31, 0.68, ["2.04", "2.96", "3.87", "4.79"]),
    ],
)
def test_log_ticks(low: float, high: float, expected: list[str]) -> None:
    from app.plots.ticks import log_ticks

    marks = log_ticks(low, high)
    assert [text for _, text in marks] == expected
    for place, text in marks:
        assert 10**place == pytest.approx(float(text), rel=0.01)
