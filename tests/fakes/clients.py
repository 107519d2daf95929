"""Our clients in front of fakes of AWS's services."""

from __future__ import annotations

from countagg.aws.session import Clients


class FakeClients(Clients):
    """Clients of the services that are given, and of no others.

    Args:
        services: fakes of boto3's clients, by their names in `Clients`.
    """

    def __init__(self, **services: object) -> None:
        vars(self).update(services)
