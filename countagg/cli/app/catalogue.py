"""The commands by name, so that help and completion can list them without loading what they are made of."""

from __future__ import annotations

from typing import Final

from countagg.core.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, or a group of commands.

    Attributes:
        module: of `countagg.cli`, which declares it.
        panel: heading under which the help lists it.
        summary: its one sentence.
    """

    module: str
    panel: str
    summary: str


_TRY: Final = "Try out"
_STACK: Final = "Set up and tear down"
_USE: Final = "Use"
_PROVE: Final = "Prove and mend"
_MEASURE: Final = "Measure"

CATALOGUE: Final = {
    "demo": Entry(
        "local.demo_command", _TRY, "Run the whole pipeline on an embedded engine, show it, and clean up."
    ),
    "local": Entry("local.local_commands", _TRY, "Start, stop and look at the embedded engine."),
    "doctor": Entry(
        "doctor.doctor_command",
        _STACK,
        "Check whether countagg can work here: credentials, permissions, quotas, names, bucket, versions.",
    ),
    "permissions": Entry("stack.permissions_command", _STACK, "Print IAM policies for people and instances."),
    "plan": Entry(
        "stack.stack_commands", _STACK, "Show what setup would change, field by field, and touch nothing."
    ),
    "setup": Entry("stack.stack_commands", _STACK, "Set the pipeline up, or bring it back to what it should be."),
    "outputs": Entry(
        "stack.stack_commands", _STACK, "Show names, ARNs and addresses of the deployed stack, for other programs."
    ),
    "open": Entry("stack.open_command", _STACK, "Show where AWS's console has the stack, and open it there."),
    "stacks": Entry("stack.stacks_command", _STACK, "List the stacks of this account and region, by their tag."),
    "bundle": Entry(
        "stack.bundle_command", _STACK, "Show what the functions' zip holds, with versions, licences and hashes."
    ),
    "export": Entry("stack.export_command", _STACK, "Write the stack down for other tools: CloudFormation."),
    "teardown": Entry("stack.teardown_command", _STACK, "Remove the pipeline and nothing else."),
    "upload": Entry(
        "upload.upload_command",
        _USE,
        "Upload this instance's counters, from files, pipes and exporters.",
    ),
    "upload-sample": Entry(
        "totals.upload_command", _USE, "Upload test counters: the four sample instances, or a fleet."
    ),
    "query": Entry("totals.query_command", _USE, "Show the totals of a day, or with --since those of many days."),
    "report": Entry(
        "report.report_command",
        _USE,
        "Tell all there is of a day: totals, what moved most, history, instances, refusals, health.",
    ),
    "instances": Entry(
        "instances.instances_command",
        _USE,
        "Show each instance's last upload and what it holds; with --stale, exit with 1 if one is silent.",
    ),
    "status": Entry(
        "health.status_command",
        _USE,
        "Show every hop of the pipeline, in the order of the data; exit with 1 if one is not healthy.",
    ),
    "serve": Entry(
        "serve.serve_command",
        _USE,
        "Serve totals and the health of the hops to Prometheus, until Ctrl-C or SIGTERM.",
    ),
    "logs": Entry("logs.logs_command", _USE, "Show what the functions log, in the order of time."),
    "subscribe": Entry(
        "stack.subscribe_commands",
        _USE,
        "Have functions called with changes of totals, and alerts sent to queues, addresses and URLs.",
    ),
    "limits": Entry("totals.limits_commands", _USE, "Set limits of totals; an alert is sent when one is passed."),
    "verify": Entry(
        "integrity.verify_command",
        _PROVE,
        "Recompute a day from the files in the bucket and compare every hop with it; exit with 7 if one differs.",
    ),
    "explain": Entry(
        "integrity.explain_command",
        _PROVE,
        "Show the files that a total is the sum of, or what became of a file and which totals it feeds.",
    ),
    "repair": Entry("integrity.repair_command", _PROVE, "Bring days back to what their files in the bucket say."),
    "dead-letters": Entry(
        "dead_letters.dead_letters_commands", _PROVE, "Look at what failed, feed it back or delete it."
    ),
    "selftest": Entry(
        "selftest.selftest_command",
        _PROVE,
        "Show step by step, on a stack made for it, that the pipeline works on this account; exit with 7 if not.",
    ),
    "cost": Entry(
        "cost.cost_command",
        _MEASURE,
        "Show what a fleet costs a month, by service and by hop, beside the layout of the article of 2015.",
    ),
    "loadtest": Entry(
        "load.loadtest_command",
        _MEASURE,
        "Upload as a fleet does, measure the time from each PUT to the totals, and verify the day at the end.",
    ),
}
"""In the order of the help."""

ORDER_OF_WORK: Final = (
    ("setup", "set the pipeline up"),
    ("upload-sample --wait", "upload test counters"),
    ("query --date today", "show their totals"),
    ("status", "show every hop"),
    ("teardown", "remove it all"),
)
"""Command lines as one types them one after the other, and what each is for."""
