"""`python -m tests.proof.flooding_worker SECONDS`: a worker that says far too much.

Ten thousand events a second, among them losses that are no numbers, steps that go backwards, and a
line of 1 MB ten times a second.
"""

import json
import sys
import time

from core.events import Notice, StepDone, to_line

PER_SECOND = 10_000
BURST = 100
LOSSES = (2.5, float("nan"), float("inf"), float("-inf"))


def step_line(number: int, job_id: int) -> str:
    step = number - 50 if number % 1000 == 0 else number
    event = StepDone(
        step=max(1, step),
        loss=LOSSES[number % len(LOSSES)] if number % 100 < 4 else 2.0,
        learning_rate=1e-4,
        gradient_norm=1.0,
        trained_tokens=10,
        tokens=20,
        tokens_per_second=100.0,
        memory_bytes=1 << 30,
    )
    return to_line(event, id=job_id)


def main() -> None:
    command = json.loads(sys.stdin.readline())
    job_id, number, started = command["id"], 0, time.monotonic()
    long_line = to_line(Notice(level="info", message="x" * 2**20), id=job_id) + "\n"
    while time.monotonic() - started < float(sys.argv[1]):
        lines = [step_line(number + n, job_id) for n in range(1, BURST + 1)]
        number += BURST
        text = "\n".join(lines) + "\n" + (long_line if number % 1000 == 0 else "")
        sys.stdout.write(text)
        sys.stdout.flush()
        time.sleep(max(0.0, started + number / PER_SECOND - time.monotonic()))
    ended = {"event": "ended", "outcome": "finished", "step": number, "id": job_id}
    sys.stdout.write(json.dumps({**ended, "seconds": time.time()}) + "\n")


if __name__ == "__main__":
    main()
