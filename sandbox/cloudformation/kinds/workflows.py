"""Step Functions' state machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra import state_machine
from sandbox.cloudformation.kinds.part import Kind, Made, Part, gone, names


def _make(part: Part) -> Made:
    name = part.name("StateMachineName")
    kind = part.get("StateMachineType", "STANDARD")
    made = part.call("stepfunctions", "CreateStateMachine", name=name, type=kind, **_asked(part))
    return _machine(name, made["stateMachineArn"])


def _change(part: Part) -> Made:
    arn = part.physical_id
    part.call("stepfunctions", "UpdateStateMachine", stateMachineArn=arn, **_asked(part))
    return _machine(arn.rpartition(":")[2], arn)


def _asked(part: Part) -> dict[str, Any]:
    request = {"roleArn": part.get("RoleArn"), "definition": _definition(part)}
    if logging := part.get("LoggingConfiguration"):
        request["loggingConfiguration"] = _lower_first(logging)
    if tracing := part.get("TracingConfiguration"):
        request["tracingConfiguration"] = _lower_first(tracing)
    return request


def _lower_first(value: Any) -> Any:
    """CloudFormation's member names as the API has them."""
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: _lower_first(item) for name, item in value.items()}
    return [_lower_first(item) for item in value] if isinstance(value, list) else value


def _definition(part: Part) -> str:
    """The text, its substitutions played."""
    text = part.get("DefinitionString")
    if text is None and (location := part.get("DefinitionS3Location")):
        text = _uploaded(part, location)
    if text is None:
        text = json.dumps(part.get("Definition"))
    return json.dumps(state_machine.substituted(text, part.get("DefinitionSubstitutions", {})))


def _uploaded(part: Part, location: Mapping[str, str]) -> str:
    found = part.call("s3", "GetObject", Bucket=location["Bucket"], Key=location["Key"])
    return str(found["Body"].read().decode())


def _delete(part: Part) -> None:
    arn = part.physical_id
    gone(lambda: part.call("stepfunctions", "DeleteStateMachine", stateMachineArn=arn))


def _machine(name: str, arn: str) -> Made:
    return Made(f"state machine {name}", arn, {"Arn": arn, "Name": name})


KINDS: Mapping[str, Kind] = {
    "AWS::StepFunctions::StateMachine": Kind(
        *(_make, _delete),
        names(
            "StateMachineName StateMachineType RoleArn Definition DefinitionString "
            "DefinitionS3Location DefinitionSubstitutions LoggingConfiguration TracingConfiguration"
        ),
        names("StateMachineName StateMachineType"),
        _change,
    ),
}
