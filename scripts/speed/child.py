"""One process per variant: `python -m speed.child SPEC`, SPEC being a `Spec` as JSON."""

import importlib
import json
import os
import sys
import warnings

from core.libraries import prepare_libraries
from speed.examples import Spec
from speed.gate import Gate


def main() -> None:
    """Run the system of the spec behind a gate; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    prepare_libraries()
    warnings.filterwarnings("ignore")
    spec = Spec(**json.loads(sys.argv[1]))
    gate = Gate(answers)
    system = importlib.import_module(f"speed.{spec.system}")
    system.run(spec, gate)


if __name__ == "__main__":
    main()
