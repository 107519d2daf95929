"""What instances do: each uploads its file. They are other machines, so what it takes to sign is not measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.httpsession import URLLib3Session

from countagg.aws.session import Clients

SENDERS = 8
"""Uploads that are sent at the same moment, at most."""


@dataclass(frozen=True)
class SignedUploads:
    """Uploads that are ready to be sent.

    Attributes:
        requests: by instance.
        http: what sends them.
    """

    requests: Mapping[str, AWSPreparedRequest]
    http: URLLib3Session

    @classmethod
    def sign(cls, clients: Clients, addresses: Mapping[str, str], files: Mapping[str, bytes]) -> SignedUploads:
        """Sign an upload of each file; addresses below the endpoint and files are by instance."""
        endpoint = clients.s3.meta.endpoint_url
        credentials = clients.session.get_credentials()
        if credentials is None:
            raise RuntimeError("there are no credentials to sign with")
        signer = S3SigV4Auth(credentials, "s3", clients.s3.meta.region_name)
        requests = {}
        for instance, content in files.items():
            request = AWSRequest("PUT", f"{endpoint}/{addresses[instance]}", data=content)
            signer.add_auth(request)
            requests[instance] = request.prepare()
        return cls(requests, URLLib3Session(max_pool_connections=SENDERS))

    def send(self, instance: str) -> None:
        """Upload the file of an instance.

        Raises:
            RuntimeError: S3 did not take it.
        """
        answer = self.http.send(self.requests[instance])
        if answer.status_code != 200:
            raise RuntimeError(f"the upload of {instance} was answered by {answer.status_code}: {answer.text}")
