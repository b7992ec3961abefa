"""The job `dry_run`: exact plans, from a training step on tensors that hold nothing."""

from collections.abc import Generator

from core.control import Control
from core.events import Event, Progress, Reply, RunEnded
from core.jobs.base import JOBS, JobRequest
from core.memory.devices import Device
from core.memory.methods import METHODS, Method
from core.memory.workload import Known
from core.models.sources import open_model
from core.settings import RunSettings


class DryRunRequest(JobRequest):
    """What to plan.

    Attributes:
        settings: The run, with its model.
        methods: Those that are wanted.
        known: What is known beyond the settings.
        device: Where it would run; an NVIDIA GPU where this is None.
    """

    settings: RunSettings
    methods: tuple[Method, ...] = METHODS
    known: Known = Known()
    device: Device | None = None


@JOBS.register("dry_run")
class DryRun:
    """Plans each method by a dry run."""

    Request: type[JobRequest] = DryRunRequest

    def run(self, request: DryRunRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply {"plans": [{"plan": …, "why_not": …}]}.

        A plan has the fields of `core.memory.plan.MemoryPlan`; where a model cannot be traced it is
        that of the formulas, and `why_not` says what stood in the way.

        Raises:
            UserError: There is no such model, or a target matches none of its modules.
        """
        from core.memory.dry_run.plan import plan_dry

        info = open_model(request.settings.model.source)
        plans = []
        for method in request.methods:
            if control.request:
                yield RunEnded(outcome="stopped")
                return
            yield Progress(phase="planning", message=f"Tracing {method.label}")
            (made,) = plan_dry(
                info, request.settings, request.device, methods=(method,), known=request.known
            )
            plans.append({"plan": made.plan.as_fields(), "why_not": made.why_not})
        yield Reply(data={"plans": plans})
