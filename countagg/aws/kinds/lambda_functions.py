"""Lambda: functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from countagg.aws.errors import suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.offers import accepted
from countagg.aws.kinds.shared_reads import tags_of
from countagg.aws.waiting import FUNCTION_BUSY, FUNCTION_NOT_YET, ROLE_NOT_READY
from countagg.core.errors import AwsCallFailed
from countagg.data.calls import in_base64
from countagg.provision.code import Code
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.grants import ROLE_VARIABLE, RoleIdentity, is_grant_lost
from countagg.provision.reconcile import Observed
from countagg.provision.states import FunctionState

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import GetFunctionResponseTypeDef

_LOGS = frozenset({"log_format", "log_group", "log_level", "system_log_level"})


class Function:
    """A function, whose code counts as changed when the hash of the zip differs.

    Args:
        sending: gives the client for a request of so many bytes: a zip's upload takes its time on a slow line.
        name: the function's.
        context: whose it is.
    """

    def __init__(self, sending: Callable[[int], LambdaClient], name: str, context: StackContext) -> None:
        self._lambda = sending(0)
        self._sending = sending
        self._name = name
        self._arn = context.place.function_arn(name)
        self._context = context
        self._patience = context.patience
        self._made = self._until_updated(self._lambda)

    def _get(self) -> GetFunctionResponseTypeDef | None:
        with suppress_missing():
            return self._lambda.get_function(FunctionName=self._name)
        return None

    def _settled(self) -> GetFunctionResponseTypeDef | None:
        """Return the function once no creation or update of it is under way."""
        return self._patience.settled(self._get, _unsettled, f"function {self._name} to become active")

    def read(self) -> Observed[FunctionState] | None:
        """Return it as it is. One that is changing is waited for."""
        answer = self._settled()
        if answer is None:
            return None
        config, tags = answer["Configuration"], answer.get("Tags", {})
        if "Tags" in answer:
            # Left out if there are none, and for whoever may not list them.
            self._context.reads.remember(tags_of(self._arn), tags)
        logging = config.get("LoggingConfig", {})
        state = FunctionState(
            role=config["Role"],
            handler=config.get("Handler", ""),
            runtime=config.get("Runtime", ""),
            architecture=config.get("Architectures", ["x86_64"])[0],
            memory=config["MemorySize"],
            timeout=config["Timeout"],
            environment=config.get("Environment", {}).get("Variables", {}),
            log_group=logging.get("LogGroup", f"/aws/lambda/{self._name}"),
            log_format=logging.get("LogFormat", "Text"),
            log_level=logging.get("ApplicationLogLevel", ""),
            system_log_level=logging.get("SystemLogLevel", ""),
            code=Code(config["CodeSha256"]),
            failure=_failure(config),
            tags=Tags(tags),
        )
        return Observed(state, owned=self._context.owns(tags))

    def create(self, desired: FunctionState) -> None:
        """Create it, with what the region offers; a fresh role takes some seconds until Lambda can assume it."""
        accepted(desired, self._create, self._tell)
        self._check_active()

    def _tell(self, remark: str) -> None:
        self._patience.warn(f"function {self._name}: {remark}")

    def _create(self, desired: FunctionState) -> None:
        sender = self._sending(in_base64(desired.code.content))
        self._patience.call(
            lambda: sender.create_function(
                FunctionName=self._name,
                Code={"ZipFile": desired.code.content},
                Architectures=_architectures(desired),
                Tags=desired.tags.of,
                **_configuration(desired),
            ),
            ROLE_NOT_READY,
            f"role of {self._name}, until Lambda can assume it",
        )

    def _check_active(self) -> None:
        """Wait until it is there and settled: GetFunction may not find at first what was created just now."""
        self._patience.call(
            lambda: self._lambda.get_function(FunctionName=self._name),
            FUNCTION_NOT_YET,
            f"function {self._name}, until Lambda shows it",
        )
        answer = self._settled()
        failure = _failure(answer["Configuration"]) if answer else ""
        if failure:
            raise AwsCallFailed(
                f"AWS reports: {failure}", where=f"function {self._name}", hint="run `countagg setup` again"
            )

    def update(self, desired: FunctionState, changes: Sequence[FieldChange]) -> None:
        """Set what differs: code, configuration and tags are calls of their own, one after the other.

        A function that failed gets both code and configuration anew.
        """
        names = {change.name for change in changes}
        if "environment" in names and self._has_lost_its_grant(desired):
            self._take_spare_role(desired)
        for change in changes:
            if change.name == "tags":
                self._put_tags(change)
        offered = desired
        if names & {"code", "architecture", "failure"}:
            offered = accepted(offered, self._put_code, self._tell)
        if names - {"code", "architecture", "tags"} or offered != desired:
            text_logs = desired.log_format == "Text" and bool(names & _LOGS)
            accepted(offered, partial(self._put_configuration, text_logs=text_logs), self._tell)
        self._check_active()

    def _has_lost_its_grant(self, desired: FunctionState) -> bool:
        answer = self._get()
        # Whatever other role it has, it gets its own anew, and a grant with it.
        if answer is None or answer["Configuration"]["Role"] != desired.role:
            return False
        configuration = answer["Configuration"]
        role = RoleIdentity(desired.environment.get(ROLE_VARIABLE, ""), desired.role_created)
        environment = configuration.get("Environment", {}).get("Variables", {})
        return is_grant_lost(environment, configuration.get("LastModified", ""), role)

    def _take_spare_role(self, desired: FunctionState) -> None:
        """Set another of the stack's roles, so that its own can be set anew, for which Lambda makes a new grant.

        To set the same role again may make none. To delete the function and create it would do, but the records of
        its streams would find no function meanwhile. The last call of the update sets its own role together with
        its id, so a death in between is seen by the next setup.
        """
        self._made.update_function_configuration(FunctionName=self._name, Role=desired.spare_role)
        self._settled()

    def _put_tags(self, change: FieldChange) -> None:
        if change.tags_to_set:
            self._made.tag_resource(Resource=self._arn, Tags=change.tags_to_set)
        if change.tags_to_drop:
            self._made.untag_resource(Resource=self._arn, TagKeys=change.tags_to_drop)

    def _put_code(self, desired: FunctionState) -> None:
        sender = self._until_updated(self._sending(in_base64(desired.code.content)))
        sender.update_function_code(
            FunctionName=self._name, ZipFile=desired.code.content, Architectures=_architectures(desired)
        )
        self._settled()

    def _put_configuration(self, desired: FunctionState, *, text_logs: bool) -> None:
        configuration = _configuration(desired)
        if text_logs:
            configuration["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": desired.log_group}
        self._made.update_function_configuration(FunctionName=self._name, **configuration)

    def _until_updated(self, client: LambdaClient) -> LambdaClient:
        transient = (*FUNCTION_BUSY, *FUNCTION_NOT_YET, *ROLE_NOT_READY)
        return self._patience.over(client, transient, f"function {self._name}, being updated")

    def delete(self) -> None:
        """Delete it."""
        with suppress_missing():
            self._lambda.delete_function(FunctionName=self._name)


def _unsettled(answer: GetFunctionResponseTypeDef | None) -> str | None:
    """Return the state that passes, in AWS's words; None if there is none such."""
    if answer is None:
        return None
    config = answer["Configuration"]
    if config.get("State") == "Pending":
        return f"State Pending, {config.get('StateReason', 'no reason given')}"
    if config.get("LastUpdateStatus") == "InProgress":
        return f"LastUpdateStatus InProgress, {config.get('LastUpdateStatusReason', 'no reason given')}"
    return None


def _failure(config: Mapping[str, Any]) -> str:
    """Return why a function cannot run, or why its last update failed; empty if neither is so."""
    if config.get("State") == "Failed":
        return str(config.get("StateReason") or "no reason given")
    if config.get("LastUpdateStatus") == "Failed":
        return str(config.get("LastUpdateStatusReason") or "no reason given")
    return ""


def _architectures(desired: FunctionState) -> list[Any]:
    return [desired.architecture]


def _configuration(desired: FunctionState) -> dict[str, Any]:
    return {
        "Role": desired.role,
        "Handler": desired.handler,
        "Runtime": desired.runtime,
        "MemorySize": desired.memory,
        "Timeout": desired.timeout,
        "Environment": {"Variables": dict(desired.environment)},
        **_logging(desired),
    }


def _logging(desired: FunctionState) -> dict[str, Any]:
    """Return the part for the logs of a request. A new function without it writes text, to its own group."""
    if desired.log_format == "Text":
        return {}
    levels = {"ApplicationLogLevel": desired.log_level, "SystemLogLevel": desired.system_log_level}
    return {"LoggingConfig": {"LogFormat": desired.log_format, "LogGroup": desired.log_group, **levels}}
