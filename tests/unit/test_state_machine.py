"""The definition's substitutions: all of them, textually, and every misfit at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.state_machine import (
    DEFINITION,
    LOCAL_PARAMETERS,
    StateMachineError,
    load,
    placeholders,
    substituted,
    template_substitutions,
)

ACCOUNT, REGION = "123456789012", "us-east-1"


def test_number_stands_where_no_quotes_are_and_a_text_where_they_are() -> None:
    text = '{"TimeoutSeconds": ${Seconds}, "Resource": "arn:${Name}:live"}'
    played = substituted(text, {"Seconds": "45", "Name": "f"})
    assert played == {"TimeoutSeconds": 45, "Resource": "arn:f:live"}


def test_paths_of_the_states_language_are_left_alone() -> None:
    assert substituted('{"a.$": "$.x", "b.$": "$$.Task.Token"}', {}) == {
        "a.$": "$.x",
        "b.$": "$$.Task.Token",
    }


def test_every_misfit_is_named_at_once() -> None:
    with pytest.raises(StateMachineError, match=r"B has no value; C has no value; D is not used"):
        substituted('{"a": ${A}, "b": ${B}, "c": ${C}}', {"A": 1, "D": 2})


@pytest.mark.parametrize("value", ["", "five", "1 2"])
def test_value_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(StateMachineError, match="not JSON after the substitutions"):
        substituted('{"a": ${A}}', {"A": value})


def test_definition_has_to_be_an_object() -> None:
    with pytest.raises(StateMachineError, match="not a JSON object"):
        substituted("[]", {})


def test_placeholders_are_the_names_in_braces() -> None:
    assert placeholders('{"a": ${A}, "b": "${B}-${A}", "c": "$.C"}') == {"A", "B"}


def test_template_gives_its_defaults_and_names() -> None:
    given = template_substitutions("dev", ACCOUNT, REGION)
    assert given["PendingWorkTable"] == "atlas-dev-pending-work"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:atlas-dev-create_lead:live"
    assert given["CreateLeadFunction"] == function
    assert given["LeadRetrySeconds"] == "5"


def test_parameters_take_the_place_of_defaults() -> None:
    given = template_substitutions("local", ACCOUNT, REGION, LOCAL_PARAMETERS)
    assert given["LeadRetryMaxDelaySeconds"] == "2"


def test_unknown_parameter_is_refused() -> None:
    with pytest.raises(StateMachineError, match="no parameter RetrySeconds"):
        template_substitutions("local", ACCOUNT, REGION, {"RetrySeconds": "1"})


def test_another_file_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "other.asl.json"
    path.write_text('{"TimeoutSeconds": ${S}}', encoding="utf-8")
    assert load({"S": 3}, path) == {"TimeoutSeconds": 3}


def test_definition_alone_is_told_to_lack_its_values() -> None:
    with pytest.raises(StateMachineError, match="CallRetryAttempts has no value"):
        load({}, DEFINITION)
