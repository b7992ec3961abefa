"""Row lengths of DoRA: counted against the dense matrices, and through the job."""

from pathlib import Path

import numpy as np
import pytest

from core.ranks.dora import ROWS, Magnitude, split
from core.ranks.lengths import Lengths
from core.ranks.update import Update


def test_lengths_against_dense_matrices() -> None:
    random = np.random.default_rng(0)
    w0, b, a = (random.standard_normal(size) for size in ((24, 10), (24, 2), (2, 10)))
    tuned = w0 + 0.1 * b @ a
    wanted = random.uniform(0.9, 1.2, 24)
    m = wanted * np.linalg.norm(tuned, axis=1)
    found = Lengths.of("q", split(Update("q", b, a, 0.1), Magnitude(m, ROWS), w0))
    assert found.quartiles == pytest.approx(np.quantile(wanted, [0.25, 0.5, 0.75]))
    assert found.counts.sum() == 24
    moved = np.linalg.norm((wanted - 1)[:, None] * w0)
    turned = np.linalg.norm(wanted[:, None] * (0.1 * b @ a))
    assert found.magnitude_share == pytest.approx(moved**2 / (moved**2 + turned**2))
    again = Lengths.of_fields(found.fields())
    assert again.fields() == found.fields()


def test_an_adapter_without_lengths_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    from core.control import Control
    from core.errors import UserError
    from core.jobs.dora_lengths import DoraLengthsDesk, DoraLengthsRequest
    from tests.core.ranks.rank_folders import pair, write_adapter

    adapter = write_adapter(tmp_path / "a", pair("model.layers.0.self_attn.q_proj", (32, 32)))
    request = DoraLengthsRequest(adapter=str(adapter), source=str(tiny_model))
    with pytest.raises(UserError, match="no learned lengths"):
        list(DoraLengthsDesk().run(request, Control()))
