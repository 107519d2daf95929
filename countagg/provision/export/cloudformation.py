"""A stack as a CloudFormation template, out of the desired states that `setup` brings about.

The template knows neither account nor region, and takes bucket and folders as parameters; every other choice is
made when it is written. What it says of each kind of resource is in `forms`.
"""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Any, Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import PREFIX_PATTERN
from countagg.provision.blueprint import Blueprint
from countagg.provision.code import Code
from countagg.provision.export.form import PolicyResource, Properties, merged
from countagg.provision.export.forms import CODE_BUCKET, CODE_KEY, FORMS
from countagg.provision.export.references import reference, referred_to, with_references
from countagg.provision.order import in_order
from countagg.provision.place import BUCKET_PATTERN, Place
from countagg.provision.policies import merge_statements, our_statements
from countagg.provision.reconcile import Holds, Node, NodeOutputs
from countagg.provision.settings import CHOICES, StackSettings
from countagg.provision.stack import stack_nodes

BUCKET: Final = "BucketName"
PREFIX: Final = "Prefix"
OUTPUT_PREFIX: Final = "OutputPrefix"
_PARAMETERS: Final = {"bucket": BUCKET, "prefix": PREFIX, "output_prefix": OUTPUT_PREFIX}
_KEPT: Final = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
"""Of what holds data: it stays when its stack goes. A first creation that fails takes it along, so that it can be
tried again under the same names (docs/aws-facts.md#cloudformation)."""


@dataclass(frozen=True, slots=True)
class PlaceOfTemplate(Place):
    """Where a template is deployed, in CloudFormation's words.

    Attributes:
        written_for: a place of the same kind, which the settings must fit.
    """

    account: str = reference("AWS::AccountId")
    region: str = reference("AWS::Region")
    partition: str = reference("AWS::Partition")
    written_for: Place = field(kw_only=True)

    @property
    def known(self) -> Place:
        """The place that settings must fit."""
        return self.written_for


@dataclass(frozen=True, slots=True)
class Template:
    """A stack as a template.

    Attributes:
        document: the template.
        zip_name: the file name that it expects the functions' zip to have.
        apart: the desired states that it has no resource for, by node: of what belongs to others.
    """

    document: dict[str, Any]
    zip_name: str
    apart: dict[str, Any]


def stack_template(settings: StackSettings, place: Place, code: Code, version: str) -> Template:
    """Return a stack as a template.

    Args:
        settings: of the stack; bucket and folders become the defaults of parameters.
        place: of the kind that it is written for: an account that is not known may be any.
        code: the functions' zip.
        version: of countagg.

    Raises:
        UsageError: a setting cannot work in that place.
    """
    export = _Export(settings, place, code)
    for node in in_order(export.nodes):
        if not node.unwanted:
            export.add(node)
    name = zip_name(settings.stack, code)
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"countagg {version}, stack {settings.stack}: the sums of a fleet's counters, day by day",
        "Parameters": _parameters(settings, name),
        "Rules": _rules(),
        "Resources": export.resources,
        "Outputs": _outputs(),
    }
    return Template(document, name, export.apart)


def zip_name(stack: str, code: Code) -> str:
    """Return a file name for the zip that differs when the zip does: else CloudFormation sees no change."""
    return f"{stack}-functions-{base64.b64decode(code.sha256).hex()[:16]}.zip"


def _parameters(settings: StackSettings, name_of_zip: str) -> dict[str, Any]:
    """Return the parameters; what each takes is what `setup` takes."""
    bucket = {"AllowedPattern": BUCKET_PATTERN}
    folder = {
        "AllowedPattern": PREFIX_PATTERN,
        "ConstraintDescription": "must be a folder with a slash at its end",
    }
    created = (
        "Bucket that is created for the counter files."
        if settings.create_bucket
        else "Bucket with the counter files."
    )
    described: Mapping[str, tuple[Any, ...]] = {
        BUCKET: (created, settings.bucket, bucket),
        PREFIX: (CHOICES["prefix"].help, settings.prefix, folder),
        OUTPUT_PREFIX: (CHOICES["output_prefix"].help, settings.output_prefix, folder),
        CODE_BUCKET: ("Bucket of the same region that the functions' zip was uploaded to.", None, bucket),
        CODE_KEY: ("Key of the zip in it.", name_of_zip, {"MinLength": 1}),
    }
    written: dict[str, Any] = {}
    for name, (description, default, rules) in described.items():
        given = {} if default is None else {"Default": default}
        written[name] = {"Type": "String", "Description": description, **given, **rules}
    return written


def _outputs() -> dict[str, Any]:
    """Return what other stacks want to know that AWS picks, or that they would have to put together."""
    wanted = {
        "AlertsTopicArn": ("Topic of alerts and alarms.", "topic/alerts", ""),
        "UploadsTopicArn": ("Topic of the uploads.", "topic/uploads", ""),
        "TotalsStreamArn": ("Stream of the days' ledgers.", "table/totals", "StreamArn"),
        "CountersStreamArn": (
            "Stream of each counter's totals.",
            "table/counters",
            "StreamArn",
        ),
    }
    return {
        name: {"Description": what, "Value": with_references(reference(logical_id(node), attribute), {})}
        for name, (what, node, attribute) in wanted.items()
    }


def _rules() -> dict[str, Any]:
    """Return what can be said of parameters together."""
    same = {"Fn::Equals": [{"Ref": PREFIX}, {"Ref": OUTPUT_PREFIX}]}
    said = f"{PREFIX} and {OUTPUT_PREFIX} must differ, and neither may begin with the other"
    return {"FoldersAreApart": {"Assertions": [{"Assert": {"Fn::Not": [same]}, "AssertDescription": said}]}}


def _with_parameters(settings: StackSettings) -> StackSettings:
    """Return settings that name the parameters in place of bucket and folders.

    Those were checked when the settings were made; a reference would not pass.
    """
    written = copy.copy(settings)
    for choice, parameter in _PARAMETERS.items():
        object.__setattr__(written, choice, reference(parameter))
    return written


def logical_id(node: str) -> str:
    """Return the name of a node's resource in the template: `table/snapshots` is `SnapshotsTable`."""
    kind, _, short = node.partition("/")
    return "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", f"{short} {kind}"))


class _Export:
    """A template that grows by one node after the other, each of which refers to those before it."""

    def __init__(self, settings: StackSettings, place: Place, code: Code) -> None:
        self.resources: dict[str, Any] = {}
        self.apart: dict[str, Any] = {}
        self._place = PlaceOfTemplate(tls=place.tls, embedded=place.embedded, written_for=place)
        self._found_by: dict[str, tuple[str, ...]] = {}
        self._outputs = NodeOutputs()
        self._arns: dict[str, str] = {}
        self._ids: dict[str, list[str]] = {}
        self.nodes = stack_nodes(Blueprint(_with_parameters(settings), self._place, code, self._bind))

    def _bind(self, node: str, name: str, *parts: str) -> Any:  # noqa: ANN401 - nothing that is provisioned
        self._found_by[node] = parts or (name,)

    def add(self, node: Node[Any]) -> None:
        """Add the resources of a node, or remember that there is none for it."""
        state = node.desired(self._outputs)
        form = FORMS.get(type(state))
        if node.borrowed or form is None or (form.part_of and form.part_of not in self._ids):
            self.apart[node.id] = state
            return
        properties = form.properties(state, *self._found_by[node.id])
        if form.part_of:
            self._join(logical_id(form.part_of), properties, node.needs)
            return
        name = logical_id(node.id)
        while name in self.resources:
            # Two names that differ in their punctuation alone.
            name += "X"
        self._put(name, form.type, properties, node.needs, _KEPT if node.holds is Holds.DATA else {})
        self._ids[node.id] = [name]
        self._outputs.record(
            node.id, {output: reference(name, attribute) for output, attribute in form.outputs.items()}
        )
        if form.arn is not None and (arn := self._place.arn_of(node.id, node.name)):
            self._arns[arn] = reference(name, form.arn)
        if form.policy:
            self._put_policy(node.id, form.policy, state.statements)

    def _put_policy(self, node: str, policy: PolicyResource, statements: str) -> None:
        """Add the resource that bears a node's policy, which whoever needs the node needs too."""
        if statements == our_statements({}):
            return
        [bearer] = self._ids[node]
        whose = reference(bearer)
        document = merge_statements({}, statements)
        self._put(
            f"{bearer}Policy",
            policy.type,
            {policy.bearer: [whose] if policy.many else whose, "PolicyDocument": document},
        )
        self._ids[node].append(f"{bearer}Policy")

    def _put(
        self,
        name: str,
        type_: str,
        properties: Properties,
        needs: Sequence[str] = (),
        policies: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        written = with_references(properties, self._arns)
        waits = self._needed(needs, written)
        self.resources[name] = {
            "Type": type_,
            **policies,
            **({"DependsOn": waits} if waits else {}),
            "Properties": written,
        }

    def _needed(self, needs: Sequence[str], written: Properties) -> list[str]:
        """Return the resources that must be there before: those that a reference does not say already."""
        needed = {name for node in needs for name in self._ids.get(node, ())}
        return sorted(needed - set(referred_to(written)))

    def _join(self, name: str, properties: Properties, needs: Sequence[str]) -> None:
        """Add to a resource that is there already."""
        whole = self.resources[name]
        written = merged(whole["Properties"], with_references(properties, self._arns))
        waits = sorted({*whole.get("DependsOn", ()), *self._needed(needs, written)} - {name, f"{name}Policy"})
        self.resources[name] = {**whole, "DependsOn": waits, "Properties": written}
