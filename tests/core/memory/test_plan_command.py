"""`rankscope plan` from the outside."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli import main
from core.memory.measurements import kept

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
}
KEYS = {
    "method",
    "bits",
    "double_quant",
    "peak_bytes",
    "low_bytes",
    "high_bytes",
    "parts",
    "source",
    "fits",
}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder that holds only config.json."""
    model = tmp_path / "Llama-8B"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(CONFIG))
    return str(model)


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict]:
    assert main(["plan", "--json", *arguments]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"model", "plans"}
    assert document["model"]["parameters"] == 8_030_261_248
    return document["plans"]


def test_all_methods_with_the_keys_of_the_contract(folder: str, capsys) -> None:
    plans = planned(capsys, "--model", folder)
    assert len(plans) == 5
    for plan in plans:
        assert set(plan) == KEYS
        assert plan["fits"] is None
        assert sum(plan["parts"].values()) == plan["peak_bytes"]


@pytest.mark.parametrize(
    ("memory", "says"),
    [
        ("80GiB", "fits"),
        ("11GiB", "tight"),
        ("8GiB", "does not fit (settings)"),
        ("2GiB", "(weights)"),
    ],
)
def test_the_verdict_in_words(folder: str, memory: str, says: str, capsys) -> None:
    options = ("--method", "qlora", "--bits", "4", "--batch", "1", "--seq", "512")
    assert main(["plan", "--model", folder, *options, "--gpu-memory", memory]) == 0
    assert f"{says} " in capsys.readouterr().out


def test_every_option_has_its_effect(folder: str, capsys) -> None:
    base = ("--model", folder, "--method", "qlora", "--bits", "4", "--double-quant")
    (usual,) = planned(capsys, *base, "--batch", "2", "--seq", "512")
    small = ("--rank", "4", "--targets", "q_proj,v_proj", "--batch", "1", "--seq", "256")
    lean = ("--optimizer", "sgd", "--gradient-checkpointing", "--attention", "flash")
    (less,) = planned(capsys, *base, *small, *lean, "--gpu-memory", "24GiB")
    assert (less["method"], less["bits"], less["double_quant"]) == ("qlora", 4, True)
    assert less["fits"] is True
    assert less["parts"]["optimizer"] == 0
    assert less["parts"]["adapter"] == 4 * 32 * 4 * (8192 + 5120)
    assert less["peak_bytes"] < usual["peak_bytes"]


def test_set_wins_and_dtype_widens(folder: str, capsys) -> None:
    arguments = ("--model", folder, "--method", "lora", "--dtype", "fp32")
    (plan,) = planned(capsys, *arguments, "--set", "adapter.rank=1")
    assert plan["parts"]["weights"] == 4 * 8_030_261_248
    assert plan["parts"]["adapter"] == 4 * (41_943_040 // 16)


def test_too_little_memory_is_said(folder: str, capsys) -> None:
    plans = planned(capsys, "--model", folder, "--gpu-memory", "12GB", "--batch", "1")
    assert plans[0]["fits"] is False
    assert main(["plan", "--model", folder, "--gpu-memory", "12GB"]) == 0
    assert "does not fit" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ("--gpu-memory", "lots"),
        ("--method", "prefix"),
        ("--method", "lora", "--bits", "4"),
        ("--rank", "0"),
        ("--targets", "c_attn"),
        ("--model", "no/such/model/here"),
    ],
)
def test_mistakes_end_with_2_and_a_hint(folder: str, wrong: tuple[str, ...], capsys) -> None:
    assert main(["plan", "--model", folder, *wrong]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "hint: " in error


def test_planning_never_imports_torch(folder: str) -> None:
    code = (
        "import sys; from core.cli import main; "
        f"assert main(['plan', '--json', '--model', {folder!r}]) == 0; "
        "heavy = {'torch', 'transformers', 'peft', 'PySide6'}; "
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_run_is_planned_with_its_rows_as_check_plans_it(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps({"prompt": "What is a cat?", "answer": "An animal."}) + "\n")
    run = str(tmp_path / "run.toml")
    new = ("--model", str(tiny_model), "--data", str(data), "--batch", "1", "--seq", "512")
    assert main(["new", *new, "--out", run, "--json"]) == 0
    capsys.readouterr()
    assert main(["plan", run, "--method", "lora", "--json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert (
        main(["plan", "--model", str(tiny_model), "--method", "lora", "--seq", "512", "--json"])
        == 0
    )
    (blind,) = json.loads(capsys.readouterr().out)["plans"]
    assert plan["parts"]["activations"] < blind["parts"]["activations"] / 5
    assert plan["fits"] is True
    assert main(["check", run, "--json"]) == 0
    checks = {c["id"]: c["message"] for c in json.loads(capsys.readouterr().out)["checks"]}
    low, high = plan["low_bytes"] / 2**30, plan["high_bytes"] / 2**30
    assert checks["memory-fits"].startswith(f"Needs {low:.1f} to {high:.1f} GiB")


@pytest.fixture
def run_file(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A run.toml of the tiny model with ten rows."""
    data, run = tmp_path / "rows.jsonl", str(tmp_path / "run.toml")
    rows = [{"prompt": f"What is {i}?", "answer": "A number."} for i in range(10)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    new = ("--model", str(tiny_model), "--data", str(data), "--batch", "2")
    assert main(["new", *new, "--out", run, "--json"]) == 0
    capsys.readouterr()
    return run


def test_a_run_can_be_measured(run_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", run_file, "--probe", "--json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert set(plan) == KEYS
    assert (plan["method"], plan["source"], plan["fits"]) == ("lora", "measured", True)
    assert sum(plan["parts"].values()) == plan["peak_bytes"]
    assert [one.measured_bytes for one in kept()] == [plan["peak_bytes"]]


def test_a_measurement_that_ran_out_of_memory_ends_with_2(
    run_file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("core.training.two_steps.build_trainee", no_room)
    assert main(["plan", run_file, "--probe"]) == 2
    assert "error: Memory ran out while the model was loaded" in capsys.readouterr().err
    assert main(["plan", run_file, "--probe", "--method", "full"]) == 2
    assert "cannot be measured" in capsys.readouterr().err
