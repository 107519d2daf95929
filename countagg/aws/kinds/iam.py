"""IAM: roles with inline policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from countagg.aws.errors import suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.tags import tag_list, tag_map
from countagg.aws.waiting import ROLE_BUSY, ROLE_NOT_EMPTY, ROLE_NOT_YET
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.functions import role_description
from countagg.provision.policies import canonical
from countagg.provision.reconcile import Observed
from countagg.provision.states import RoleState

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class Role:
    """A role. It is ours as a whole: a policy that somebody added, inline or attached, is drift."""

    def __init__(self, iam: IAMClient, name: str, context: StackContext) -> None:
        self._iam = iam
        self._name = name
        self._context = context
        self._patience = context.patience
        self._busy = self._patience.over(iam, ROLE_BUSY, f"role {name}, being changed by others")
        what = f"role {name}, until IAM knows it and nobody else changes it"
        self._made = self._patience.over(iam, (*ROLE_BUSY, *ROLE_NOT_YET), what)

    def read(self) -> Observed[RoleState] | None:
        """Return it as it is; its outputs are `id`, which IAM gives to no other, and `created`."""
        role = self._iam.get_role(RoleName=self._name)["Role"]
        policies = {
            name: canonical(self._iam.get_role_policy(RoleName=self._name, PolicyName=name)["PolicyDocument"])
            for name in self._policy_names()
        }
        attached = self._attached()
        # As docs/aws-facts.md#iam has it, they come along.
        tags = tag_map(role.get("Tags", []))
        state = RoleState(
            path=role["Path"],
            trust=canonical(role.get("AssumeRolePolicyDocument", {})),
            permissions_boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            policies=policies,
            attached=attached,
            tags=Tags(tags),
        )
        outputs = {"id": role["RoleId"], "created": role["CreateDate"].isoformat()}
        return Observed(state, outputs, owned=self._context.owns(tags))

    def _policy_names(self) -> list[str]:
        pages = self._iam.get_paginator("list_role_policies").paginate(RoleName=self._name)
        return [name for page in pages for name in page["PolicyNames"]]

    def _attached(self) -> tuple[str, ...]:
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=self._name)
        return tuple(sorted(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]))

    def create(self, desired: RoleState) -> None:
        """Create it and put its policies."""
        boundary: Any = (
            {"PermissionsBoundary": desired.permissions_boundary} if desired.permissions_boundary else {}
        )
        self._made.create_role(
            RoleName=self._name,
            Path=desired.path,
            AssumeRolePolicyDocument=desired.trust,
            Description=role_description(self._context.stack),
            Tags=tag_list(desired.tags.of),
            **boundary,
        )
        self._put_policies(desired.policies)

    def update(self, desired: RoleState, changes: Sequence[FieldChange]) -> None:
        """Set what differs."""
        for change in changes:
            match change.name:
                case "trust":
                    self._made.update_assume_role_policy(RoleName=self._name, PolicyDocument=desired.trust)
                case "permissions_boundary":
                    self._put_boundary(desired.permissions_boundary)
                case "attached":
                    self._detach(change.current)
                case "tags":
                    self._put_tags(change)
                case _:
                    self._put_policies(change.desired)
                    self._delete_policies(sorted(change.current.keys() - change.desired.keys()))

    def _put_policies(self, policies: Mapping[str, str]) -> None:
        for name, document in policies.items():
            self._made.put_role_policy(RoleName=self._name, PolicyName=name, PolicyDocument=document)

    def _delete_policies(self, names: Sequence[str]) -> None:
        for name in names:
            with suppress_missing():
                self._busy.delete_role_policy(RoleName=self._name, PolicyName=name)

    def _put_boundary(self, arn: str) -> None:
        if arn:
            self._made.put_role_permissions_boundary(RoleName=self._name, PermissionsBoundary=arn)
            return
        with suppress_missing():
            self._busy.delete_role_permissions_boundary(RoleName=self._name)

    def _detach(self, policies: Sequence[str]) -> None:
        for arn in policies:
            with suppress_missing():
                self._busy.detach_role_policy(RoleName=self._name, PolicyArn=arn)

    def _put_tags(self, change: FieldChange) -> None:
        if change.tags_to_set:
            self._made.tag_role(RoleName=self._name, Tags=tag_list(change.tags_to_set))
        if change.tags_to_drop:
            self._made.untag_role(RoleName=self._name, TagKeys=change.tags_to_drop)

    def delete(self) -> None:
        """Delete it, first its policies: IAM refuses otherwise, for some time even then."""
        self._patience.call(self._delete, ROLE_NOT_EMPTY, f"role {self._name}, until IAM sees it without policies")

    def _delete(self) -> None:
        with suppress_missing():
            names, attached = self._policy_names(), self._attached()
            self._delete_policies(names)
            self._detach(attached)
            self._busy.delete_role(RoleName=self._name)
