"""Rows on the lead workflow: what stands beside what, and what stands before the phone."""

from __future__ import annotations

from ops.audit.facts import Facts
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, failed, grouped, judged, passed
from ops.audit.workflow_facts import Task
from ops.stages import CREATE_LEAD, GENERATE_SCENARIO, INVOKE_CALL, function_name, lead_workflow

_BESIDE = (CREATE_LEAD, GENERATE_SCENARIO, INVOKE_CALL)


def tracing(facts: Facts) -> Verdict:
    return passed("on") if facts.machine.is_traced else failed("off")


def is_parallel(facts: Facts) -> Verdict:
    if facts.workflow is None:
        return failed(f"there is no state machine {lead_workflow(facts.stage)}")
    found = {name: task for name in _BESIDE if (task := _task_of(facts, name))}
    problems = [f"no task invokes {name}" for name in _BESIDE if name not in found]
    problems += [
        f"{one} and {other} come one after the other"
        for i, one in enumerate(found)
        for other in list(found)[i + 1 :]
        if not _are_beside(found[one], found[other])
    ]
    return judged(problems, f"{', '.join(_BESIDE)} each in a branch of its own")


def _are_beside(one: Task, other: Task) -> bool:
    """Whether some Parallel has them in different branches."""
    branches = dict(other.branches)
    return any(branches.get(name, number) != number for name, number in one.branches)


def _task_of(facts: Facts, function: str) -> Task | None:
    name = function_name(facts.stage, function)
    targets = ((task, task.target.rpartition(":function:")[2]) for task in facts.tasks)
    return next((task for task, target in targets if target.partition(":")[0] == name), None)


def call_is_first(facts: Facts) -> Verdict:
    task = _task_of(facts, INVOKE_CALL)
    if task is None:
        raise Unobserved(f"no task invokes {INVOKE_CALL}")
    before = ", ".join(task.before)
    return failed(f"{task.state} comes after {before}") if before else passed("nothing before it")


def tasks_end(facts: Facts) -> Verdict:
    endless = [task.state for task in facts.tasks if task.timeout_seconds is None]
    if facts.machine.definition.get("TimeoutSeconds") is None:
        endless.append("the machine itself")
    problems = grouped(("may wait for ever", name) for name in endless)
    return judged(problems, "every task and the machine have one")


def logs_no_data(facts: Facts) -> Verdict:
    if facts.machine.logs_data:
        return failed("the log has the executions' data")
    return passed("without the executions' data")


_STACK = "python -m ops deploy --stage {stage} --only stacks"

ROWS = (
    Row(
        "tracing-workflow",
        "Without it a trace ends where the workflow begins.",
        _STACK,
        tracing,
    ),
    Row(
        "workflow-parallel",
        "CreateLead, then GenerateScenario, then InvokeCall: the phone waited for all of them.",
        f"stepfunctions/lead_workflow.asl.json is parallel; {_STACK}",
        is_parallel,
    ),
    Row(
        "call-behind-nothing",
        "Whatever stands before it is silence between a yes and the ring.",
        f"stepfunctions/lead_workflow.asl.json begins with it; {_STACK}",
        call_is_first,
    ),
    Row(
        "workflow-time-outs",
        "A task without one may wait for a year, and the lead with it.",
        _STACK,
        tasks_end,
    ),
    Row(
        "workflow-log",
        "Data of executions, and errors' causes, may quote a person.",
        _STACK,
        logs_no_data,
    ),
)
