"""What each cell of the grid of layers × modules costs as a target, or would cost as one.

A target costs its adapter, the gradients and moments of that, and what is kept of its input for
backward; a block that is computed again keeps nothing. An input that several targets read is there
once, so its bytes are shared among them: the costs of all targets add up to what the plan would
save without any.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.memory.activations import hidden_bytes, layer_loads
from core.memory.cells import Cell, ModelCells
from core.memory.devices import Device
from core.memory.inputs import copied_bytes, trained_input_bytes
from core.memory.methods import method_of
from core.memory.plan import NOTHING, MemoryPlan
from core.memory.trained import adapter_bytes, gradient_bytes, optimizer_bytes
from core.memory.workload import Known, Workload
from core.models.info import ModelInfo
from core.models.targets import ALL_LINEAR
from core.settings import RunSettings


@dataclass(frozen=True)
class CellCost:
    """Bytes that one or several cells take as targets.

    Attributes:
        adapter: Parameters of the adapter.
        gradients: One number for each of them.
        optimizer: Their moments.
        activations: What forward keeps for their backward pass.
        reach: What blocks would keep that backward does not go through yet; 0 for a target.
    """

    adapter: float = 0.0
    gradients: float = 0.0
    optimizer: float = 0.0
    activations: float = 0.0
    reach: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.adapter + self.gradients + self.optimizer + self.activations + self.reach

    def __add__(self, other: "CellCost") -> "CellCost":
        return CellCost(
            self.adapter + other.adapter,
            self.gradients + other.gradients,
            self.optimizer + other.optimizer,
            self.activations + other.activations,
            self.reach + other.reach,
        )


@dataclass(frozen=True)
class CellCosts:
    """The costs of all cells of a model.

    Attributes:
        targets: By kind and layer, what each target costs.
        others: By kind and layer, what each further cell would cost as a target.
        first_layer: The lowest layer with a target.
        again: Layers whose activations are computed again in backward.
    """

    targets: Mapping[tuple[str, int], CellCost]
    others: Mapping[tuple[str, int], CellCost]
    first_layer: int
    again: range

    def total(self, kinds: Iterable[str], layers: Iterable[int]) -> CellCost:
        """Return the sum over the targets of these kinds in these layers."""
        wanted = list(layers)
        found = (self.targets.get((kind, layer)) for kind in kinds for layer in wanted)
        return sum((cost for cost in found if cost is not None), CellCost())


def cell_costs(
    info: ModelInfo,
    settings: RunSettings,
    plan: MemoryPlan,
    device: Device | None = None,
    *,
    known: Known = NOTHING,
) -> CellCosts:
    """Return what each cell costs with the method that the settings choose.

    Args:
        info: The base model.
        settings: The run.
        plan: Its plan, which tells the blocks that are computed again.
        device: Where it would run, as for the plan.
        known: What is known beyond the settings, as for the plan.

    Raises:
        UserError: A target matches no module of the model.
    """
    if device is not None and device.kind == "cpu":
        known = replace(known, on_cpu=True)
    pattern = getattr(settings.adapter, "rank_pattern", ())
    model = ModelCells.of(info, settings.adapter.targets, pattern)
    workload = Workload.of(model, settings, method_of(settings.model), known)
    first = workload.first_block
    adaptable = ModelCells.of(info, (ALL_LINEAR,)).targets
    return _Costing(workload, range(first, first + plan.checkpointed)).costs(adaptable)


class _Costing:
    """Computes the costs block by block; equal blocks and equal cells once."""

    def __init__(self, workload: Workload, again: range) -> None:
        self._workload, self._again = workload, again
        self._kept: dict[tuple[object, ...], dict[str, float]] = {}
        self._trained: dict[tuple[tuple[int, int], int, int], CellCost] = {}
        self._reach: dict[tuple[str, int], float] = {}
        self._frozen = 0.0

    def costs(self, adaptable: Iterable[Cell]) -> CellCosts:
        """Return the costs of all cells that can be targets."""
        model = self._workload.model
        blocks: list[list[Cell]] = [[] for _ in range(model.architecture.layers)]
        for cell in adaptable:
            blocks[cell.layer].append(cell)
        targets, others = {}, {}
        for layer, cells in enumerate(blocks):
            chosen = {cell.kind: cell for cell in model.target_layers[layer]}
            kept = self._kept_by_kind(cells, chosen)
            for cell in cells:
                known = chosen.get(cell.kind, cell)
                kept_bytes = 0.0 if layer in self._again else kept[cell.kind]
                cost = replace(self._trained_cost(known), activations=kept_bytes)
                if cell.kind in chosen:
                    targets[cell.kind, layer] = cost
                else:
                    others[cell.kind, layer] = replace(cost, reach=self._reach_bytes(cell))
        return CellCosts(targets, others, self._workload.first_block, self._again)

    def _trained_cost(self, cell: Cell) -> CellCost:
        """Return adapter, gradients and moments of one cell."""
        key = cell.shape, cell.count, cell.rank
        if key not in self._trained:
            alone = _with_targets(self._workload, (cell,))
            self._trained[key] = CellCost(
                adapter_bytes(alone), gradient_bytes(alone), optimizer_bytes(alone)
            )
        return self._trained[key]

    def _kept_by_kind(self, cells: Sequence[Cell], chosen: Mapping[str, Cell]) -> dict[str, float]:
        """Return what a block that is not computed again keeps for each of its cells."""
        signature = tuple((c.kind, c.shape, c.routed, c.kind in chosen) for c in cells)
        if signature not in self._kept:
            self._kept[signature] = {c.kind: self._kept_bytes(c, chosen) for c in cells}
        return self._kept[signature]

    def _kept_bytes(self, cell: Cell, chosen: Mapping[str, Cell]) -> float:
        """Return what is kept for a target, or would be kept more for a further one."""
        workload, all_chosen = self._workload, tuple(chosen.values())
        if cell.kind not in chosen:
            return _input_bytes(workload, (*all_chosen, cell)) - _input_bytes(workload, all_chosen)
        others = tuple(other for other in all_chosen if other.kind != cell.kind)
        own = _input_bytes(workload, all_chosen) - _input_bytes(workload, others)
        alone = _input_bytes(workload, (chosen[cell.kind],)) - _input_bytes(workload, ())
        group = cell.in_mlp, cell.input_group
        readers = sum((other.in_mlp, other.input_group) == group for other in all_chosen)
        return own + (alone - own) / readers

    def _reach_bytes(self, cell: Cell) -> float:
        """Return what blocks would keep through which backward would only go for this cell."""
        first = self._workload.first_block
        if cell.layer > first:
            return 0.0
        if self._again:  # as if the blocks that are added were computed again too
            return (first - cell.layer) * float(hidden_bytes(self._workload))
        nearest = max(cell.layer, first - 1)
        if (cell.kind, nearest) not in self._reach:
            self._reach[cell.kind, nearest] = self._more_kept(cell._replace(layer=nearest))
        if nearest > cell.layer and not self._frozen:
            self._frozen = self._frozen_bytes(cell)
        return self._reach[cell.kind, nearest] + (nearest - cell.layer) * self._frozen

    def _more_kept(self, cell: Cell) -> float:
        """Return how much more all blocks would keep, without what is kept for the cell itself."""
        workload = self._workload
        chosen = workload.model.target_layers[cell.layer]
        own = _input_bytes(workload, (*chosen, cell)) - _input_bytes(workload, chosen)
        more = _with_targets(workload, (*workload.model.targets, cell))
        return _all_kept(more) - _all_kept(workload) - own

    def _frozen_bytes(self, cell: Cell) -> float:
        """Return what a block without a target keeps that backward goes through."""
        return layer_loads(_with_targets(self._workload, (cell._replace(layer=0),)))[1].kept


def _with_targets(workload: Workload, targets: tuple[Cell, ...]) -> Workload:
    return replace(workload, model=replace(workload.model, targets=targets))


def _all_kept(workload: Workload) -> float:
    return sum(load.kept for load in layer_loads(workload))


def _input_bytes(workload: Workload, targets: Sequence[Cell]) -> float:
    """Return what a block keeps of the inputs of its targets, and their copies."""
    narrow = [cell for cell in targets if not cell.in_mlp]
    wide = [cell for cell in targets if cell.in_mlp]
    per_token = trained_input_bytes(workload, narrow, mlp=False) + trained_input_bytes(
        workload, wide, mlp=True
    )
    return workload.tokens * per_token + copied_bytes(workload, targets)
