"""Bytes of what is trained: parameters, gradients, optimizer states.

PEFT keeps adapters in fp32 on any base (`autocast_adapter_dtype`), so a parameter of an adapter
costs 4 B, its gradient 4 B and its two AdamW moments 8 B. Full fine-tuning is the usual pure run:
gradients and states in the type of the weights.
"""

from core.adapters import ADAPTERS
from core.memory.workload import Workload

ADAPTER_ELEMENT = 4  # bytes of fp32
STATES = {"adamw": 2, "sgd": 0}  # moments per trained parameter, in its own type
EIGHT_BIT_STATE = 2 + 2 * 4 / 256  # bytes: two 8-bit moments, one fp32 scale each per block of 256


def trained_parameters(workload: Workload) -> int:
    """Return N: all weights in full fine-tuning, else the sum over the targets.

    A LoRA matrix of shape (m, n) has r·(m + n); grouped-query k and v are narrower than h, and
    every expert has an adapter of its own.
    """
    if workload.full:
        return workload.parameters
    count = ADAPTERS[workload.adapter.method].parameters
    shapes = workload.model.target_shapes.items()
    return sum(number * count(shape, workload.adapter) for shape, number in shapes)


def trained_element(workload: Workload) -> int:
    """Return the bytes of one trained number."""
    return workload.element if workload.full else ADAPTER_ELEMENT


def adapter_bytes(workload: Workload) -> int:
    """Return the bytes of the adapter's parameters; 0 in full fine-tuning."""
    return 0 if workload.full else ADAPTER_ELEMENT * trained_parameters(workload)


def gradient_bytes(workload: Workload) -> int:
    """Return the bytes of all gradients, which have the type of their parameters."""
    return trained_element(workload) * trained_parameters(workload)


def optimizer_bytes(workload: Workload) -> float:
    """Return the bytes of the optimizer's states.

    AdamW: two moments in the parameter's type. 8-bit AdamW: 2 B and the scales of its blocks
    (bitsandbytes; tensors under 4,096 elements stay 32-bit, which is neglected). SGD: none.
    """
    parameters = trained_parameters(workload)
    if workload.optimizer == "adamw8bit":
        return EIGHT_BIT_STATE * parameters
    return STATES[workload.optimizer] * trained_element(workload) * parameters


def step_temporary_bytes(workload: Workload) -> int:
    """Return what the optimizer step needs for a moment.

    torch's multi-tensor ("foreach") AdamW on a GPU makes a temporary as large as the parameters:
    a pure-bf16 run takes 10 B per parameter, not 8. The loop over single tensors, which torch
    chooses on a CPU, has no such term.
    """
    if workload.on_cpu or workload.optimizer != "adamw":
        return 0
    return trained_element(workload) * trained_parameters(workload)
