"""The job `adapter`: makes an adapter from others, from files alone, and writes it."""

import dataclasses
from collections.abc import Generator
from pathlib import Path
from typing import Literal

from core.control import Control
from core.events import Event, Progress, Reply
from core.exporters import EXPORTERS, AdapterProfile
from core.jobs.base import JOBS, JobRequest
from core.ranks.actions import plans
from core.ranks.actions.draft import Draft, opened
from core.ranks.actions.layout import AsTrained, Profile
from core.ranks.actions.merge import merge
from core.ranks.actions.reshape import clipped, grown, relative_caps
from core.ranks.actions.truncation import TruncationPlan, balanced, truncated
from core.ranks.actions.write import write_adapter
from core.ranks.spectra import AdapterSpectra

Way = Literal["everything", "rank", "energy", "parameters"]
Action = Literal["truncate", "merge", "grow", "clip"]


class AdapterRequest(JobRequest):
    """What is to be made of an adapter, and where it goes.

    Attributes:
        adapter: A PEFT or run folder.
        out: The new folder; nothing is overwritten.
        action: "truncate" keeps what `way` and `value` say, "merge" adds `others` first, "grow"
            makes room for `value` directions, "clip" caps σ at the share `value` of each σ₁.
        way: What a truncation keeps: a rank, a share of the energy, a number of parameters, or
            everything, which only writes it anew.
        others: What is added to the adapter, each as strongly as its weight says.
        profile: Name of the exporter.
    """

    adapter: str
    out: str
    action: Action = "truncate"
    way: Way = "everything"
    value: float = 0.0
    others: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    profile: str = "peft"


@JOBS.register("adapter")
class AdapterDesk:
    """Writes adapters."""

    Request: type[JobRequest] = AdapterRequest

    def run(self, request: AdapterRequest, _control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply: what was written, as in `Written`.

        Raises:
            UserError: There is no adapter, a number is out of bounds, the folder exists, or the
                runtime would refuse what is in it.
        """
        yield Progress(phase="saving", message="Computing and writing the adapter …")
        draft, profile = _draft(request)
        written = write_adapter(draft, Path(request.out), profile)
        yield Reply(data=dataclasses.asdict(written))


def plan(spectra: AdapterSpectra, way: Way, value: float) -> TruncationPlan:
    """Return what a truncation would keep.

    Raises:
        UserError: The value is out of bounds.
    """
    if way == "rank":
        return plans.keep_rank(spectra, round(value))
    if way == "energy":
        return plans.keep_energy(spectra, value)
    if way == "parameters":
        return plans.keep_budget(spectra, round(value))
    return plans.keep_everything(spectra)


def _draft(request: AdapterRequest) -> tuple[Draft, Profile]:
    draft = opened(Path(request.adapter))
    if request.action == "grow":
        return grown(draft, round(request.value)), AsTrained()
    if request.action == "clip":
        draft = clipped(draft, relative_caps(draft.spectra(), request.value))
    else:
        if request.action == "merge":
            others = [opened(Path(other)) for other in request.others]
            draft = merge([draft, *others], request.weights).draft
        if request.action == "merge" or request.way != "everything":
            draft = truncated(draft, plan(draft.spectra(), request.way, request.value))
        else:
            draft = balanced(draft)
    profile = EXPORTERS[request.profile]()
    assert isinstance(profile, AdapterProfile)
    return draft, profile
