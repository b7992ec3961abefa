"""Every family that transformers knows can be traced, on a GPU and on a processor."""

import pytest

from core.errors import UserError
from core.memory.dry_run.config import config_of
from core.models.info import Architecture
from tests.core.memory.dry_run.shapes import FULL, INT8, LORA, MODELS, NF4, TRAINER, config, run


@pytest.mark.parametrize("family", MODELS)
def test_a_family_can_be_traced(family: str) -> None:
    model = config(family)
    ours = run(model)
    assert 0 < ours.static_bytes < ours.peak_bytes == sum(ours.parts.values())
    assert run(model, LORA, on_cpu=True).trained_parameters == ours.trained_parameters
    stock = run(model, NF4, TRAINER, training__gradient_checkpointing="all")
    # transformers leaves the matrices of Falcon alone, which are of a class of its own
    less = stock.parts["weights"] < ours.parts["weights"]
    assert less or family == "falcon"


def test_eight_bits_and_dora() -> None:
    model = config("llama")
    assert run(model, INT8).parts["weights"] < run(model).parts["weights"]
    plain, dora = run(model), run(model, adapter__method="dora")
    assert dora.trained_parameters > plain.trained_parameters
    assert dora.kept_bytes > plain.kept_bytes


def test_rows_are_packed_only_where_the_model_attends_through_the_interface() -> None:
    falcon = config("falcon")
    assert run(falcon) == run(falcon, training__packing=False)
    llama = config("llama")
    assert run(llama) != run(llama, training__packing=False)


def test_a_model_of_bare_dimensions() -> None:
    shape = Architecture(
        family="qwen3_moe",
        layers=3,
        hidden_size=256,
        heads=8,
        kv_heads=4,
        head_dim=32,
        intermediate_size=128,
        vocab_size=2048,
        context_length=512,
        tied_embeddings=True,
        experts=4,
        experts_per_token=2,
    )
    built = config_of(shape)
    assert (built.num_hidden_layers, built.num_experts, built.moe_intermediate_size) == (3, 4, 128)
    assert run(shape, FULL).blocks == 3


def test_an_unknown_family_is_a_message() -> None:
    with pytest.raises(UserError, match="transformers cannot build"):
        run({**config("llama"), "model_type": "no_such_family"})


def test_a_target_that_is_not_there_is_a_message() -> None:
    with pytest.raises(UserError, match="c_attn"):
        run(config("llama"), adapter__targets=("c_attn",))


def test_a_gpu_in_use_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    again = {"training__gradient_checkpointing": "all"}
    untouched = run(config("llama"), **again)
    monkeypatch.setattr("torch.cuda._initialized", True)
    assert run(config("llama"), **again) == untouched
    assert run(config("llama"), FULL, TRAINER, **again).moment == "step"
