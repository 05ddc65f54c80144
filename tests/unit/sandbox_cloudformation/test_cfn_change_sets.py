"""Change sets as `aws cloudformation deploy` and `ops deploy` use them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from cfn_harness import FIXED, World, given, template, thing

from sandbox.aws_api import ApiError
from sandbox.cloudformation.change_sets import NO_CHANGES


def change(world: World, resources: dict[str, Any], kind: str = "UPDATE", **more: Any) -> Any:
    """A change set `next` of the stack `one`, as it is described."""
    request = {"StackName": "one", "ChangeSetName": "next", "ChangeSetType": kind, **more}
    made = world.run("CreateChangeSet", TemplateBody=template(resources), **request)
    return world.run("DescribeChangeSet", ChangeSetName=made["Id"])


def actions(described: dict[str, Any]) -> list[str]:
    found = [each["ResourceChange"] for each in described["Changes"]]
    return [f"{each['Action']} {each['LogicalResourceId']}" for each in found]


def execute(world: World, **more: Any) -> dict[str, Any]:
    world.run("ExecuteChangeSet", StackName="one", ChangeSetName="next", **more)
    return world.stack()


def test_a_first_change_set_makes_a_stack_under_review_and_nothing_else(world: World) -> None:
    described = change(world, {"A": thing("a"), "B": thing("b")}, "CREATE")
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert actions(described) == ["Add A", "Add B"]
    assert (world.stack()["StackStatus"], world.things) == ("REVIEW_IN_PROGRESS", {})


def test_executing_it_makes_the_stack(world: World) -> None:
    described = change(world, {"A": thing("a")}, "CREATE", Description="first")
    stack = execute(world)
    assert (stack["StackStatus"], sorted(world.things)) == ("CREATE_COMPLETE", ["a"])
    assert stack["ChangeSetId"] == described["ChangeSetId"]
    (one,) = world.run("ListChangeSets", StackName="one")["Summaries"]
    assert (one["ExecutionStatus"], one["Description"]) == ("EXECUTE_COMPLETE", "first")


def test_a_stack_under_review_can_be_deleted_and_made_again(world: World) -> None:
    change(world, {"A": thing("a")}, "CREATE")
    world.run("DeleteStack", StackName="one")
    change(world, {"A": thing("a")}, "CREATE")
    assert execute(world)["StackStatus"] == "CREATE_COMPLETE"


def test_a_change_set_names_what_changes_and_what_is_replaced(world: World) -> None:
    kept = thing("k", attributes={"DeletionPolicy": "Retain"})
    world.create(
        {
            "A": thing("a", Size=1),
            "B": thing("b"),
            "C": thing("c", FIXED),
            "Gone": thing("g"),
            "Kept": thing("k"),
        }
    )
    described = change(
        world,
        {"A": thing("a", Size=2), "B": thing("b2"), "C": thing("c", FIXED, Size=1), "Kept": kept},
    )
    assert actions(described) == ["Modify A", "Modify B", "Modify C", "Modify Kept", "Remove Gone"]
    by_id = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]
        for each in described["Changes"]
    }
    assert [by_id[name]["Replacement"] for name in "ABC"] == ["False", "True", "True"]
    (detail,) = by_id["B"]["Details"]
    assert detail["Target"]["Name"] == "Name"
    assert detail["Target"]["RequiresRecreation"] == "Always"
    assert by_id["Kept"]["Scope"] == ["DeletionPolicy"]
    assert by_id["Gone"]["PhysicalResourceId"] == "g"
    assert "change a" not in world.log


def test_what_uses_a_replaced_resource_changes_with_it(world: World) -> None:
    user = thing("user", Link={"Fn::GetAtt": ["A", "Arn"]})
    world.create({"A": thing("a"), "User": user})
    assert actions(change(world, {"A": thing("b"), "User": user})) == ["Modify A", "Modify User"]


def test_a_change_set_without_changes_fails_in_the_words_that_clients_look_for(
    world: World,
) -> None:
    world.create({"A": thing("a")})
    described = change(world, {"A": thing("a")})
    assert (described["Status"], described["StatusReason"]) == ("FAILED", NO_CHANGES)
    with pytest.raises(ApiError, match="current status of \\[FAILED\\]"):
        execute(world)


def test_executing_one_drops_the_others(world: World) -> None:
    world.create({"A": thing("a")})
    request = {"StackName": "one", "TemplateBody": template({"A": thing("a", Size=3)})}
    world.run("CreateChangeSet", ChangeSetName="other", **request)
    change(world, {"A": thing("a", Size=2)})
    assert execute(world)["StackStatus"] == "UPDATE_COMPLETE"
    with pytest.raises(ApiError, match="ChangeSet \\[other\\] does not exist"):
        world.run("ExecuteChangeSet", StackName="one", ChangeSetName="other")


def test_a_change_set_is_executed_once(world: World) -> None:
    change(world, {"A": thing("a")}, "CREATE")
    execute(world)
    with pytest.raises(ApiError, match="cannot be executed"):
        execute(world)


def test_a_change_set_can_be_deleted(world: World) -> None:
    change(world, {"A": thing("a")}, "CREATE")
    world.run("DeleteChangeSet", StackName="one", ChangeSetName="next")
    assert world.run("ListChangeSets", StackName="one")["Summaries"] == []
    assert world.stack()["StackStatus"] == "REVIEW_IN_PROGRESS"


def test_a_failed_execution_shows(world: World) -> None:
    world.refusals.add(("make", "a"))
    change(world, {"A": thing("a")}, "CREATE")
    execute(world)
    (one,) = world.run("ListChangeSets", StackName="one")["Summaries"]
    assert one["ExecutionStatus"] == "EXECUTE_FAILED"


def test_whoever_does_not_wait_sees_it_in_progress() -> None:
    world, may_go_on = World(patience_seconds=0.0), threading.Event()
    world.before_each = lambda: may_go_on.wait(30)
    change(world, {"A": thing("a")}, "CREATE")
    assert execute(world)["StackStatus"] == "CREATE_IN_PROGRESS"
    (one,) = world.run("ListChangeSets", StackName="one")["Summaries"]
    assert one["ExecutionStatus"] == "EXECUTE_IN_PROGRESS"
    with pytest.raises(ApiError, match="cannot be deleted while in status CREATE_IN_PROGRESS"):
        world.run("DeleteStack", StackName="one")
    may_go_on.set()
    for thread in threading.enumerate():
        if thread.name == "stack":
            thread.join(30)
    assert world.stack()["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, "ROLLBACK_COMPLETE"),
        ({"OnStackFailure": "DO_NOTHING"}, "CREATE_FAILED"),
    ],
)
def test_a_creation_that_fails_goes_the_way_that_was_asked_for(
    world: World, asked: dict[str, str], status: str
) -> None:
    world.refusals.add(("make", "b"))
    change(world, {"A": thing("a"), "B": thing("b")}, "CREATE", **asked)
    assert execute(world)["StackStatus"] == status


def test_executing_can_delete_what_is_retained_otherwise(world: World) -> None:
    world.refusals.add(("make", "b"))
    kept = thing("a", attributes={"DeletionPolicy": "Retain"})
    change(world, {"A": kept, "B": thing("b")}, "CREATE")
    execute(world, RetainExceptOnCreate=True)
    assert world.things == {}


@pytest.mark.parametrize(
    ("kind", "there", "told"),
    [
        ("CREATE", True, r"Stack \[one\] already exists and cannot be created again"),
        ("UPDATE", False, r"Stack \[one\] does not exist"),
        ("IMPORT", False, "does not play change sets of type IMPORT"),
    ],
)
def test_the_type_has_to_fit_the_stack(world: World, kind: str, there: bool, told: str) -> None:
    if there:
        world.create({"A": thing("a")})
    with pytest.raises(ApiError, match=told):
        change(world, {"A": thing("b")}, kind)


def test_a_faulty_template_leaves_no_stack_behind(world: World) -> None:
    with pytest.raises(ApiError, match="Circular dependency between resources: \\[A, B\\]"):
        change(world, {"A": thing(Link={"Ref": "B"}), "B": thing(Link={"Ref": "A"})}, "CREATE")
    assert world.run("ListStacks")["StackSummaries"] == []


def test_previous_values_and_the_previous_template_are_used(world: World) -> None:
    body = template(
        {"A": thing("a", Size={"Ref": "Size"}, Link={"Ref": "Word"})},
        Parameters={"Size": {"Type": "Number"}, "Word": {"Type": "String", "Default": "x"}},
    )
    values = given(Size="1", Word="y")
    world.run("CreateStack", StackName="one", TemplateBody=body, Parameters=values)
    kept = {"ParameterKey": "Word", "UsePreviousValue": True}
    world.run(
        "CreateChangeSet",
        StackName="one",
        ChangeSetName="next",
        UsePreviousTemplate=True,
        Parameters=[kept, *given(Size="2")],
    )
    execute(world)
    assert (world.things["a"]["Size"], world.things["a"]["Link"]) == ("2", "y")
