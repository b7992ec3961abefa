"""What to do about a file or folder that the system refuses."""

import errno

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_RIGHTS = {errno.EACCES, errno.EPERM, errno.EROFS}
UNUSABLE_PATH = _RIGHTS | {errno.ENAMETOOLONG, errno.ELOOP}
"""Numbers of errors that come of the path that somebody gave, whoever opens it first."""


def way_out(error: OSError) -> str:
    """Return a hint that fits the reason: free space only where there is none."""
    if error.errno in _FULL:
        return "Free some space on this disk, or choose another folder."
    if error.errno in _RIGHTS:
        return "Mend the rights of the folder, or choose another."
    if error.errno == errno.ELOOP:
        return "Its links lead in a circle; choose another folder."
    if error.errno == errno.ENAMETOOLONG:
        return "Choose a shorter name."
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return "A part of this path is a file; choose another folder."
    return "Choose another folder."
