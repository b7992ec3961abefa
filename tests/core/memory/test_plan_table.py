"""`rankscope plan-table` from the outside, and what a row says of its software."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.memory.stack import Loss
from core.memory.table.prediction import card_of, predict
from core.memory.table.programs import stack_of
from core.memory.table.rows import Row, read_rows
from core.memory.table.shapes import model_of, targets_of

MISTRAL = {
    "model": "Mistral-7B",
    "model_type": "mistral",
    "method": "lora",
    "quant": "none",
    "rank": "16",
    "target_modules": "q_proj k_proj v_proj o_proj",
    "dtype_weights": "bfloat16",
    "dtype_compute": "no autocast, bfloat16",
    "optimizer": "adamw_torch (HF default)",
    "micro_batch": "4",
    "seq_len": "4096",
    "seq_kind": "packed/fixed",
    "grad_checkpointing": "yes",
    "attention_impl": "flash_attention_2",
    "gpu": "A100-80GB",
    "n_gpus": "1",
    "loss_impl": "HF unfused CE, full logits",
    "software": "torch 2.4.1, transformers 4.48.1, peft 0.13.2, trl 0.13.0",
    "hidden_size": "4096",
    "num_hidden_layers": "32",
    "num_attention_heads": "32",
    "num_key_value_heads": "8",
    "intermediate_size": "14336",
    "vocab_size": "32000",
    "head_dim": "128",
    "tie_word_embeddings": "False",
    "gated_mlp": "True",
}


def row(**changes: str) -> Row:
    return Row({**MISTRAL, **changes})


def test_the_columns_make_the_published_model() -> None:
    assert model_of(row(), untied=False).parameters == 7_241_732_096
    tied = row(tie_word_embeddings="True")
    assert model_of(tied, untied=True).parameters == 7_241_732_096
    assert model_of(tied, untied=False).parameters == 7_241_732_096 - 32_000 * 4096


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("q v", ("q_proj", "v_proj")),
        ("q_proj,k_proj", ("k_proj", "q_proj")),
        ("q_proj k_proj v_proj o_proj c_attn", ("k_proj", "o_proj", "q_proj", "v_proj")),
        ("all linear", ("all-linear",)),
        ("DEFAULT (qkv projection)", ("k_proj", "q_proj", "v_proj")),
    ],
)
def test_targets_in_several_spellings(text: str, labels: tuple[str, ...]) -> None:
    told = row(target_modules=text)
    found = set(targets_of(told, model_of(told, untied=False)))
    assert found == set(labels)


def test_transformers_made_other_copies_of_the_logits_over_the_years() -> None:
    assert stack_of(row()).loss == Loss(kind="torch", shifts=True)
    old = stack_of(row(software="transformers 4.45.2, accelerate 0.34.2")).loss
    assert old == Loss(kind="torch", keeps_narrow=False, shifts=True)
    assert stack_of(row(software="transformers 5.0.0")).loss == Loss(kind="torch", held=True)
    assert stack_of(row(loss_impl="fused linear CE (liger)")).loss.kind == "linear"
    assert stack_of(row(loss_impl="fused CE on full logits")).loss.kind == "fused"


def test_what_is_cast_and_what_is_kept() -> None:
    assert not stack_of(row()).autocast
    assert stack_of(row(dtype_compute="bf16 autocast")).autocast
    assert stack_of(row(dtype_compute="bf16")).autocast
    assert not stack_of(row(dtype_compute="bf16-true")).autocast
    assert stack_of(row(dtype_compute="bf16-true")).adapter_follows
    four_bit = {"method": "qlora", "quant": "nf4"}
    assert stack_of(row(**four_bit)).upcast == "all"
    assert stack_of(row(method="qlora", quant="gptq-int4")).upcast == "none"
    assert stack_of(row(**four_bit, software="bnb 0.41.1")).keeps_inputs
    assert not stack_of(row(**four_bit, software="bnb 0.43.3")).keeps_inputs


@pytest.mark.parametrize(
    ("text", "gib"),
    [("A100-80GB", 79.15), ("Tesla T4 (14912 MiB)", 14.5625), ("A100", None), ("unstated", None)],
)
def test_the_card_of_a_row(text: str, gib: float | None) -> None:
    card = card_of(row(gpu=text))
    assert (card and card.free_bytes / 2**30) == (gib and pytest.approx(gib))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rank": ""}, "rank is not stated"),
        ({"seq_len": "long"}, "seq_len is 'long'"),
        ({"num_hidden_layers": "0"}, "num_hidden_layers is '0'"),
        ({"method": "prompt_tuning"}, "prompt_tuning on none weights is not planned"),
        ({"target_modules": "nonsense"}, "no matrix is called 'nonsense'"),
    ],
)
def test_a_row_that_lacks_something_says_what(changes: dict[str, str], why: str) -> None:
    found = predict(row(**changes))
    assert found.plan is None
    assert found.why_not == why


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_gets_its_predictions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write(tmp_path / "rows.csv", [MISTRAL, {**MISTRAL, "rank": ""}])
    out = tmp_path / "predicted.csv"
    assert main(["plan-table", str(table), "--out", str(out), "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (document["rows"], document["predicted"]) == (2, 1)
    told, untold = read_rows(out)
    assert float(told.text("predicted_gib")) == pytest.approx(24.8706, rel=0.01)  # as measured
    assert float(told.text("predicted_total_gib")) > float(told.text("predicted_gib"))
    assert (told.text("fits"), told.text("source"), told.text("why_not")) == ("true", "formula", "")
    assert untold.text("predicted_gib") == untold.text("fits") == ""
    assert untold.text("why_not") == "rank is not stated"


def test_a_dry_run_predicts_a_row_under_its_software(tmp_path: Path) -> None:
    few = {"num_hidden_layers": "2", "micro_batch": "1", "seq_len": "512"}
    table, out = write(tmp_path / "rows.csv", [{**MISTRAL, **few}]), tmp_path / "dry.csv"
    assert main(["plan-table", str(table), "--dry-run", "--out", str(out), "--json"]) == 0
    (told,) = read_rows(out)
    assert told.text("source") == "dry-run"
    formula = predict(row(**few)).plan
    assert formula is not None
    traced = float(told.text("predicted_gib")) * 2**30
    assert traced == pytest.approx(formula.allocated_bytes, rel=0.03)


def test_what_is_no_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out.csv")]
    assert main(["plan-table", str(tmp_path / "none.csv"), *out]) == 2
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    assert main(["plan-table", str(other), *out]) == 2
    assert "no column 'model'" in capsys.readouterr().err
