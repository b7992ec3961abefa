"""Dense matrices as LoRA: the difference of two models, and adapters without factors."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import UserError
from core.exporters import EXPORTERS
from core.models.sources import open_model
from core.ranks.actions import plans
from core.ranks.actions.dense import approximate, optimal_threshold
from core.ranks.actions.draft import opened
from core.ranks.actions.extract import convert_dora, extract, finished
from core.ranks.actions.truncation import truncated
from core.ranks.actions.write import write_adapter
from tests.core.ranks.actions.peft_models import effect_error, logits, make

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
LAMBDA = {0.1: 1.581648, 0.25: 1.758029, 0.5: 1.978599, 0.75: 2.156094, 1.0: 2.309401}


def spectrum(shape: tuple[int, int], sigma: np.ndarray, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    u, v = (np.linalg.qr(random.standard_normal((side, len(sigma))))[0] for side in shape)
    return np.asarray((u * sigma) @ v.T)


@pytest.mark.parametrize("shape", [(60, 40), (420, 300)])  # in full, and by the range finder
@pytest.mark.parametrize("k", [1, 5, 12])
def test_the_error_is_that_of_the_dense_matrix(shape: tuple[int, int], k: int) -> None:
    matrix = spectrum(shape, 0.8 ** np.arange(30.0))
    found = approximate("x", matrix, k)
    made = (found.part.u * found.part.sigma) @ found.part.v.T
    error = np.linalg.norm(matrix - made) / np.linalg.norm(matrix)
    assert found.error == pytest.approx(error, rel=1e-6)
    assert found.part.sigma == pytest.approx(0.8 ** np.arange(float(k)), rel=1e-6)


def test_fewer_components_where_they_are_enough() -> None:
    matrix = spectrum((300, 280), np.array([4.0, 3.0, 1e-3]))
    assert len(approximate("x", matrix, 20, energy=0.6).part.sigma) == 1
    assert len(approximate("x", matrix, 20, energy=0.999).part.sigma) == 2
    assert len(approximate("x", matrix, 20).part.sigma) == 3  # and no rounding
    assert len(approximate("x", 0 * matrix, 20).part.sigma) == 0


def test_the_thresholds_of_gavish_and_donoho() -> None:
    for ratio, threshold in LAMBDA.items():
        assert optimal_threshold(ratio) == pytest.approx(threshold, abs=1e-6)
    assert optimal_threshold(1.0) == pytest.approx(4 / np.sqrt(3))


@pytest.mark.parametrize("shape", [(200, 240), (500, 700)])
def test_planted_directions_stand_above_the_noise(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    noise = random.standard_normal(shape) / np.sqrt(max(shape))
    assert approximate("x", noise, 16).above_noise == 0
    planted = noise + spectrum(shape, np.array([9.0, 8, 7, 6, 5]))
    assert approximate("x", planted, 16).above_noise == 5


def tuned_copy(base: Path, folder: Path, rank: int) -> Path:
    """Return the model with an update of a rank on two matrices, and another norm."""
    shutil.copytree(base, folder)
    tensors = load_file(folder / "model.safetensors")
    generator = torch.Generator().manual_seed(0)
    for name in ("0.self_attn.q_proj", "1.mlp.down_proj"):
        weight = tensors[f"model.layers.{name}.weight"]
        b = torch.randn(weight.shape[0], rank, generator=generator) * 0.1
        weight += b @ torch.randn(rank, weight.shape[1], generator=generator)
    tensors["model.norm.weight"] *= 1.5
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_an_update_of_low_rank_comes_back_from_two_models(tiny_model: Path, tmp_path: Path) -> None:
    tuned = tuned_copy(tiny_model, tmp_path / "tuned", 3)
    steps = extract(open_model(str(tiny_model)), open_model(str(tuned)), rank=8, energy=1 - 1e-10)
    found = finished(steps)
    assert {m.name.partition("layers.")[2]: m.rank for m in found.modules} == {
        "0.self_attn.q_proj": 3,
        "1.mlp.down_proj": 3,
    }
    assert found.error < 1e-5
    assert found.left_out == ("model.norm.weight",)
    write_adapter(found.draft, tmp_path / "out", EXPORTERS["peft"]())
    tensors = load_file(tuned / "model.safetensors")
    tensors["model.norm.weight"] /= 1.5
    save_file(tensors, tuned / "model.safetensors", {"format": "pt"})
    wanted = logits(tuned, None)
    assert (logits(tiny_model, tmp_path / "out") - wanted).norm() < 1e-5 * wanted.norm()


def test_two_equal_models_and_none_at_all(tiny_model: Path, tmp_path: Path) -> None:
    base = open_model(str(tiny_model))
    with pytest.raises(UserError, match="No matrix differs"):
        finished(extract(base, base, rank=4))
    with pytest.raises(UserError, match="keeps nothing"):
        finished(extract(base, base, rank=0))
    (tmp_path / "bare").mkdir()
    shutil.copy(tiny_model / "config.json", tmp_path / "bare")
    with pytest.raises(UserError, match="not at hand"):
        finished(extract(base, open_model(str(tmp_path / "bare")), rank=4))


def test_dora_as_a_lora_says_how_far_off_it_is(tiny_model: Path, tmp_path: Path) -> None:
    adapter = make(tiny_model, tmp_path / "in", "dora")
    base, errors = open_model(str(tiny_model)), []
    for rank in (4, 12, 32):
        found = finished(convert_dora(adapter, base, rank))
        write_adapter(found.draft, tmp_path / f"r{rank}", EXPORTERS["universal"]())
        errors.append(found.error)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6  # the narrow side is 32: everything fits
    assert effect_error(tiny_model, tmp_path / "r32", adapter) < 1e-5
    half = effect_error(tiny_model, tmp_path / "r12", adapter)
    assert 0.2 * errors[1] < half < 3 * errors[1]


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings")
@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`")
def test_what_stands_beside_dora_is_not_lost(tiny_model: Path, tmp_path: Path) -> None:
    """A norm that was saved whole, and a table of embeddings with lengths of its own."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    targets = ["embed_tokens", "v_proj"]
    config = LoraConfig(r=3, use_dora=True, target_modules=targets, modules_to_save=["norm"])
    model = get_peft_model(base, config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data *= 1 + 0.2 * torch.rand_like(parameter)
            parameter.data += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(tmp_path / "in")
    found = finished(convert_dora(tmp_path / "in", open_model(str(tiny_model)), rank=32))
    write_adapter(found.draft, tmp_path / "out", EXPORTERS["peft"]())
    assert effect_error(tiny_model, tmp_path / "out", tmp_path / "in") < 1e-4


@pytest.mark.filterwarnings("ignore:Converting a PEFT adapter to LoRA that is already")
def test_peft_converts_dora_without_its_lengths(tiny_model: Path, tmp_path: Path) -> None:
    """PEFT 0.21's own conversion at full rank, where ours is exact."""
    from peft import PeftModel, convert_to_lora, get_peft_model
    from peft.utils import set_peft_model_state_dict
    from transformers import AutoModelForCausalLM

    adapter = make(tiny_model, tmp_path / "in", "dora")
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    config, state = convert_to_lora(PeftModel.from_pretrained(base, adapter), rank=16)
    fresh = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), config
    )
    set_peft_model_state_dict(fresh, state)
    with torch.no_grad():
        theirs = fresh.double().eval()(input_ids=torch.arange(3, 40)[None]).logits
    wanted, without = logits(tiny_model, adapter), logits(tiny_model, None)
    assert (theirs - wanted).norm() / (wanted - without).norm() > 0.1


def test_pissa_with_its_start_becomes_a_lora_for_the_plain_base(
    tiny_model: Path, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    config = LoraConfig(r=4, lora_alpha=4, target_modules=["q_proj"], init_lora_weights="pissa")
    model = get_peft_model(base, config)
    model.save_pretrained(tmp_path / "start")
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(tmp_path / "end")
    with torch.no_grad():
        wanted = model.double().eval()(input_ids=torch.arange(3, 40)[None]).logits

    draft = opened(tmp_path / "end", start=tmp_path / "start")
    plan = plans.keep_everything(draft.spectra())
    write_adapter(truncated(draft, plan), tmp_path / "out", EXPORTERS["peft"]())
    effect = (wanted - logits(tiny_model, None)).norm()
    assert (logits(tiny_model, tmp_path / "out") - wanted).norm() < 1e-4 * effect
    begin = opened(tmp_path / "start", start=tmp_path / "start")
    assert not begin.spectra().trained  # at step 0 nothing has been learned
