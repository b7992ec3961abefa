"""The terms of the stock software (PEFT's layers, the Trainer of transformers), by hand."""

from functools import partial

from core.memory.activations import layer_loads
from core.memory.attention import attention_bytes, score_backward_bytes, score_bytes
from core.memory.checkpointing import activation_bytes
from core.memory.inputs import adapter_input_bytes
from core.memory.logits import loss_bytes
from core.memory.mlp import mlp_backward_bytes, widened_bytes
from core.memory.stack import TRAINER, Loss, Stack
from core.memory.weights import gptq_bytes, weight_bytes
from core.memory.workload import Known
from tests.core.memory.memory_workloads import INT8, NF4
from tests.core.memory.memory_workloads import workload as any_workload

workload = partial(any_workload, known=Known(stack=TRAINER))


def test_checkpoints_are_one_hidden_state_per_boundary() -> None:
    at_loss = activation_bytes(workload(), 32)[0]
    assert at_loss == 32 * 2048 * 4096 * 2


def test_attention_with_repeated_and_with_grouped_keys() -> None:
    # q and output 4096 each, k and v 4096 each where repeated, 1024 where not; 32 heads.
    assert attention_bytes(workload()) == 2 * 4 * 4096 + 4 * 32
    grouped = 2 * (2 * 4096 + 2 * 1024) + 4 * 32
    assert attention_bytes(workload(training__micro_batch=1)) == grouped
    assert attention_bytes(workload(known=Known(attention="flash", stack=TRAINER))) == grouped
    assert attention_bytes(workload(model__attention="eager")) == 2 * 3 * 4096


def test_scores_are_quadratic_with_eager_attention_only() -> None:
    eager = workload(model__attention="eager")
    scores = 2 * 32 * 1024**2
    assert score_bytes(eager) == 6 * scores
    assert score_backward_bytes(eager) == 8 * scores
    assert score_bytes(workload()) == 2 * 2 * 1024**2  # the mask
    assert score_bytes(workload(training__micro_batch=1)) == score_backward_bytes(workload()) == 0


def test_backward_of_an_mlp_widens_a_quantized_matrix() -> None:
    tokens = 2048
    assert mlp_backward_bytes(workload(), ()) == tokens * (4 * 4096 + 6 * 14336)
    few = workload(method=NF4, training__micro_batch=1, data__max_length=16)
    assert widened_bytes(few) == 2 * 4096 * 14336
    assert mlp_backward_bytes(few, ()) == 16 * (4 * 4096 + 2 * 14336) + 2 * 4096 * 14336


def inputs(**changes: object) -> float:
    made = workload(adapter__rank=8, **changes)
    return adapter_input_bytes(made, made.model.target_layers[0])


def test_every_adapter_casts_its_input_for_itself() -> None:
    seven = 4 * (6 * 4096 + 14336) + 7 * 4 * 8
    assert inputs() == seven
    assert inputs(adapter__dropout=0.1) == seven + 6 * 4096 + 14336


def test_in_fp32_adapters_share_their_input() -> None:
    # q, k, v share one; o reads what sdpa keeps anyway; gate and up share one; down has its own.
    assert inputs(model__dtype="fp32") == 4 * (2 * 4096 + 14336) + 7 * 4 * 8
    eager = inputs(model__dtype="fp32", model__attention="eager")
    assert eager == 4 * (3 * 4096 + 14336) + 7 * 4 * 8


def test_int8_keeps_the_input_of_every_product() -> None:
    frozen = layer_loads(workload())[0].kept
    assert layer_loads(workload(method=INT8))[0].kept - frozen == 2048 * 2 * (2 * 4096 + 14336)


def test_layers_without_targets_keep_less() -> None:
    last = {"adapter__targets": ("q_proj@31",)}
    assert len(layer_loads(workload(**last))) == 1  # no gradient goes below
    loads = layer_loads(workload(**last, training__gradient_checkpointing="all"))
    assert loads[31].kept - loads[0].kept == 2048 * (4 * 4096 + 4 * 16)


def test_the_loss_holds_three_fp32_blocks_of_logits() -> None:
    assert loss_bytes(workload()) == 2048 * (12 * 128_256 + 4 * 4096)
    assert loss_bytes(workload(model__dtype="fp32")) == 2048 * (12 * 128_256 + 4 * 4096)


def test_untrained_tokens_spare_nothing() -> None:
    half = workload(known=Known(trained_share=0.5, stack=TRAINER))
    assert loss_bytes(half) == loss_bytes(workload())


def losing(loss: Loss, **changes: object) -> float:
    """Bytes per token of a loss, beyond the copy that the last norm keeps."""
    made = any_workload(known=Known(stack=Stack(name="any", loss=loss)), **changes)
    return loss_bytes(made) / 2048 - 4 * 4096


def test_copies_of_the_logits_as_transformers_makes_them() -> None:
    words, output = 128_256, 2 * 4096
    # 4.46 to 4.50: logits in bf16, in fp32, shifted, and their log-softmax.
    assert losing(Loss(kind="torch", shifts=True)) == 14 * words + output
    # Before, the model made them fp32 and let go of the others.
    assert losing(Loss(kind="torch", shifts=True, keeps_narrow=False)) == 12 * words + output
    # A kernel that writes the gradient over the logits needs no log-softmax.
    assert losing(Loss(kind="fused", shifts=True)) == 10 * words + output
    # A caller that holds the model's output holds the logits through backward.
    assert losing(Loss(kind="torch", held=True)) == 14 * words
    assert losing(Loss(kind="torch", held=True), model__dtype="fp32") == 16 * words


def test_a_fused_head_never_makes_all_logits() -> None:
    # 2,048 tokens in 32 parts of 64: their gradient, and one part's logits in bf16 and fp32.
    chunk = 6 * 64 * 128_256 / 2048
    assert losing(Loss(kind="linear")) == 2 * 4096 + 2 * 4096 + chunk


def test_k_bit_preparation_makes_the_rest_fp32() -> None:
    prepared = Stack(name="any", loss=Loss(kind="torch"), upcast="all")
    norms = Stack(name="any", loss=Loss(kind="torch"), upcast="norms")
    rest = 2 * 128_256 * 4096 + 65 * 4096
    plain = weight_bytes(workload(method=NF4))
    assert weight_bytes(workload(method=NF4, known=Known(stack=prepared))) - plain == 2 * rest
    assert weight_bytes(workload(method=NF4, known=Known(stack=norms))) - plain == 2 * 65 * 4096
    wide = workload(method=NF4, known=Known(stack=prepared))
    assert (wide.element, wide.residual_element, wide.logit_element) == (4, 4, 4)
    assert workload(known=Known(stack=prepared)).element == 2  # only quantized models are prepared


def test_under_autocast_adapters_keep_16_bits() -> None:
    cast = Stack(name="any", loss=Loss(kind="torch"), autocast=True)
    made = workload(adapter__rank=8, known=Known(stack=cast))
    seven = 2 * (6 * 4096 + 14336) + 7 * 2 * 8
    assert adapter_input_bytes(made, made.model.target_layers[0]) == seven


def test_gptq_weights_have_a_scale_and_a_zero_per_group() -> None:
    assert gptq_bytes(128, 128) == 64 + 2.5
    assert gptq_bytes(128, 0) == 64
