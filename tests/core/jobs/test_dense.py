"""The job `dense`: a LoRA of two models or of a DoRA adapter, with progress, stopped cleanly."""

from pathlib import Path

import pytest

from core.control import Control
from core.errors import UserError
from core.events import Progress, Reply, RunEnded
from core.jobs.dense import DenseDesk, DenseRequest
from core.ranks import adapter_spectra
from tests.core.ranks.actions.peft_models import effect_error, make
from tests.core.ranks.actions.test_extract import tuned_copy
from tests.core.ranks.rank_folders import Q3, pair, write_adapter

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_what_a_model_has_learned_is_written(tiny_model: Path, tmp_path: Path) -> None:
    tuned = tuned_copy(tiny_model, tmp_path / "tuned", 3)
    request = DenseRequest(
        action="extract",
        other=str(tuned),
        base=str(tiny_model),
        rank=3,
        out=str(tmp_path / "out"),
    )
    *told, reply = DenseDesk().run(request, Control())
    assert isinstance(reply, Reply)
    assert reply.data["error"] < 1e-5
    shares = [event.share for event in told if isinstance(event, Progress) and event.share >= 0]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {m.rank for m in adapter_spectra(tmp_path / "out").modules} == {3}


def test_dora_is_converted_with_its_base(tiny_model: Path, tmp_path: Path) -> None:
    adapter = make(tiny_model, tmp_path / "in", "dora")
    request = DenseRequest(
        action="convert",
        other=str(adapter),
        base=str(tiny_model),
        rank=32,
        out=str(tmp_path / "out"),
    )
    *_, reply = DenseDesk().run(request, Control())
    assert isinstance(reply, Reply)
    assert effect_error(tiny_model, tmp_path / "out", adapter) < 1e-5


def test_a_plain_adapter_is_written_as_it_is(tiny_model: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "in", pair(Q3))
    request = DenseRequest(
        action="convert", other=str(adapter), base=str(tiny_model), rank=1, out=str(tmp_path / "o")
    )
    *_, reply = DenseDesk().run(request, Control())
    assert isinstance(reply, Reply)
    assert reply.data["error"] == 0.0
    old, new = (adapter_spectra(path).modules[0] for path in (adapter, tmp_path / "o"))
    assert new.singular_values == pytest.approx(old.singular_values, rel=1e-5)


def test_a_stop_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    tuned, control = tuned_copy(tiny_model, tmp_path / "tuned", 3), Control()
    request = DenseRequest(
        action="extract", other=str(tuned), base=str(tiny_model), rank=3, out=str(tmp_path / "out")
    )
    events = []
    for event in DenseDesk().run(request, control):
        events.append(event)
        control.stop()
    assert isinstance(events[-1], RunEnded)
    assert not (tmp_path / "out").exists()


def test_models_that_do_not_belong_together(tiny_model: Path, tmp_path: Path) -> None:
    request = DenseRequest(
        action="extract", other=str(tmp_path), base=str(tiny_model), rank=3, out=str(tmp_path / "o")
    )
    with pytest.raises(UserError):
        list(DenseDesk().run(request, Control()))
