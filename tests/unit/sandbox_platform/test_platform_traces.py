"""Traces as X-Ray has them: Lambda's and Step Functions' segments, and headers on their way."""

import io
import json
import uuid
import zipfile

import pytest
from platform_harness import ROLE, lambda_task, wait_until

PARENT = "53995c3f42cd8ad8"
SENDING = """
import json, os, socket, time

def handler(event, context):
    header = os.environ["_X_AMZN_TRACE_ID"]
    parts = dict(part.split("=") for part in header.split(";"))
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    document = {"type": "subsegment", "id": os.urandom(8).hex(), "name": "own", "start_time":
                time.time(), "end_time": time.time(), "trace_id": parts["Root"],
                "parent_id": parts["Parent"], "annotations": event.get("annotations", {})}
    data = json.dumps({"format": "json", "version": 1}) + chr(10) + json.dumps(document)
    if parts["Sampled"] == "1":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(data.encode(), (host, int(port)))
    if "fail" in event:
        raise ValueError("asked for")
    return header
"""


@pytest.fixture(scope="module")
def traced(platform):
    return function(platform, "traced", "Active")


def function(platform, name, mode):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", SENDING)
    return platform.client("lambda").create_function(
        FunctionName=name,
        Role=ROLE,
        Runtime="python3.11",
        Handler="app.handler",
        Timeout=10,
        TracingConfig={"Mode": mode},
        Code={"ZipFile": buffer.getvalue()},
    )["FunctionArn"]


def new_root():
    return f"1-5759e988-{uuid.uuid4().hex[:24]}"


def invoke(platform, name, header="", event=None, kind="RequestResponse"):
    client = platform.client("lambda")
    adding = {"header": header}

    def add(params, **_):
        if adding["header"]:
            params["headers"]["X-Amzn-Trace-Id"] = adding["header"]

    client.meta.events.register("before-call.lambda.Invoke", add, unique_id="trace")
    try:
        answer = client.invoke(
            FunctionName=name, Payload=json.dumps(event or {}), InvocationType=kind
        )
        return json.loads(answer["Payload"].read() or b"null")
    finally:
        client.meta.events.unregister("before-call.lambda.Invoke", unique_id="trace")


def parts(header):
    return dict(part.split("=") for part in header.split(";"))


def documents(platform, root):
    traces = platform.client("xray").batch_get_traces(TraceIds=[root])["Traces"]
    return [json.loads(each["Document"]) for trace in traces for each in trace["Segments"]]


def named(platform, root, **facts):
    """The documents with these facts, once there is one."""

    def found():
        every = documents(platform, root)
        return [each for each in every if facts.items() <= each.items()]

    return wait_until(found)


def test_an_invocation_is_two_segments_with_the_functions_own_below(platform, traced):
    header = parts(invoke(platform, "traced"))
    (service,) = named(platform, header["Root"], origin="AWS::Lambda")
    (ran,) = named(platform, header["Root"], origin="AWS::Lambda::Function")
    (own,) = named(platform, header["Root"], name="own")
    assert header["Sampled"] == "1"
    assert (own["parent_id"], ran["parent_id"]) == (ran["id"], service["id"])
    assert ran["id"] == header["Parent"]
    assert "parent_id" not in service
    assert service["resource_arn"] == traced
    names = [part["name"] for part in ran["subsegments"]]
    assert names in (["Invocation"], ["Initialization", "Invocation"])
    assert service["start_time"] <= own["start_time"] <= own["end_time"] <= service["end_time"]


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_an_invocation_goes_on_in_its_callers_trace(platform, traced, kind):
    root = new_root()
    invoke(platform, "traced", f"Root={root};Parent={PARENT};Sampled=1", kind=kind)
    (service,) = named(platform, root, origin="AWS::Lambda")
    assert service["parent_id"] == PARENT
    assert named(platform, root, name="own")


def test_what_its_caller_did_not_sample_is_not_written(platform, traced):
    root = new_root()
    header = parts(invoke(platform, "traced", f"Root={root};Parent={PARENT};Sampled=0"))
    assert (header["Root"], header["Sampled"]) == (root, "0")
    assert documents(platform, root) == []


def test_a_function_that_passes_through_writes_nothing_and_samples_nothing(platform):
    function(platform, "passing", "PassThrough")
    header = parts(invoke(platform, "passing"))
    assert header["Sampled"] == "0"
    assert documents(platform, header["Root"]) == []
    passed = f"Root={new_root()};Parent={PARENT};Sampled=1"
    assert invoke(platform, "passing", passed) == passed


def test_a_function_that_fails_is_a_fault(platform, traced):
    root = new_root()
    invoke(platform, "traced", f"Root={root};Sampled=1", {"fail": True})
    (service,) = named(platform, root, origin="AWS::Lambda")
    assert service["fault"] is True
    assert service["http"] == {"response": {"status": 500}}


def test_a_trace_is_found_by_what_is_annotated(platform, traced):
    mark = uuid.uuid4().hex
    header = parts(invoke(platform, "traced", event={"annotations": {"interaction_id": mark}}))
    assert named(platform, header["Root"], name="own")
    begun = int(header["Root"].split("-")[1], 16)
    found = platform.client("xray").get_trace_summaries(
        StartTime=begun - 60,
        EndTime=begun + 60,
        FilterExpression=f'annotation.interaction_id = "{mark}" AND service("traced")',
    )
    assert [each["Id"] for each in found["TraceSummaries"]] == [header["Root"]]


def test_segments_may_be_put_and_what_is_wrong_is_named(platform):
    root = new_root()
    whole = {"name": "put", "id": PARENT, "trace_id": root, "start_time": 1.0, "end_time": 2.0}
    answer = platform.client("xray").put_trace_segments(
        TraceSegmentDocuments=[json.dumps(whole), "{}", "no json", "[]"]
    )
    assert len(answer["UnprocessedTraceSegments"]) == 3
    assert [each["name"] for each in documents(platform, root)] == ["put"]


def a_machine(platform, machines, arn, tracing):
    branch = {"StartAt": "Call", "States": {"Call": lambda_task(arn, {}, End=True)}}
    definition = {
        "StartAt": "Both",
        "States": {"Both": {"Type": "Parallel", "Branches": [branch, branch], "End": True}},
    }
    machine = machines.create(definition)
    platform.client("stepfunctions").update_state_machine(
        stateMachineArn=machine, tracingConfiguration={"enabled": tracing}
    )
    return machine


def started(platform, machine, **params):
    client = platform.client("stepfunctions")
    return client.start_execution(stateMachineArn=machine, name=uuid.uuid4().hex, **params)[
        "executionArn"
    ]


def test_an_execution_is_a_segment_with_its_states_and_their_functions_below(
    platform, machines, traced
):
    root = new_root()
    machine = a_machine(platform, machines, traced, tracing=True)
    header = f"Root={root};Parent={PARENT};Sampled=1"
    execution = started(platform, machine, traceHeader=header)
    machines.result(execution)
    (segment,) = named(platform, root, origin="AWS::StepFunctions::StateMachine", parent_id=PARENT)
    (both,) = named(platform, root, name="Both")
    calls = named(platform, root, name="Call")
    functions = named(platform, root, origin="AWS::Lambda")
    assert both["parent_id"] == segment["id"]
    assert [call["parent_id"] for call in calls] == [both["id"]] * 2
    assert {each["parent_id"] for each in functions} == {call["id"] for call in calls}
    ended = wait_until(lambda: documents(platform, root)[0].get("end_time"))
    assert ended >= both["end_time"]


@pytest.mark.parametrize(("tracing", "sampled"), [(False, "1"), (True, "0")])
def test_an_execution_that_is_not_traced_writes_nothing(
    platform, machines, traced, tracing, sampled
):
    root = new_root()
    machine = a_machine(platform, machines, traced, tracing)
    header = f"Root={root};Parent={PARENT};Sampled={sampled}"
    machines.result(started(platform, machine, traceHeader=header))
    assert documents(platform, root) == []


def test_an_execution_that_fails_is_a_fault(platform, machines, traced):
    root = new_root()
    machine = machines.create(
        {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "E", "Cause": "c"}}}
    )
    platform.client("stepfunctions").update_state_machine(
        stateMachineArn=machine, tracingConfiguration={"enabled": True}
    )
    started(platform, machine, traceHeader=f"Root={root};Sampled=1")
    (segment,) = named(platform, root, origin="AWS::StepFunctions::StateMachine", fault=True)
    assert "parent_id" not in segment
