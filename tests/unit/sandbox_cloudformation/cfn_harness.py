"""CloudFormation over resources that a test makes up, and whose failures it chooses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from sandbox.cloudformation.kinds import Kind, Made, Part
from sandbox.cloudformation.kinds.part import names
from sandbox.cloudformation.service import CloudFormationService

THING = "Test::Made::Thing"
FIXED = "Test::Made::Fixed"

_MODEL = botocore.session.get_session().get_service_model("cloudformation")


class World:
    """The things by physical id; `refusals` are the verbs and names that fail, until taken out."""

    def __init__(self, patience_seconds: float = 30.0) -> None:
        self.before_each: Callable[[], object] = lambda: None
        self.things: dict[str, dict[str, Any]] = {}
        self.refusals: set[tuple[str, str]] = set()
        self.log: list[str] = []
        self.now = 1_000.0
        own = {THING: self._kind(self._change), FIXED: self._kind(None)}
        self.service = CloudFormationService(
            self._no_client, own, clock=lambda: self.now, patience_seconds=patience_seconds
        )

    def run(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call an operation, and hold input and output against botocore's model of it."""
        model = _MODEL.operation_model(operation)
        _check(params, model.input_shape)
        output: dict[str, Any] = self.service.operations[operation](params)
        if model.output_shape is not None:
            _check(output, model.output_shape)
        return output

    def create(self, resources: dict[str, Any], name: str = "one", **more: Any) -> dict[str, Any]:
        """The stack as it is described after its creation."""
        self.run("CreateStack", StackName=name, TemplateBody=template(resources), **more)
        return self.stack(name)

    def update(self, resources: dict[str, Any], name: str = "one", **more: Any) -> dict[str, Any]:
        self.run("UpdateStack", StackName=name, TemplateBody=template(resources), **more)
        return self.stack(name)

    def stack(self, name: str = "one") -> dict[str, Any]:
        (found,) = self.run("DescribeStacks", StackName=name)["Stacks"]
        return dict(found)

    def events(self, name: str = "one") -> list[str]:
        """`logical id status`, oldest first."""
        found = self.run("DescribeStackEvents", StackName=name)["StackEvents"]
        return [f"{each['LogicalResourceId']} {each['ResourceStatus']}" for each in found][::-1]

    def reasons(self, name: str = "one") -> str:
        found = self.run("DescribeStackEvents", StackName=name)["StackEvents"]
        return "\n".join(each.get("ResourceStatusReason", "") for each in found)

    def _kind(self, change: Any) -> Kind:
        fixed = names("Name") if change else frozenset[str]()
        return Kind(self._make, self._delete, names("Name Size Link Items"), fixed, change)

    def _make(self, part: Part) -> Made:
        name = part.name("Name")
        self._do("make", name)
        if name in self.things:
            raise ValueError(f"{name} is there already")
        self.things[name] = dict(part.properties)
        part.physical_id = name
        self._do("finish", name)
        return Made(name, name, {"Arn": f"arn:{name}"})

    def _change(self, part: Part) -> Made:
        name = part.physical_id
        self._do("change", name)
        self.things[name] = dict(part.properties)
        return Made(name, name, {"Arn": f"arn:{name}"})

    def _delete(self, part: Part) -> None:
        self._do("delete", part.physical_id)
        del self.things[part.physical_id]

    def _do(self, verb: str, name: str) -> None:
        self.before_each()
        self.log.append(f"{verb} {name}")
        if (verb, name) in self.refusals:
            raise ValueError(f"{name} does not {verb}")

    @staticmethod
    def _no_client(service: str) -> Any:
        raise LookupError(service)


def thing(name: str | None = None, kind: str = THING, **more: Any) -> dict[str, Any]:
    """A resource; members with a capital are its properties, `attributes` stand beside them."""
    attributes = more.pop("attributes", {})
    properties = {**({"Name": name} if name else {}), **more}
    return {"Type": kind, "Properties": properties, **attributes}


def template(resources: dict[str, Any], **sections: Any) -> str:
    return json.dumps({"Resources": resources, **sections})


def given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def _check(value: dict[str, Any], shape: Any) -> None:
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()
