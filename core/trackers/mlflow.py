"""MLflow: curves in a database in the run folder, or on the server of MLFLOW_TRACKING_URI."""

import os
from typing import TYPE_CHECKING, ClassVar

from core.trackers.base import PROJECT, TRACKERS, TrackedRun

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker


@TRACKERS.register("mlflow")
class MLflow:
    """Shown by `mlflow ui --backend-store-uri sqlite:///RUN/trackers/mlflow/mlflow.db`."""

    title: ClassVar[str] = "MLflow"
    package: ClassVar[str] = "mlflow"
    modules: ClassVar[tuple[str, ...]] = ("mlflow",)

    @staticmethod
    def start(run: TrackedRun) -> "GeneralTracker":
        """Go on with the run whose id an earlier start has left: MLflow makes its own."""
        import mlflow
        from accelerate.tracking import MLflowTracker

        if not os.environ.get("MLFLOW_TRACKING_URI"):
            mlflow.set_tracking_uri(f"sqlite:///{run.folder / 'mlflow.db'}")
        left = run.folder / "run-id.txt"
        known = left.read_text("utf-8") if left.exists() else None
        tracker = MLflowTracker(PROJECT, str(run.folder), run_id=known, run_name=run.name)
        tracker.start()
        left.write_text(tracker.tracker.info.run_id, "utf-8")
        return tracker
