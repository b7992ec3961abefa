"""The job `dora_lengths`: what a DoRA adapter did to the lengths of the rows of W."""

from collections.abc import Generator
from pathlib import Path

from core.control import Control
from core.errors import UserError
from core.events import Event, Progress, Reply, RunEnded
from core.jobs.base import JOBS, JobRequest
from core.models.prepare import prepare
from core.models.sources import open_model
from core.ranks.actions.extract import weights_of
from core.ranks.lengths import Lengths
from core.ranks.read_adapter import AdapterFiles


class DoraLengthsRequest(JobRequest):
    """A PEFT or run folder, and the base model that it belongs to."""

    adapter: str
    source: str


@JOBS.register("dora_lengths")
class DoraLengthsDesk:
    """Reads the base model matrix by matrix; no torch."""

    Request: type[JobRequest] = DoraLengthsRequest

    def run(self, request: DoraLengthsRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply {"modules": [the fields of `Lengths`]}.

        Raises:
            UserError: Adapter or model cannot be read, or do not belong together.
        """
        folder = yield from prepare(request.source, control)
        base = open_model(str(folder))
        files = AdapterFiles(Path(request.adapter), base=base, weights=weights_of(base))
        found = []
        for number, module in enumerate(files, 1):
            if control.request:
                yield RunEnded(outcome="stopped")
                return
            if module.dora is not None:
                found.append(Lengths.of(module.name, module.dora))
            message = f"Row lengths of module {number} of {files.total} …"
            yield Progress(phase="planning", message=message, share=number / files.total)
        if not found:
            raise UserError("This adapter has no learned lengths.", "Only DoRA has them.")
        yield Reply(data={"modules": [module.fields() for module in found]})
