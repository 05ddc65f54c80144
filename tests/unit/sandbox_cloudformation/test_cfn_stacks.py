"""A stack from its creation to its end, with everything that may fail in between."""

from __future__ import annotations

import pytest
from cfn_harness import FIXED, World, given, template, thing

from sandbox.aws_api import ApiError

KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def refused(world: World, operation: str, **params: object) -> str:
    with pytest.raises(ApiError) as caught:
        world.run(operation, **params)
    return str(caught.value)


def test_resources_are_made_in_the_order_of_their_references(world: World) -> None:
    a = thing("a", Link={"Fn::Sub": "to ${B.Arn}"})
    b = thing("b", attributes={"DependsOn": "C"})
    stack = world.create({"A": a, "B": b, "C": thing("c")})
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert world.log == [f"{verb} {name}" for name in "cba" for verb in ("make", "finish")]
    assert world.things["a"]["Link"] == "to arn:b"


def test_a_stack_tells_what_it_did(world: World) -> None:
    world.create({"A": thing("a")}, ClientRequestToken="mine")
    assert world.events() == [
        "one CREATE_IN_PROGRESS",
        "A CREATE_IN_PROGRESS",
        "A CREATE_COMPLETE",
        "one CREATE_COMPLETE",
    ]
    event = world.run("DescribeStackEvents", StackName="one")["StackEvents"][1]
    assert (event["PhysicalResourceId"], event["ClientRequestToken"]) == ("a", "mine")


def test_a_name_that_is_taken_is_refused_but_not_to_the_same_request(world: World) -> None:
    world.create({"A": thing("a")}, ClientRequestToken="mine")
    body = template({"A": thing("a")})
    repeated = world.run(
        "CreateStack", StackName="one", TemplateBody=body, ClientRequestToken="mine"
    )
    assert repeated["StackId"] == world.stack()["StackId"]
    told = refused(world, "CreateStack", StackName="one", TemplateBody=body)
    assert told == "AlreadyExistsException: Stack [one] already exists"


def test_a_failed_creation_deletes_what_it_made(world: World) -> None:
    world.refusals.add(("make", "b"))
    stack = world.create({"A": thing("a"), "B": thing("b"), "C": thing("c")})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert world.things == {}
    assert world.log == ["make a", "finish a", "make b", "delete a"]
    assert "failed to create: [B]" in world.reasons()
    assert "b does not make" in world.reasons()


def test_what_was_half_made_is_deleted_too(world: World) -> None:
    world.refusals.add(("finish", "a"))
    assert world.create({"A": thing("a")})["StackStatus"] == "ROLLBACK_COMPLETE"
    assert world.things == {}


def test_somebody_elses_resource_survives_the_roll_back(world: World) -> None:
    world.things["a"] = {"mine": True}
    assert world.create({"A": thing("a")})["StackStatus"] == "ROLLBACK_COMPLETE"
    assert world.things == {"a": {"mine": True}}


@pytest.mark.parametrize(
    ("policy", "asked", "left"),
    [
        ("Retain", False, ["a"]),
        ("Retain", True, []),
        ("RetainExceptOnCreate", False, []),
        ("Delete", False, []),
    ],
)
def test_a_roll_back_retains_what_the_policy_says(
    world: World, policy: str, asked: bool, left: list[str]
) -> None:
    world.refusals.add(("make", "b"))
    resources = {"A": thing("a", attributes={"DeletionPolicy": policy}), "B": thing("b")}
    world.create(resources, RetainExceptOnCreate=asked)
    assert sorted(world.things) == left


@pytest.mark.parametrize(
    ("asked", "status", "left"),
    [
        ({"OnFailure": "DO_NOTHING"}, "CREATE_FAILED", ["a"]),
        ({"DisableRollback": True}, "CREATE_FAILED", ["a"]),
        ({"OnFailure": "ROLLBACK"}, "ROLLBACK_COMPLETE", []),
    ],
)
def test_what_a_failure_leads_to_can_be_asked_for(
    world: World, asked: dict[str, object], status: str, left: list[str]
) -> None:
    world.refusals.add(("make", "b"))
    stack = world.create({"A": thing("a"), "B": thing("b")}, **asked)
    assert (stack["StackStatus"], sorted(world.things)) == (status, left)
    world.refusals.clear()
    world.run("DeleteStack", StackName="one")
    assert world.things == {}


def test_a_failed_creation_can_delete_its_stack(world: World) -> None:
    world.refusals.add(("make", "b"))
    body = template({"A": thing("a"), "B": thing("b")})
    made = world.run("CreateStack", StackName="one", TemplateBody=body, OnFailure="DELETE")
    assert world.stack(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert "does not exist" in refused(world, "DescribeStacks", StackName="one")


def test_a_roll_back_that_fails_says_so_and_can_be_deleted_later(world: World) -> None:
    world.refusals |= {("make", "b"), ("delete", "a")}
    stack = world.create({"A": thing("a"), "B": thing("b")})
    assert stack["StackStatus"] == "ROLLBACK_FAILED"
    world.refusals.clear()
    world.run("DeleteStack", StackName="one")
    assert world.things == {}


def test_what_was_rolled_back_can_only_be_deleted(world: World) -> None:
    world.refusals.add(("make", "a"))
    world.create({"A": thing("a")})
    told = refused(world, "UpdateStack", StackName="one", TemplateBody=template({"A": thing("b")}))
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in told


def test_an_unknown_property_fails_the_stack(world: World) -> None:
    stack = world.create({"A": thing("a"), "B": thing("b", Sise=1)})
    assert (stack["StackStatus"], world.things) == ("ROLLBACK_COMPLETE", {})
    assert "extraneous key [Sise] is not permitted" in world.reasons()


def test_an_attribute_that_there_is_not_fails_the_stack(world: World) -> None:
    stack = world.create({"A": thing("a"), "B": thing("b", Link={"Fn::GetAtt": "A.Colour"})})
    assert (stack["StackStatus"], world.things) == ("ROLLBACK_COMPLETE", {})
    assert "Requested attribute Colour" in world.reasons()


def test_an_update_touches_what_differs_and_nothing_else(world: World) -> None:
    world.create({"A": thing("a", Size=1), "B": thing("b"), "C": thing("c")})
    world.log.clear()
    stack = world.update({"A": thing("a", Size=2), "B": thing("b"), "D": thing("d")})
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert world.log == ["change a", "make d", "finish d", "delete c"]
    assert (world.things["a"]["Size"], sorted(world.things)) == (2, ["a", "b", "d"])


def test_a_fixed_property_makes_a_new_one_before_the_old_one_goes(world: World) -> None:
    user = thing("user", Link={"Ref": "A"})
    world.create({"A": thing("a"), "User": user})
    world.log.clear()
    world.update({"A": thing("b"), "User": user})
    assert world.log == ["make b", "finish b", "change user", "delete a"]
    assert world.things["user"]["Link"] == "b"


def test_a_kind_that_cannot_change_is_replaced(world: World) -> None:
    world.create({"A": thing("a", FIXED, Size=1)})
    assert world.update({"A": thing("b", FIXED, Size=2)})["StackStatus"] == "UPDATE_COMPLETE"
    assert sorted(world.things) == ["b"]


def test_the_same_template_is_no_update(world: World) -> None:
    world.create({"A": thing("a")})
    body = template({"A": thing("a")}, Description="other words")
    told = refused(world, "UpdateStack", StackName="one", TemplateBody=body)
    assert told == "ValidationError: No updates are to be performed."


def test_tags_alone_are_an_update(world: World) -> None:
    world.create({"A": thing("a")})
    stack = world.update({"A": thing("a")}, Tags=[{"Key": "team", "Value": "sales"}])
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stack["Tags"] == [{"Key": "team", "Value": "sales"}]


def test_policies_keep_what_an_update_leaves_out_or_replaces(world: World) -> None:
    kept = {name: thing(name.lower(), attributes=KEPT) for name in "AB"}
    world.create({**kept, "C": thing("c")})
    world.update({"A": thing("other", attributes=KEPT), "C": thing("c")})
    assert sorted(world.things) == ["a", "b", "c", "other"]
    assert {"A DELETE_SKIPPED", "B DELETE_SKIPPED"} <= set(world.events())


def test_a_failed_update_leads_back_to_what_was(world: World) -> None:
    was = {"A": thing("a", Size=1), "B": thing("b"), "R": thing("r")}
    world.create(was)
    before = dict(world.things)
    world.refusals.add(("make", "d"))
    stack = world.update(
        {"A": thing("a", Size=2), "N": thing("n"), "R": thing("r2"), "Z": thing("d")}
    )
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert world.things == before
    assert world.events()[-1] == "one UPDATE_ROLLBACK_COMPLETE"
    world.refusals.clear()
    assert refused(world, "UpdateStack", StackName="one", TemplateBody=template(was)).endswith(
        "No updates are to be performed."
    )


def test_a_failed_change_is_changed_back(world: World) -> None:
    world.create({"A": thing("a", Size=1), "B": thing("b", Size=1)})
    world.refusals.add(("change", "b"))
    stack = world.update({"A": thing("a", Size=2), "B": thing("b", Size=2)})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    told = refused(world, "UpdateStack", StackName="one", TemplateBody=template({"A": thing("a")}))
    assert "UPDATE_ROLLBACK_FAILED state" in told
    world.refusals.clear()
    world.run("ContinueUpdateRollback", StackName="one")
    assert world.stack()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (world.things["a"]["Size"], world.things["b"]["Size"]) == (1, 1)


def test_a_failed_update_can_stay_as_it_is(world: World) -> None:
    world.create({"A": thing("a", Size=1)})
    world.refusals.add(("make", "b"))
    wanted = {"A": thing("a", Size=2), "B": thing("b")}
    stack = world.update(wanted, DisableRollback=True)
    assert (stack["StackStatus"], world.things["a"]["Size"]) == ("UPDATE_FAILED", 2)


def test_what_cannot_be_cleaned_up_is_named_and_fails_nothing(world: World) -> None:
    world.create({"A": thing("a"), "B": thing("b")})
    world.refusals.add(("delete", "b"))
    stack = world.update({"A": thing("a")})
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert "[B]" in stack["StackStatusReason"]


def test_deletion_goes_backwards_and_spares_what_is_to_be_kept(world: World) -> None:
    kept = thing("kept", attributes=KEPT)
    world.create({"A": thing("a"), "B": thing("b", Link={"Ref": "A"}), "Kept": kept})
    world.log.clear()
    world.run("DeleteStack", StackName="one")
    assert world.log == ["delete b", "delete a"]
    assert sorted(world.things) == ["kept"]
    assert world.run("DescribeStacks")["Stacks"] == []
    (gone,) = world.run("ListStacks")["StackSummaries"]
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    assert gone["DeletionTime"].timestamp() == world.now
    assert world.run("DeleteStack", StackName="one") == {}


def test_what_does_not_go_keeps_what_it_needs_and_the_stack(world: World) -> None:
    world.create({"A": thing("a"), "B": thing("b", Link={"Ref": "A"}), "C": thing("c")})
    world.refusals.add(("delete", "b"))
    world.run("DeleteStack", StackName="one")
    stack = world.stack()
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [B]. "
    assert sorted(world.things) == ["a", "b"]
    world.run("DeleteStack", StackName="one", RetainResources=["B"])
    assert sorted(world.things) == ["b"]


def test_resources_are_retained_only_after_a_failure(world: World) -> None:
    world.create({"A": thing("a")})
    told = refused(world, "DeleteStack", StackName="one", RetainResources=["A"])
    assert "RetainResources is valid in DELETE_FAILED state only" in told


def test_a_protected_stack_is_not_deleted(world: World) -> None:
    world.create({"A": thing("a")}, EnableTerminationProtection=True)
    told = refused(world, "DeleteStack", StackName="one")
    assert told == (
        "ValidationError: Stack [one] cannot be deleted while TerminationProtection is enabled"
    )
    world.run("UpdateTerminationProtection", StackName="one", EnableTerminationProtection=False)
    world.run("DeleteStack", StackName="one")
    assert world.things == {}


def test_a_deleted_name_can_be_used_again(world: World) -> None:
    first = world.create({"A": thing("a")})
    world.run("DeleteStack", StackName="one")
    second = world.create({"A": thing("a")})
    assert first["StackId"] != second["StackId"]
    assert world.stack(first["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_outputs_are_what_the_template_says_now(world: World) -> None:
    outputs = {
        "Arn": {"Value": {"Fn::GetAtt": ["A", "Arn"]}, "Description": "whose"},
        "Not": {"Value": "x", "Condition": "No"},
    }
    conditions = {"No": {"Fn::Equals": ["a", "b"]}}
    body = template({"A": thing("a")}, Outputs=outputs, Conditions=conditions)
    world.run("CreateStack", StackName="one", TemplateBody=body)
    expected = {"OutputKey": "Arn", "OutputValue": "arn:a", "Description": "whose"}
    assert world.stack()["Outputs"] == [expected]
    outputs["Name"] = {"Value": {"Ref": "A"}}
    body = template({"A": thing("a")}, Outputs=outputs, Conditions=conditions)
    world.run("UpdateStack", StackName="one", TemplateBody=body)
    assert {o["OutputValue"] for o in world.stack()["Outputs"]} == {"arn:a", "a"}


def test_resources_are_described_in_every_way(world: World) -> None:
    world.create({"A": thing("a"), "B": thing("b")})
    (b,) = world.run("DescribeStackResources", StackName="one", LogicalResourceId="B")[
        "StackResources"
    ]
    assert (b["PhysicalResourceId"], b["ResourceStatus"]) == ("b", "CREATE_COMPLETE")
    found = world.run("DescribeStackResources", PhysicalResourceId="a")["StackResources"]
    assert len(found) == 2
    listed = world.run("ListStackResources", StackName="one")["StackResourceSummaries"]
    assert [each["LogicalResourceId"] for each in listed] == ["A", "B"]
    detail = world.run("DescribeStackResource", StackName="one", LogicalResourceId="A")
    assert detail["StackResourceDetail"]["PhysicalResourceId"] == "a"
    told = refused(world, "DescribeStackResource", StackName="one", LogicalResourceId="X")
    assert "Resource X does not exist for stack one" in told


def test_lists_come_in_pages(world: World) -> None:
    world.create({f"A{n}": thing(f"a{n}") for n in range(120)})
    first = world.run("ListStackResources", StackName="one")
    rest = world.run("ListStackResources", StackName="one", NextToken=first["NextToken"])
    assert len(first["StackResourceSummaries"]) + len(rest["StackResourceSummaries"]) == 120
    assert "NextToken" not in rest


def test_a_template_can_be_had_back(world: World) -> None:
    world.create({"A": thing("a")})
    assert world.run("GetTemplate", StackName="one")["TemplateBody"] == template({"A": thing("a")})


def test_a_busy_stack_refuses_everything(world: World) -> None:
    world.create({"A": thing("a")})
    stack = world.service._stacks.get("one")
    stack.status = "UPDATE_IN_PROGRESS"
    body = template({"A": thing("b")})
    for told in (
        refused(world, "UpdateStack", StackName="one", TemplateBody=body),
        refused(world, "DeleteStack", StackName="one"),
    ):
        assert "UPDATE_IN_PROGRESS" in told


def test_what_is_not_played_is_refused(world: World) -> None:
    told = refused(world, "DetectStackDrift", StackName="one")
    assert told == "InvalidAction: The sandbox does not play DetectStackDrift"
    body = template({"A": thing("a")})
    told = refused(world, "CreateStack", StackName="one", TemplateBody=body, StackPolicyBody="{}")
    assert "does not play StackPolicyBody" in told
    assert world.run("ListStacks")["StackSummaries"] == []


def test_hidden_parameters_stay_hidden(world: World) -> None:
    parameters = {"Word": {"Type": "String", "NoEcho": True}}
    body = template({"A": thing({"Ref": "Word"})}, Parameters=parameters)
    world.run("CreateStack", StackName="one", TemplateBody=body, Parameters=given(Word="sesame"))
    assert "sesame" in world.things
    (shown,) = world.stack()["Parameters"]
    assert shown == {"ParameterKey": "Word", "ParameterValue": "****"}
