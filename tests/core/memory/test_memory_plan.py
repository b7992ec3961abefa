"""Plans as a whole: what fits, what grows, how fast."""

import time
from dataclasses import replace

import pytest

from core.adapters import ADAPTERS
from core.errors import UserError
from core.memory import plan_memory, plan_methods
from core.memory.changes import difference
from core.memory.devices import Device
from core.memory.explain import explain
from core.memory.methods import METHODS, Method
from core.memory.plan import PARTS, MemoryPlan
from core.memory.stack import TRAINER
from core.memory.verdict import fits, judge, verdict
from core.memory.workload import Known
from core.settings import RunSettings
from tests.core.memory.memory_shapes import LLAMA_65B, LLAMA_405B, MIXTRAL, SMOLLM2, llama, model

GIB = 2**30
LLAMA, SMOL = model(llama()), model(SMOLLM2)
USUAL = RunSettings().with_changes({"model.dtype": "bf16", "training.micro_batch": 2})
CPU = Device("This computer (CPU)", 16 * GIB, 12 * GIB, "cpu")


def card(gib: float) -> Device:
    return Device("Card", round(gib * GIB), round(gib * GIB), "card")


def test_five_methods_in_their_order() -> None:
    plans = plan_methods(LLAMA, USUAL)
    assert [(plan.method, plan.bits, plan.double_quant) for plan in plans] == [
        ("lora", 16, False),
        ("qlora", 8, False),
        ("qlora", 4, False),
        ("qlora", 4, True),
        ("full", 16, False),
    ]
    weights = [plan.parts["weights"] for plan in plans]
    assert weights[0] > weights[1] > weights[2] > weights[3]


@pytest.mark.parametrize("checkpointing", [True, False])
def test_parts_add_up_to_the_peak_inside_its_interval(checkpointing: bool) -> None:
    settings = USUAL.with_changes({"training.gradient_checkpointing": checkpointing})
    for info in (LLAMA, SMOL, model(MIXTRAL)):
        for plan in plan_methods(info, settings):
            assert tuple(plan.parts) == PARTS
            assert sum(plan.parts.values()) == plan.peak_bytes
            assert plan.allocated_bytes + plan.parts["context"] == plan.peak_bytes
            assert 0 < plan.low_bytes < plan.peak_bytes < plan.high_bytes
            assert plan.source == "formula"


def test_the_settings_choose_the_method() -> None:
    chosen = plan_memory(LLAMA, USUAL.with_changes({"model.bits": 4}))
    assert (chosen.label, chosen.bits) == ("QLoRA 4-bit DQ", 4)
    plain = {"model.bits": 4, "model.double_quant": False}
    assert plan_memory(LLAMA, USUAL.with_changes(plain)).label == "QLoRA 4-bit"
    assert plan_memory(LLAMA, USUAL).label == "LoRA 16-bit"
    assert plan_memory(LLAMA, USUAL, method=METHODS[4]).method == "full"


def test_the_whole_of_a_small_plan_by_hand() -> None:
    # SmolLM2, 1 row of 256 tokens, LoRA r = 16 on all seven matrices, bf16, on a GPU.
    plan = plan_memory(SMOL, USUAL.with_changes({"training.micro_batch": 1}))
    pairs = [(576, 576), (192, 576), (192, 576), (576, 576), (1536, 576), (1536, 576), (576, 1536)]
    trained = 30 * sum(16 * (rows + columns) for rows, columns in pairs)
    attention = 2 * (2 * 576 + 2 * 192) + 4 * 9
    # The inputs of q, k and v, of gate and up, and of down; attention keeps that of o by itself.
    adapters = 2 * (576 + 576 + 1536) + 7 * 4 * 16
    block = 8 * 576 + attention + 3 * 2 * 1536 + adapters
    # No gradient goes below the first block, whose first norm keeps nothing; so the last one's
    # input is all that is added, and a sine and a cosine of 64 per position.
    # All 256 tokens of 49,152 logits fit a chunk of 256 MiB. There are they, in fp32, their
    # log-softmax and a copy in bf16; picked are 256 hidden states with their gradient.
    assert dict(plan.parts) == {
        "weights": 2 * 134_515_008,
        "adapter": 4 * trained,
        "gradients": 0,  # backward has yet to make them; only a second micro-batch finds some
        "optimizer": 8 * trained,
        "activations": 256 * (30 * block + 2 * 2 * 64),
        "logits": 256 * 10 * 49_152 + 256 * 2 * 2 * 576,
        "workspace": 2 * 8_519_680,
        "context": 400 * 2**20,
    }
    assert plan.trained_parameters == trained == 4_884_480
    assert plan.moment == "loss"


def test_the_small_plan_of_the_stock_software_by_hand() -> None:
    # The same: no mask, but fp32 copies for every adapter, and all logits at once.
    stock = Known(stack=TRAINER)
    plan = plan_memory(SMOL, USUAL.with_changes({"training.micro_batch": 1}), known=stock)
    attention = 2 * (2 * 576 + 2 * 192) + 4 * 9
    adapters = 4 * (6 * 576 + 1536) + 7 * 4 * 16
    block = 8 * 576 + attention + 3 * 2 * 1536 + adapters
    assert plan.parts["activations"] == 256 * 30 * block
    assert plan.parts["logits"] == 256 * (12 * 49_152 + 4 * 576)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("adapter.rank", (1, 4, 16, 64, 256)),
        ("training.micro_batch", (1, 2, 3, 8, 32)),
        ("data.max_length", (16, 64, 512, 513, 4096)),
        ("training.optimizer", ("sgd", "adafactor", "paged_adamw8bit", "lion", "adamw")),
        ("training.accumulation", (1, 2, 8)),
        ("adapter.targets", (("q_proj",), ("q_proj", "v_proj"), ("all-linear",))),
        ("model.attention", ("sdpa", "eager")),
    ],
)
def test_more_never_costs_less(method, checkpointing: bool, key: str, values: tuple) -> None:
    settings = USUAL.with_changes({"training.gradient_checkpointing": checkpointing})
    if key == "model.attention":
        settings = settings.with_changes({"data.max_length": 2048})
    peaks = [
        plan_memory(LLAMA, settings.with_changes({key: value}), method=method).peak_bytes
        for value in values
    ]
    assert peaks == sorted(peaks)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
def test_dropout_costs_its_masks_and_the_long_way(method: Method) -> None:
    dropout = USUAL.with_changes({"adapter.dropout": 0.1})
    without, with_it = (plan_memory(LLAMA, s, method=method) for s in (USUAL, dropout))
    assert with_it.peak_bytes >= without.peak_bytes


def test_checkpointing_never_costs_memory() -> None:
    for rows in (1, 8):
        kept = USUAL.with_changes({"training.micro_batch": rows})
        less = kept.with_changes({"training.gradient_checkpointing": True})
        for plan, smaller in zip(plan_methods(LLAMA, kept), plan_methods(LLAMA, less), strict=True):
            assert smaller.peak_bytes <= plan.peak_bytes


def test_llama_65b_fits_a_card_of_48_gb_in_four_bits() -> None:
    # Dettmers et al., arXiv:2305.14314: "finetune a 65B parameter model on a single 48GB GPU".
    settings = RunSettings().with_changes(
        {
            "model.dtype": "bf16",
            "data.max_length": 512,
            "training.micro_batch": 1,
            "training.gradient_checkpointing": True,
        }
    )
    plans = plan_methods(model(LLAMA_65B), settings, card(48))
    assert [fits(plan, card(48)) for plan in plans] == [False, False, True, True, False]
    assert verdict(plans[0], card(48)).failure == "weights"


def test_full_fine_tuning_peaks_at_the_optimizer_step() -> None:
    settings = USUAL.with_changes({"training.gradient_checkpointing": True})
    plan = plan_methods(LLAMA, settings)[4]
    assert plan.moment == "step"
    assert plan.parts["activations"] == plan.parts["logits"] == 0
    assert plan.allocated_bytes == 10 * 8_030_261_248 + 2 * 8_519_680


def test_a_table_that_is_also_the_head_has_two_gradients_and_their_sum() -> None:
    """Three tables more than the weights hold, as a process that does only this grows by 3.0."""
    few = {"data.max_length": 16, "training.micro_batch": 1, "training.optimizer": "adamw8bit"}
    settings = USUAL.with_changes(few)
    table = 128_256 * 4_096 * 2  # bytes in bf16
    apart, tied = (
        plan_methods(model(llama(vocab_size=128_256, tied_embeddings=one)), settings)[4]
        for one in (False, True)
    )
    assert apart.parts["gradients"] - apart.parts["weights"] == 0
    assert tied.moment == "layer"
    assert tied.parts["gradients"] - tied.parts["weights"] == 2 * table


def test_experts_are_resident_but_only_the_routed_ones_work() -> None:
    dense, sparse = model(llama(vocab_size=32_000)), model(MIXTRAL)
    one, many = (plan_memory(info, USUAL) for info in (dense, sparse))
    assert many.parts["weights"] > 6 * one.parts["weights"]
    assert many.parts["activations"] < 2.1 * one.parts["activations"]


def test_126_layers_are_planned_in_20_ms() -> None:
    big = model(LLAMA_405B)
    plan_methods(big, USUAL)  # the grid is made once per model
    times = []
    for rank in range(1, 12):
        settings = USUAL.with_changes({"adapter.rank": rank})
        start = time.process_time()  # other processes do not count
        plan_methods(big, settings)
        times.append(time.process_time() - start)
    assert min(times) < 0.020


def test_a_processor_has_no_cuda_context_and_may_compute_in_either_type() -> None:
    auto = plan_memory(SMOL, USUAL.with_changes({"model.dtype": "auto"}), device=CPU)
    half = plan_memory(SMOL, USUAL, device=CPU)
    wide = plan_memory(SMOL, USUAL.with_changes({"model.dtype": "fp32"}), device=CPU)
    assert wide.parts["workspace"] == 0
    assert wide.parts["weights"] == 2 * half.parts["weights"] == 4 * 134_515_008
    assert (auto.peak_bytes, auto.high_bytes) == (wide.peak_bytes, wide.high_bytes)
    assert auto.low_bytes == half.low_bytes < half.peak_bytes < wide.low_bytes


def test_the_longest_row_counts_not_the_limit() -> None:
    settings = USUAL.with_changes({"data.max_length": 2048})
    known = plan_memory(LLAMA, settings, known=Known(longest=200))
    assert known.parts == plan_memory(LLAMA, USUAL.with_changes({"data.max_length": 200})).parts
    beyond = plan_memory(LLAMA, settings, known=Known(longest=9999))
    assert beyond == plan_memory(LLAMA, settings)


@pytest.mark.parametrize("method", list(ADAPTERS))
def test_every_adapter_method_can_be_planned(method: str) -> None:
    plan = plan_memory(SMOL, USUAL.with_changes({"adapter.method": method}))
    assert plan.parts["adapter"] == 4 * plan.trained_parameters > 0


def test_unknown_targets_are_the_users_to_mend() -> None:
    with pytest.raises(UserError, match="c_attn"):
        plan_methods(LLAMA, USUAL.with_changes({"adapter.targets": ("c_attn",)}))


def made_plan(peak: int, low: int, high: int, weights: int = 0) -> MemoryPlan:
    parts = {**dict.fromkeys(PARTS, 0), "weights": weights, "activations": peak - weights}
    plan = plan_memory(SMOL, USUAL)
    return replace(plan, parts=parts, peak_bytes=peak, low_bytes=low, high_bytes=high)


@pytest.mark.parametrize(
    ("peak", "low", "high", "answer"),
    [
        (870, 860, 880, "fits"),  # exactly 13 % over
        (871, 860, 880, "tight"),
        (800, 700, 1001, "tight"),  # free memory is inside the interval
        (1010, 990, 1030, "tight"),  # over, but the lower end would go in
        (1020, 1001, 1030, "does not fit"),
    ],
)
def test_the_boundaries_of_the_judgement(peak: int, low: int, high: int, answer: str) -> None:
    device = Device("Card", 1000, 1000, "card")
    plan = made_plan(peak, low, high)
    assert judge(plan, device) == answer
    assert verdict(plan, device).left_bytes == 1000 - peak
    assert fits(plan, device) is {"fits": True, "tight": None, "does not fit": False}[answer]
    assert fits(plan, None) is None


@pytest.mark.parametrize(("weights", "failure"), [(1001, "weights"), (1000, "settings")])
def test_too_large_weights_and_too_large_settings_are_told_apart(
    weights: int, failure: str
) -> None:
    plan = made_plan(2000, 1900, 2100, weights)
    assert verdict(plan, Device("Card", 1000, 1000, "card")).failure == failure


def test_the_last_change_in_words() -> None:
    more = USUAL.with_changes({"adapter.rank": 32})
    plans = plan_memory(LLAMA, USUAL), plan_memory(LLAMA, more)
    assert difference(USUAL, more, *plans) == "Rank r 16 → 32: +0.48 GiB"
    assert difference(more, USUAL, *reversed(plans)) == "Rank r 32 → 16: −0.48 GiB"
    assert difference(USUAL, USUAL, plans[0], plans[0]) == ""
    several = more.with_changes({"training.seed": 8})
    assert difference(USUAL, several, *plans) == "2 settings: +0.48 GiB"
    seed = USUAL.with_changes({"training.seed": 8})
    assert difference(USUAL, seed, plans[0], plans[0]) == "Seed 7 → 8: ±0 GiB"


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
@pytest.mark.parametrize("checkpointing", [True, False])
def test_every_part_is_explained_with_its_own_numbers(method, checkpointing: bool) -> None:
    settings = USUAL.with_changes({"training.gradient_checkpointing": checkpointing})
    plan = plan_memory(LLAMA, settings, method=method)
    for part in PARTS:
        text = explain(part, plan, LLAMA, settings)
        assert text.startswith(part.capitalize())
        assert "GiB" in text
        assert text.endswith(".")
    if plan.moment == "loss":
        assert "128,256" in explain("logits", plan, LLAMA, settings)
