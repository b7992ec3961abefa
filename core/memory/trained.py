"""Bytes of what is trained: parameters, gradients, optimizer states.

PEFT keeps adapters in fp32 on any base (`autocast_adapter_dtype`), so a parameter of an adapter
costs 4 B, its gradient 4 B and its two AdamW moments 8 B. Full fine-tuning is the usual pure run:
gradients and states in the type of the weights, and torch's own choice among its AdamWs.
"""

from core.adapters import ADAPTERS
from core.adapters.base import AdapterSettings, LowRankSettings
from core.memory.workload import Workload

ADAPTER_ELEMENT = 4  # bytes of fp32
STATES = {"adamw": 2, "lion": 1, "adafactor": 1, "sgd": 0}
"""Moments per trained parameter, in its own type; Adafactor's is that of a vector."""
EIGHT_BIT = frozenset({"adamw8bit", "paged_adamw8bit"})
EIGHT_BIT_STATE = 2 + 2 * 4 / 256  # bytes: two 8-bit moments, one fp32 scale each per block of 256
FACTORED_ELEMENT = 4  # bytes: Adafactor's rows and columns are fp32 whatever the weights are
FACTORED_TEMPORARIES = (
    4  # fp32 copies of one tensor at a time: gradient, weight, update, old update
)


def trained_parameters(workload: Workload) -> int:
    """Return N: all weights in full fine-tuning, else the sum over the targets.

    A LoRA matrix of shape (m, n) has r·(m + n); grouped-query k and v are narrower than h, and
    every expert has an adapter of its own.
    """
    if workload.full:
        return workload.parameters
    count = ADAPTERS[workload.adapter.method].parameters
    kinds = workload.model.target_kinds.items()
    return sum(n * count(shape, workload.adapter_of(rank)) for (shape, rank), n in kinds)


def trained_element(workload: Workload) -> int:
    """Return the bytes of one trained number."""
    return workload.weight_element if workload.full else workload.adapter_element


def adapter_bytes(workload: Workload) -> int:
    """Return the bytes of the adapter's parameters; 0 in full fine-tuning."""
    return 0 if workload.full else workload.adapter_element * trained_parameters(workload)


def gradient_bytes(workload: Workload) -> int:
    """Return the bytes of all gradients, which have the type of their parameters."""
    return trained_element(workload) * trained_parameters(workload)


def shared_table_bytes(workload: Workload) -> int:
    """Return what the two gradients of a table that is also the head need beside their sum.

    The gradient of the head waits until backward has come to the embedding; then both are added
    into a third table (torch's `InputBuffer`; a process that does only this grows by 3.0 tables),
    and from the second micro-batch on that is added to the gradient that lies there.
    """
    architecture = workload.architecture
    if not (workload.full and architecture.tied_embeddings):
        return 0
    tables = 2 if workload.accumulation == 1 else 3
    return tables * trained_element(workload) * architecture.vocab_size * architecture.hidden_size


def optimizer_bytes(workload: Workload) -> float:
    """Return the bytes of the optimizer's states, as if paged ones all stayed on the GPU."""
    if not workload.full:
        optimizer, element = workload.optimizer, workload.adapter_element
        return sum(
            n * state_bytes(optimizer, shape, workload.adapter_of(rank), element)
            for (shape, rank), n in workload.model.target_kinds.items()
        )
    if workload.optimizer == "adafactor":
        return FACTORED_ELEMENT * _rows_and_columns(workload)
    if workload.optimizer in EIGHT_BIT:
        return EIGHT_BIT_STATE * workload.parameters
    return STATES[workload.optimizer] * workload.weight_element * workload.parameters


def state_bytes(
    optimizer: str,
    shape: tuple[int, int],
    adapter: AdapterSettings,
    element: int = ADAPTER_ELEMENT,
) -> float:
    """Return the bytes of the states for the adapter of one matrix of `shape`.

    AdamW: two moments per parameter. 8-bit AdamW, paged or not: 2 B and the scales of the blocks
    (bitsandbytes; tensors under 4,096 elements stay 32-bit, which is neglected). Lion: one moment.
    SGD: none. Adafactor: A of (r, n) keeps r + n numbers, B of (m, r) keeps m + r, and a vector
    keeps all, so it is the adapter's parameters at rank 1 and 2r more.
    """
    count = ADAPTERS[adapter.method].parameters
    if optimizer == "adafactor" and isinstance(adapter, LowRankSettings):
        long_sides = count(shape, adapter.model_copy(update={"rank": 1}))
        return FACTORED_ELEMENT * (long_sides + 2 * adapter.rank)
    if optimizer in EIGHT_BIT:
        return EIGHT_BIT_STATE * count(shape, adapter)
    return STATES[optimizer] * element * count(shape, adapter)


def step_temporary_bytes(workload: Workload) -> int:
    """Return what the optimizer step needs for a moment.

    Our AdamW is fused and needs nothing; full fine-tuning runs with torch's own choice: on a GPU
    the multi-tensor ("foreach") AdamW, which makes a temporary as large as the parameters (a
    pure-bf16 run takes 10 B per parameter, not 8), on a CPU the loop over single tensors. Lion
    makes such a temporary everywhere. Adafactor goes tensor by tensor, in fp32.
    """
    if workload.stack.steps_in_backward:
        return 0
    trained = trained_element(workload) * trained_parameters(workload)
    if workload.optimizer == "lion":
        return trained
    if workload.optimizer == "adamw" and not (workload.stack.fused_step or workload.on_cpu):
        return trained
    if workload.optimizer == "adafactor" and workload.full:
        architecture = workload.architecture
        table = architecture.vocab_size * architecture.hidden_size
        largest = max(table, workload.model.widest_matrix)
        return FACTORED_TEMPORARIES * FACTORED_ELEMENT * largest
    return 0


def _rows_and_columns(workload: Workload) -> int:
    """Return Adafactor's numbers for all weights; a norm is a vector and keeps all of its own."""
    architecture = workload.architecture
    tables = 1 if architecture.tied_embeddings else 2
    hidden = architecture.hidden_size
    return (
        sum(cell.count * sum(cell.shape) for cell in workload.model.cells)
        + tables * (architecture.vocab_size + hidden)
        + (2 * architecture.layers + 1) * hidden
    )
