"""Somebody with keys of their own on the embedded engine."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass

import pytest

import countagg.local
from countagg.aws.session import Clients, ConnectionOptions
from countagg.cli.main import main
from countagg.local import EngineRecord, client_environment
from countagg.provision.permissions import MANAGED_POLICY_SIZE
from tests.embedded.world import CommandLine, Ran


@dataclass(frozen=True)
class Person:
    """Somebody with keys of their own: runs commands in this process, or makes calls."""

    record: EngineRecord
    line: CommandLine
    keys: tuple[str, str]
    stack: str | None = None

    def __call__(self, *arguments: str, code: int | None = 0) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        variables = {**client_environment(self.record), "AWS_ACCESS_KEY_ID": self.keys[0]}
        variables["AWS_SECRET_ACCESS_KEY"] = self.keys[1]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.line.environment().items():
                patch.setenv(name, value)
            patch.setattr(countagg.local, "client_environment", lambda _: variables)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                ended = main([*arguments, *(["--stack", self.stack] if self.stack else [])])
        ran = Ran(ended, out.getvalue(), err.getvalue())
        assert code is None or ran.code == code, f"{arguments}: {ran.code}\n{ran.out}\n{ran.err}"
        return ran

    @property
    def clients(self) -> Clients:
        url = self.record.endpoint_url
        return Clients(ConnectionOptions(region="us-east-1", endpoint_url=url, credentials=self.keys))


def hire(root: Clients, name: str, policy: str) -> tuple[str, str]:
    """Make a user with a managed policy, and keys of theirs."""
    assert len(json.dumps(json.loads(policy), separators=(",", ":"))) <= MANAGED_POLICY_SIZE
    root.iam.create_user(UserName=name)
    arn = root.iam.create_policy(PolicyName=name, PolicyDocument=policy)["Policy"]["Arn"]
    root.iam.attach_user_policy(UserName=name, PolicyArn=arn)
    found = root.iam.create_access_key(UserName=name)["AccessKey"]
    return found["AccessKeyId"], found["SecretAccessKey"]
