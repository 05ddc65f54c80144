"""Templates, their parameters and functions: what is played and what is refused, in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfn_harness import World, given, template, thing

from sandbox.aws_api import ApiError

A = {"A": thing("a")}


def played(world: World, value: Any, **sections: Any) -> Any:
    """What the value of a property comes to."""
    parameters = {
        "Stage": {"Type": "String", "Default": "prod"},
        "Days": {"Type": "Number", "Default": 7},
        "Countries": {"Type": "CommaDelimitedList", "Default": "US, CA"},
    }
    resources = {"A": thing("a", Link=value), "B": thing("b")}
    body = template(resources, Parameters=parameters, **sections)
    world.run("CreateStack", StackName="one", TemplateBody=body)
    assert world.stack()["StackStatus"] == "CREATE_COMPLETE", world.reasons()
    return world.things["a"].get("Link")


IS_PROD = {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
IS_DEV = {"Fn::Equals": [{"Ref": "Stage"}, "dev"]}
CONDITIONS = {
    "Prod": IS_PROD,
    "Dev": IS_DEV,
    "Either": {"Fn::Or": [{"Condition": "Prod"}, {"Condition": "Dev"}]},
    "Both": {"Fn::And": [IS_PROD, IS_DEV]},
    "NotDev": {"Fn::Not": [{"Condition": "Dev"}]},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Stage"}, "prod"),
        ({"Ref": "Days"}, "7"),
        ({"Ref": "Countries"}, ["US", "CA"]),
        ({"Ref": "B"}, "b"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::StackName"}, "one"),
        ({"Fn::GetAtt": ["B", "Arn"]}, "arn:b"),
        ({"Fn::GetAtt": "B.Arn"}, "arn:b"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, {"Ref": "Days"}]]}, "a-prod-7"),
        ({"Fn::Join": ["|", {"Ref": "Countries"}]}, "US|CA"),
        ({"Fn::Sub": "${Stage}/${B}/${B.Arn}/${!Kept}"}, "prod/b/arn:b/${Kept}"),
        ({"Fn::Sub": ["${X}-${Stage}", {"X": {"Ref": "B"}}]}, "b-prod"),
        ({"Fn::Select": [1, {"Fn::Split": ["/", "a/b/c"]}]}, "b"),
        ({"Fn::If": ["Prod", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", {"Fn::If": ["NotDev", {"Ref": "B"}, "x"]}, "no"]}, "b"),
        ({"Fn::If": ["Dev", "yes", {"Ref": "AWS::NoValue"}]}, None),
        ([1, {"Fn::If": ["Dev", 2, {"Ref": "AWS::NoValue"}]}], [1]),
        ({"Keep": 1, "Not": {"Ref": "AWS::NoValue"}}, {"Keep": 1}),
    ],
)
def test_functions_are_played(world: World, value: Any, expected: Any) -> None:
    assert played(world, value, Conditions=CONDITIONS) == expected


def test_a_condition_takes_a_resource_away_with_what_needs_it(world: World) -> None:
    resources = {
        "A": thing("a", attributes={"Condition": "Dev"}),
        "B": thing("b", attributes={"DependsOn": "A"}),
        "C": thing("c", Link={"Fn::If": ["Dev", {"Ref": "A"}, "none"]}),
    }
    parameters = {"Stage": {"Type": "String"}}
    body = template(resources, Parameters=parameters, Conditions=CONDITIONS)
    request = {"StackName": "one", "TemplateBody": body}
    world.run("CreateStack", **request, Parameters=given(Stage="prod"))
    assert (sorted(world.things), world.things["c"]["Link"]) == (["b", "c"], "none")
    world.run("UpdateStack", **request, Parameters=given(Stage="dev"))
    assert (sorted(world.things), world.things["c"]["Link"]) == (["a", "b", "c"], "a")
    world.run("UpdateStack", **request, Parameters=given(Stage="prod"))
    assert sorted(world.things) == ["b", "c"]


def test_yaml_with_short_forms_is_read(world: World) -> None:
    text = """
Parameters:
  Stage: {Type: String, Default: prod}
Resources:
  A:
    Type: Test::Made::Thing
    Properties:
      Name: !Sub "a-${Stage}"
      Link: !GetAtt B.Arn
      Items: [!Ref Stage, !Join [",", [x, !Ref B]], 2012-10-17]
  B: {Type: Test::Made::Thing, Properties: {Name: b}}
"""
    world.run("CreateStack", StackName="one", TemplateBody=text)
    expected = {"Name": "a-prod", "Link": "arn:b", "Items": ["prod", "x,b", "2012-10-17"]}
    assert world.things["a-prod"] == expected


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{", "JSON not well-formed"),
        ("a: [", "YAML not well-formed"),
        ("- a", "unsupported structure"),
        ("{}", "At least one Resources member must be defined"),
        (template(A, Mappings={"M": {}}), "does not play the sections [Mappings]"),
        (template(A, Extra={}), "Invalid template property or properties [Extra]"),
        (
            template({"A": {"Type": "AWS::Made::Up"}}),
            "Unrecognized resource types: [AWS::Made::Up]",
        ),
        (template({"A": {}}), "must contain a Type member"),
        (template({"A-B": thing("a")}), "Resource name A-B is non alphanumeric"),
        (template({"A": {**thing("a"), "UpdatePolicy": {}}}), "'UpdatePolicy' of A"),
        (template({"A": {**thing("a"), "DeletionPolicy": "Snapshot"}}), "DeletionPolicy Snapshot"),
        (template({"A": {**thing("a"), "Condition": "C"}}), "Unresolved condition C of A"),
        (template({"A": thing("a", Link={"Ref": "B"})}), "Unresolved resource dependencies [B]"),
        (template({"A": {**thing("a"), "DependsOn": "B"}}), "Unresolved resource dependencies [B]"),
        (template({"A": thing("a", Link={"Fn::Cidr": []})}), "does not play Fn::Cidr"),
        (
            template({"A": thing("a", Link={"Fn::If": ["C", 1, 2]})}),
            "unresolved condition dependency C",
        ),
        (
            template(A, Outputs={"O": {"Value": {"Ref": "B"}}}),
            "[B] in the Outputs block",
        ),
        (
            template(A, Outputs={"O": {"Value": "x", "Export": {"Name": "x"}}}),
            "plays no Export",
        ),
        (template(A, Parameters={"P": {"Type": "AWS::EC2::VPC::Id"}}), "parameter type"),
        ("x" * 51_201, "less than or equal to 51200"),
    ],
)
def test_a_faulty_template_is_refused(world: World, body: str, told: str) -> None:
    with pytest.raises(ApiError) as caught:
        world.run("CreateStack", StackName="one", TemplateBody=body)
    assert told in str(caught.value)
    assert caught.value.code == "ValidationError"
    assert world.run("ListStacks")["StackSummaries"] == []


@pytest.mark.parametrize(
    ("rules", "value", "told"),
    [
        ({"AllowedValues": ["a", "b"]}, "c", "must be one of AllowedValues [a, b]"),
        ({"AllowedPattern": "[a-z]+"}, "abc1", "must match pattern [a-z]+"),
        ({"MinLength": 3}, "ab", "must contain at least 3 characters"),
        ({"MaxLength": 3}, "abcd", "must contain at most 3 characters"),
        ({"Type": "Number", "MinValue": 2}, "1", "must be a number not less than 2"),
        ({"Type": "Number", "MaxValue": 2}, "2.5", "must be a number not greater than 2"),
        ({"Type": "Number"}, "two", "must be a number"),
        ({"Type": "List<Number>"}, "1,two", "must be a number"),
        (
            {"Type": "CommaDelimitedList", "AllowedValues": ["a"]},
            "a,b",
            "must be one of AllowedValues [a]",
        ),
        (
            {"AllowedPattern": "[a-z]+", "ConstraintDescription": "small letters"},
            "A",
            "failed to satisfy constraint: small letters",
        ),
    ],
)
def test_a_parameter_keeps_its_rules(
    world: World, rules: dict[str, Any], value: str, told: str
) -> None:
    body = template(A, Parameters={"P": {"Type": "String", **rules}})
    request = {"StackName": "one", "TemplateBody": body}
    with pytest.raises(ApiError) as caught:
        world.run("CreateStack", **request, Parameters=given(P=value))
    assert caught.value.message == f"Parameter 'P' {told}"


def test_parameters_that_are_missing_or_unknown_are_named(world: World) -> None:
    parameters = {"P": {"Type": "String"}, "Q": {"Type": "String"}}
    request = {"StackName": "one", "TemplateBody": template(A, Parameters=parameters)}
    with pytest.raises(ApiError, match="Parameters: \\[P, Q\\] must have values"):
        world.run("CreateStack", **request)
    with pytest.raises(ApiError, match="Parameters: \\[R\\] do not exist in the template"):
        world.run("CreateStack", **request, Parameters=given(P="", Q="", R=""))


def test_a_previous_value_needs_one(world: World) -> None:
    body = template(A, Parameters={"P": {"Type": "String", "Default": "x"}})
    previous = [{"ParameterKey": "P", "UsePreviousValue": True}]
    with pytest.raises(ApiError, match="Cannot specify usePreviousValue"):
        world.run("CreateStack", StackName="one", TemplateBody=body, Parameters=previous)


ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
NAMED = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}


@pytest.mark.parametrize(
    ("role", "acknowledged", "needed"),
    [
        (ROLE, [], "CAPABILITY_IAM"),
        (NAMED, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
    ],
)
def test_roles_have_to_be_acknowledged(
    world: World, role: dict[str, Any], acknowledged: list[str], needed: str
) -> None:
    with pytest.raises(ApiError) as caught:
        world.create({"R": role}, Capabilities=acknowledged)
    assert caught.value.code == "InsufficientCapabilitiesException"
    assert caught.value.message == f"Requires capabilities : [{needed}]"


def test_a_template_is_validated_and_summed_up(world: World) -> None:
    rules = {"Type": "String", "Default": "x", "AllowedValues": ["x"], "Description": "which"}
    body = template({"A": thing("a"), "R": ROLE}, Parameters={"P": rules}, Description="all")
    validated = world.run("ValidateTemplate", TemplateBody=body)
    assert validated["Capabilities"] == ["CAPABILITY_IAM"]
    assert validated["Parameters"] == [
        {"ParameterKey": "P", "DefaultValue": "x", "NoEcho": False, "Description": "which"}
    ]
    summary = world.run("GetTemplateSummary", TemplateBody=body)
    assert summary["ResourceTypes"] == ["AWS::IAM::Role", "Test::Made::Thing"]
    assert summary["Parameters"][0]["ParameterConstraints"] == {"AllowedValues": ["x"]}
    with pytest.raises(ApiError, match="Template"):
        world.run("ValidateTemplate", TemplateBody=json.dumps({"Resources": {}}))
