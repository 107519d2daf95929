"""What a fake raises that is asked for something it does not know of AWS."""

from __future__ import annotations


class Unfaithful(BaseException):
    """The code asked for something that the fakes do not know. It ends the run rather than being a failed call."""
