"""The JSON of spectra: complete, finite, and read back to the last bit."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.cli import main
from core.errors import UserError
from core.ranks import (
    AdapterSpectra,
    ModuleSpectrum,
    Update,
    adapter_spectra,
    load_ranks,
    save_ranks,
    spectra_of,
    to_document,
)
from core.ranks.report import report
from tests.core.ranks.rank_folders import PREFIX, Q3, UP0, pair, write_adapter

CONTRACT = {
    "name", "shape", "rank", "scaling", "singular_values", "frobenius", "spectral", "stable_rank",
    "erank", "erank_energy", "energy_rank", "null",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "words", {**pair(Q3), **pair(UP0, (24, 10))})


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers(item)]
    if isinstance(value, list | tuple):
        return [n for item in value for n in numbers(item)]
    return [value] if isinstance(value, int | float) else []


def test_document_has_what_the_contract_names(folder: Path) -> None:
    document = to_document(adapter_spectra(folder))
    assert set(document) == {"adapter", "modules"}
    for module in document["modules"]:
        assert set(module) >= CONTRACT
        assert set(module["energy_rank"]) == {"0.90", "0.95", "0.99"}
        assert len(module["singular_values"]) == module["rank"] == 4
    assert all(math.isfinite(number) for number in numbers(document))


def test_read_back_to_the_last_bit(folder: Path, tmp_path: Path) -> None:
    spectra = adapter_spectra(folder)
    save_ranks(tmp_path / "step-00000020.json", spectra)
    again = load_ranks(tmp_path / "step-00000020.json")
    assert again.adapter == spectra.adapter
    for module in spectra.modules:
        copy = again.by_name[module.name]
        assert np.array_equal(copy.singular_values, module.singular_values)
        assert copy.scalars == module.scalars
        assert copy.null.intervals == module.null.intervals
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["step-00000020.json"]


def test_untrained_spectra_survive(tmp_path: Path) -> None:
    save_ranks(tmp_path / "x.json", spectra_of([Update("q", np.zeros((6, 2)), np.ones((2, 5)))]))
    assert not load_ranks(tmp_path / "x.json").trained


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"adapter": {}, "modules": [5]}',
        '{"adapter": {}, "modules": [{"name": "x", "shape": [4, 4], "rank": 2, "scaling": 1, '
        '"singular_values": [1]}]}',
        '{"adapter": {}, "modules": [{"name": "x", "shape": [4, 4], "rank": 1, "scaling": 1, '
        '"singular_values": [NaN]}]}',
    ],
)
def test_damaged_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match="is damaged"):
        load_ranks(tmp_path / "x.json")
    with pytest.raises(UserError, match="cannot be read"):
        load_ranks(tmp_path / "y.json")


def test_command_prints_the_document_and_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ranks", str(folder), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads(json.dumps(to_document(adapter_spectra(folder))))
    assert printed.err == ""


def test_command_prints_a_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ranks", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "words: LoRA, rank 4, 2 modules" in text
    for word in ("q_proj", "up_proj", "k95", "if random", UP0, "Spectra alone do not"):
        assert word in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_command_reports_what_the_user_can_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ranks", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_command_refuses_another_base(
    folder: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ranks", str(folder), "--base", str(tiny_model)]) == 2
    assert "0 of 2 modules match: this adapter was made for some/base" in capsys.readouterr().err


def test_report_of_an_untrained_adapter() -> None:
    spectra = spectra_of([Update("model.layers.0.q_proj", np.zeros((6, 2)), np.ones((2, 5)))])
    assert "every update is zero" in report(to_document(spectra))


FAMILY_FOLDERS = {
    "LOKR": ({"lokr_w1": (3, 2), "lokr_w2": (4, 5)}, {"peft_type": "LOKR", "alpha": 4}),
    "IA3": ({"ia3_l": (12, 1)}, {"peft_type": "IA3"}),
}


@pytest.mark.parametrize("family", FAMILY_FOLDERS)
def test_command_knows_every_family(
    tmp_path: Path, family: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes, config = FAMILY_FOLDERS[family]
    random = np.random.default_rng(0)
    tensors = {f"{PREFIX}{Q3}.{part}": random.standard_normal(s) for part, s in shapes.items()}
    adapter = write_adapter(tmp_path / "a", tensors, config)
    assert main(["ranks", str(adapter)]) == 0
    text = capsys.readouterr().out
    assert Q3 in text
    assert {"LOKR": "LoKr, rank 8", "IA3": "outputs"}[family] in text
    assert main(["ranks", str(adapter), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert all(math.isfinite(number) for number in numbers(document))
    assert len(document["modules"] or document["adapter"]["vectors"]) == 1


def test_command_compares_sizes_with_the_base(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.numpy import load_file

    weights = load_file(tiny_model / "model.safetensors")
    name = next(key for key in weights if key.endswith("q_proj.weight")).removesuffix(".weight")
    w0 = weights[f"{name}.weight"].astype(np.float64)
    tensors = pair(name, w0.shape)  # type: ignore[arg-type]
    adapter = write_adapter(tmp_path / "a", tensors)
    assert main(["ranks", str(adapter), "--base", str(tiny_model), "--json"]) == 0
    (module,) = json.loads(capsys.readouterr().out)["modules"]
    b, a = (tensors[f"{PREFIX}{name}.lora_{s}.weight"].astype(np.float64) for s in "BA")
    size = np.linalg.norm(2 * b @ a) / np.linalg.norm(w0)
    assert module["relative_size"] == pytest.approx(size, rel=1e-9)
    assert set(module["base_rank"]) == {"0.001", "0.010"}


def test_command_takes_the_start_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = write_adapter(tmp_path / "start", pair(Q3), {"init_lora_weights": "pissa"})
    assert main(["ranks", str(start), "--start", str(start), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["modules"][0]["spectral"] == 0
    assert not document["adapter"]["trained"]


def test_files_of_a_run_are_small_and_keep_what_is_needed(tmp_path: Path) -> None:
    """224 modules of an 8B model at rank 16, at every one of 10,000 steps: 0.6 GB."""
    random = np.random.default_rng(0)
    modules = [
        ModuleSpectrum(
            f"model.layers.{i // 7}.self_attn.m{i % 7}_proj", (4096, 4096), 16, 2.0,
            np.sort(random.uniform(size=16))[::-1], floor=1e-7, blocks=((64, 64, 4), (64, 64, 4)),
        )
        for i in range(224)
    ]  # fmt: skip
    file = tmp_path / "step-00000025.json"
    save_ranks(file, AdapterSpectra(tuple(modules)))
    assert file.stat().st_size < 100_000
    again = load_ranks(file)
    for module, kept in zip(modules, again.modules, strict=True):
        assert kept.singular_values == pytest.approx(module.singular_values, rel=1e-6)
        assert (kept.floor, kept.blocks) == (module.floor, module.blocks)
