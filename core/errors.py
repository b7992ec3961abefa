"""The one kind of error that a person can act on."""


class UserError(Exception):
    """Something the user can mend; shown as a message and a hint, never as a traceback.

    Attributes:
        message: What happened, in one sentence.
        hint: What to do about it.
        details: Text for the folded part of the message, such as the tail of a log.
    """

    def __init__(self, message: str, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
