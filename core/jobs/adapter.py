"""The job `adapter`: makes an adapter from others, from files alone, and writes it."""

import dataclasses
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Literal

from core.control import Control
from core.errors import UserError
from core.events import Event, Progress, Reply, RunEnded
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
from core.training.requests import Halt

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

    def run(self, request: AdapterRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply: what was written, as in `Written`.

        Raises:
            UserError: There is no adapter, a number is out of bounds, the folder exists, or the
                runtime would refuse what is in it.
        """
        yield Progress(phase="saving", message="Computing and writing the adapter …")
        draft, profile = _draft(request)
        yield from written(draft, request.out, profile, control)


def written(
    draft: Draft, out: str, profile: Profile, control: Control, **told: float
) -> Generator[Event, None, None]:
    """Write a draft; yield one reply, or the end where it was asked to stop: nothing is there then.

    Raises:
        UserError: As of `write_adapter`.
    """
    try:
        found = write_adapter(draft, Path(out), profile, partial(_unless_stopped, control))
    except Halt as halt:
        yield RunEnded(outcome=halt.outcome)
        return
    yield Reply(data=dataclasses.asdict(found) | told)


def _unless_stopped(control: Control) -> None:
    if control.request:
        raise Halt("stopped")


def profile_of(name: str) -> AdapterProfile:
    """Return the exporter of that name.

    Raises:
        UserError: There is none, or it writes no adapter.
    """
    if name not in EXPORTERS or not issubclass(EXPORTERS[name], AdapterProfile):
        raise UserError(f"There is no runtime called {name!r}.", "Choose peft, vllm or llamacpp.")
    profile = EXPORTERS[name]()
    assert isinstance(profile, AdapterProfile)
    return profile


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
            merger = merge([draft, *map(opened, map(Path, request.others))], request.weights)
            draft = merger.draft
            if request.way == "everything":
                return truncated(draft, merger.everything()), profile_of(request.profile)
        if request.way != "everything":
            draft = truncated(draft, plan(draft.spectra(), request.way, request.value))
        else:
            draft = balanced(draft)
    return draft, profile_of(request.profile)
