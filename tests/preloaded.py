"""What every command imports and reads, done once in the process that the commands are forked from."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from botocore.loaders import JSONFileLoader

import countagg.aws
import countagg.cli
from countagg.aws.model_copies import user_copies
from countagg.aws.service_models import PlainFiles, read_model
from countagg.aws.session import Clients, ConnectionOptions

for _package in (countagg.aws, countagg.cli):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        import_module(_module.name)

# Every session shares what was read once.
JSONFileLoader.load_file = staticmethod(cache(JSONFileLoader().load_file))  # type: ignore[method-assign]  # see above
PlainFiles.load_file = staticmethod(cache(user_copies(read_model).read))  # type: ignore[method-assign]  # see above
_clients = Clients(ConnectionOptions(region="us-east-1", credentials=("id", "secret")))
for _name in ("sts", "s3", "sns", "sqs", "dynamodb", "lambda_", "iam", "logs", "cloudwatch", "tagging"):
    getattr(_clients, _name)
