"""Numbers as the window writes them: three figures, a unit, thousands grouped."""

import time


def compact(number: float) -> str:
    """Return 134.5 M, 8.03 B or 12,000 for a count."""
    for size, unit in ((1e9, "B"), (1e6, "M")):
        if number >= size:
            value = number / size
            digits = 1 if value >= 100 else 2 if value < 10 else 1
            return f"{value:,.{digits}f} {unit}"
    return f"{number:,.0f}"


def file_size(size: float) -> str:
    """Return bytes as the file manager shows them: 269 MB, 4.9 GB."""
    for unit_size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit_size:
            value = size / unit_size
            return f"{value:,.{1 if value < 10 else 0}f} {unit}"
    return f"{size:.0f} bytes"


def percent(share: float) -> str:
    """Return a share between 0 and 1 with three figures at most: 3.33 %, 41.2 %, 100 %."""
    value = 100 * share
    digits = 2 if 0 < value < 10 else 1 if value < 99.95 and value else 0
    return f"{value:.{digits}f} %"


def duration(seconds: float) -> str:
    """Return 45 s, 2 min 21 s or 3 h 05 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def ago(seconds: float) -> str:
    """Return how long ago that was: now, 12 s, 4 min, 3 h, 2 d."""
    if seconds < 2:
        return "now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def date(timestamp: float) -> str:
    """Return 22 Nov, 14:05 for a time of this year, with the year for an earlier one."""
    moment, now = time.localtime(timestamp), time.localtime()
    pattern = "%d %b, %H:%M" if moment.tm_year == now.tm_year else "%d %b %Y"
    return time.strftime(pattern, moment).lstrip("0")


def plural(number: int, noun: str, more: str = "") -> str:
    """Return 1 row, 3,000 rows; `more` is the plural where an s does not make it."""
    return f"{number:,} {noun if number == 1 else more or noun + 's'}"
