"""TLS of all clients of a session: the certificates of the authorities are read once."""

from __future__ import annotations

from functools import cache
from ssl import SSLContext
from typing import Any

from botocore.httpsession import create_urllib3_context


def new_context() -> SSLContext:
    """Return settings of TLS, as botocore makes them, that read a file of certificates once.

    urllib3 reads botocore's 140 certificates for each connection: 0.02 s of CPU each time, for a plan nine times.
    """
    context: SSLContext = create_urllib3_context()
    # Each value has a place of its own, which mypy takes for the method of all.
    setattr(context, "load_verify_locations", cache(context.load_verify_locations))  # noqa: B010 - see above
    return context


def use_context(client: Any, context: SSLContext) -> None:  # noqa: ANN401 - of any service
    """Have a client connect with these settings.

    Through a proxy it has settings of its own, as the proxy may have an authority of its own.

    Args:
        client: that has not connected yet.
        context: of the clients of one session, which verify alike.
    """
    connections = client._endpoint.http_session._manager  # noqa: SLF001 - botocore lets nobody hand it in
    connections.connection_pool_kw["ssl_context"] = context
