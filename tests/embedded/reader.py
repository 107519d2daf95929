"""A principal that may do what its policy says and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from countagg.aws.session import Clients, ConnectionOptions
from countagg.local import EngineRecord
from tests.embedded.world import DeployedStack
from tests.readme import README

NAME: Final = "reader"


@dataclass(frozen=True)
class Reader:
    """The principal: its clients, and the stack's administrator who says what it may."""

    stack: DeployedStack
    clients: Clients

    def allow(self, actions: list[str]) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.stack.clients.iam.put_user_policy(UserName=NAME, PolicyName=NAME, PolicyDocument=document)


@contextmanager
def new_reader(stack: DeployedStack, engine: EngineRecord) -> Iterator[Reader]:
    """Make the principal, and delete it in the end."""
    iam = stack.clients.iam
    iam.create_user(UserName=NAME)
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    credentials = key["AccessKeyId"], key["SecretAccessKey"]
    options = ConnectionOptions(region="us-east-1", endpoint_url=engine.endpoint_url, credentials=credentials)
    try:
        yield Reader(stack, Clients(options))
    finally:
        iam.delete_access_key(UserName=NAME, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=NAME, PolicyName=NAME)
        iam.delete_user(UserName=NAME)


def permissions_of(command: str) -> list[str]:
    """Return the actions that README says a command needs."""
    [told] = re.findall(rf"^`{command}` needs (.*)$", README, re.MULTILINE)
    return re.findall(r"`([a-z0-9]+:[A-Za-z]+)`", told)
