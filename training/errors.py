"""The error that is the user's to mend."""


class UserError(Exception):
    """A mistake that the user can mend. The message is one line; commands exit with status 2."""
