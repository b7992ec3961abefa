"""What every preflight check must do, whichever there are."""

import subprocess
import sys

import pytest

from core.checks import CHECKS, CheckContext, gather, is_blocked, run_checks
from core.checks.base import LEVELS, Finding
from core.settings import RunSettings


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_finds_nothing_wrong_in_a_good_run(name: str, good: CheckContext) -> None:
    found = CHECKS[name](good)
    assert found is not None
    assert (found.level, found.fix) == ("ok", "")
    assert found.message[0].isalnum()
    assert found.message.endswith(".")


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_keeps_quiet_about_what_nobody_knows(name: str) -> None:
    found = CHECKS[name](CheckContext(settings=RunSettings()))
    assert found is None or found.level in LEVELS


def test_the_quick_checks_need_no_tokenizer(good_settings: RunSettings) -> None:
    ids = {result.id for result in run_checks(gather(good_settings))}
    assert {"model-readable", "targets", "data-readable", "held-out", "memory-fits"} <= ids
    assert "trained-tokens" not in ids


def test_the_most_serious_comes_first(good: CheckContext, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"a": "ok", "b": "warn", "c": "block", "d": "info"}
    checks = {name: lambda _, level=level: Finding(level, "x") for name, level in found.items()}
    monkeypatch.setattr("core.checks.base.CHECKS", checks)
    results = run_checks(good)
    assert [result.id for result in results] == ["c", "b", "d", "a"]
    assert is_blocked(results)
    assert not is_blocked(results[1:])


def test_the_quick_checks_load_no_torch(good_settings: RunSettings) -> None:
    program = (
        "import sys\n"
        "from core.checks import gather, run_checks\n"
        "from core.settings import RunSettings\n"
        f"settings = RunSettings.model_validate_json({good_settings.model_dump_json()!r})\n"
        "assert len(run_checks(gather(settings))) > 8\n"
        "import core.jobs.check, core.jobs.dataset, core.jobs.tokens, core.data.batches\n"
        "assert not {'torch', 'transformers', 'peft', 'pyarrow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
