#!/bin/sh
# Finds a Python that can make virtual environments and hands over to scripts/setup.py.
# Each candidate is started, not only looked up: a version manager's shim may be an empty promise.
set -u
cd "$(dirname "$0")/.." || exit 1

suits='import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 15) else 3)'
complete='import ensurepip, venv'
incomplete=''

for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
    "$candidate" -c "$suits" >/dev/null 2>&1 || continue
    if "$candidate" -c "$complete" >/dev/null 2>&1; then
        exec "$candidate" scripts/setup.py "$@"
    fi
    incomplete=$candidate
done

if [ -n "$incomplete" ]; then
    echo "Cannot go on: $incomplete has no venv module; on Debian and Ubuntu" \
        "'apt install python3-venv' (as root) brings it." >&2
else
    echo "Cannot go on: no Python 3.11 to 3.14 was found; install one, or name it:" \
        "make run PYTHON=/path/to/python3." >&2
fi
exit 2
