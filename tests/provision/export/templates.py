"""Templates to look at, and what AWS's linter says of them."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from cfnlint.config import ConfigMixIn
from cfnlint.decode import cfn_yaml
from cfnlint.runner import Runner

from countagg.provision.export.cloudformation import Template, stack_template
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings
from countagg.provision.subscriptions import Subscriber, SubscriptionKind
from tests.provision.stacks import CODE, PLACE

KEY: Final = f"arn:aws:kms:{PLACE.region}:{PLACE.account}:key/k"
EVERYTHING: Final[dict[str, Any]] = {
    "create_bucket": True,
    "bucket_versioning": True,
    "kms_key": KEY,
    "permissions_boundary": f"arn:aws:iam::{PLACE.account}:policy/bounds",
    "role_path": "/ops/",
    "alarm_email": "ops@example.com",
    "stale_alarm": "15m",
    "tags": {"team": "fleet", "cost centre": "5"},
    "point_in_time_recovery": True,
    "deletion_protection": True,
    "dashboard": True,
    "subscriptions": (
        Subscriber(SubscriptionKind.FUNCTION, "on-change:live", ("http_*",), "apps/on-change"),
        Subscriber(SubscriptionKind.FUNCTION, "on_change:live", (), "apps/on-change"),
        Subscriber(SubscriptionKind.QUEUE, PLACE.queue_arn("alerts-of-theirs")),
        Subscriber(SubscriptionKind.QUEUE, f"arn:aws:sqs:{PLACE.region}:210987654321:elsewhere"),
        Subscriber(SubscriptionKind.HTTPS, "https://example.org/alerts?a=1"),
    ),
}
"""Every choice that makes a resource or a property."""


def make_template(place: Place = PLACE, *, stack: str = "countagg", **chosen: Any) -> Template:
    return stack_template(StackSettings(stack, "fleet-counters", **chosen), place, CODE, "1.2.3")


def read_template(text: str) -> dict[str, Any]:
    """Read YAML as the linter does, with CloudFormation's short forms."""
    load: Any = cfn_yaml.loads
    document: dict[str, Any] = load(text)
    return document


def complaints(document: dict[str, Any], *regions: str) -> list[str]:
    """Return what the linter finds: it holds each property against the schemas of AWS's resource providers."""
    found = _linter(regions or (PLACE.region,)).validate_template(document)
    return [f"{match.rule.id} {'/'.join(map(str, match.path))}: {match.message}" for match in found]


@cache
def _linter(regions: tuple[str, ...]) -> Any:
    runner: Any = Runner
    return runner(ConfigMixIn(regions=list(regions)))
