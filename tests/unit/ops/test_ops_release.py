"""The release against in-memory Lambda and Lex: the order, repetition, interruption, refusal."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from ops_fakes import READ_PREFIXES, World, client_error

from ops.chain import Chain
from ops.errors import RefusedError, UnavailableError
from ops.lambda_versions import HEALTH_EVENT
from ops.release import release
from ops.stages import FUNCTIONS, KEEP_WARM, STAGE_SIZES, function_name

FULFILLMENT = function_name("local", "lex_fulfillment")
WARMER = function_name("local", KEEP_WARM)


@pytest.fixture
def world() -> World:
    return World()


def run(world: World, dry_run: bool = False) -> Chain | None:
    world.timeline.clear()
    return release(world.context(dry_run), world.steps())


def position(world: World, operation: str, **params: Any) -> int:
    return next(
        index
        for index, (name, given) in enumerate(world.timeline)
        if name == operation and params.items() <= given.items()
    )


def last_ready_look(world: World) -> int:
    looks = [i for i, (n, _) in enumerate(world.timeline) if n.startswith("get_provisioned")]
    moved = position_of_alias_move(world)
    return max(i for i in looks if i < moved)


def position_of_alias_move(world: World) -> int:
    names = ("create_alias", "update_alias")
    return next(i for i, (name, _) in enumerate(world.timeline) if name in names)


def test_first_release_makes_its_changes_in_the_documented_order(world: World) -> None:
    run(world)
    assert world.changes() == [
        *["publish_version"] * 12,
        *["invoke"] * 12,
        "invoke",
        "put_provisioned_concurrency_config",
        *["create_alias"] * 12,
        *["add_permission"] * 5,
        "create_bot_alias",
        "add_permission",
        "create_bot_version",
        "update_bot_alias",
        *["put_function_event_invoke_config"] * 10,
    ]


def test_no_alias_moves_before_provisioned_concurrency_is_ready(world: World) -> None:
    statuses: list[str] = []
    answer = world.lambda_.on_get_provisioned_concurrency_config

    def watched(**params: Any) -> dict[str, Any]:
        given = answer(**params)
        statuses.append(given["Status"])
        return given

    world.lambda_.on_get_provisioned_concurrency_config = watched  # type: ignore[method-assign]
    world.lambda_.looks_until_ready = 5
    move = world.lambda_.on_create_alias

    def moving(**params: Any) -> dict[str, Any]:
        assert statuses[-1] == "READY"
        return move(**params)

    world.lambda_.on_create_alias = moving  # type: ignore[method-assign]
    run(world)
    assert statuses.count("IN_PROGRESS") == 5


def test_answers_are_made_by_the_new_version_before_an_environment_reads_them(
    world: World,
) -> None:
    run(world)
    warmed = position(world, "invoke", FunctionName=WARMER, Payload=b"{}")
    assert world.timeline[warmed][1]["Qualifier"] == "1"
    healthy = position(world, "invoke", FunctionName=FULFILLMENT, Payload=HEALTH_EVENT)
    assert healthy < warmed < position(world, "put_provisioned_concurrency_config")
    assert "88 made, 0 fresh, 0 failed, 0 left" in world.printed.getvalue()


def test_a_release_that_changes_nothing_makes_no_answers(world: World) -> None:
    run(world)
    run(world)
    assert "invoke" not in world.changes()


@pytest.mark.parametrize(
    ("error", "payload", "told"),
    [
        ("Unhandled", b'{"errorType": "Sandbox.Timedout"}', "not warmed: Sandbox.Timedout"),
        ("Unhandled", b"not JSON", "not warmed: keep_warm failed"),
    ],
)
def test_a_release_goes_on_without_its_answers(
    world: World, error: str, payload: bytes, told: str
) -> None:
    world.lambda_.warming = (error, payload)
    assert run(world)
    assert told in world.printed.getvalue()


def test_a_release_goes_on_when_warming_takes_too_long(world: World) -> None:
    on_invoke = world.lambda_.on_invoke

    def late(**params: Any) -> dict[str, Any]:
        if params["Payload"] == b"{}":
            raise ReadTimeoutError(endpoint_url="https://lambda.example")
        return on_invoke(**params)

    world.lambda_.on_invoke = late  # type: ignore[method-assign]
    assert run(world)
    assert "not warmed: ReadTimeoutError" in world.printed.getvalue()


def test_a_release_without_warming_invokes_for_health_alone(world: World) -> None:
    release(world.context(), world.steps(), is_warmed=False)
    payloads = {given["Payload"] for name, given in world.timeline if name == "invoke"}
    assert payloads == {HEALTH_EVENT}


def test_every_new_version_is_invoked_by_its_number_before_anything_is_provisioned(
    world: World,
) -> None:
    run(world)
    provisioned = position(world, "put_provisioned_concurrency_config")
    for function in FUNCTIONS:
        name = function_name("local", function.name)
        assert position(world, "invoke", FunctionName=name, Qualifier="1") < provisioned


def test_fulfilment_moves_last_so_that_what_it_calls_is_there(world: World) -> None:
    run(world)
    created = [p["FunctionName"] for n, p in world.timeline if n == "create_alias"]
    assert created[-1] == FULFILLMENT


def test_aliases_move_one_after_the_other_each_after_what_it_invokes(world: World) -> None:
    run(world)
    created = [p["FunctionName"] for n, p in world.timeline if n == "create_alias"]
    assert created == [function_name("local", f.name) for f in FUNCTIONS]


def test_version_that_cannot_be_published_leaves_every_alias_where_it_was(world: World) -> None:
    world.lambda_.fail_next["publish_version"] = client_error("PreconditionFailedException")
    with pytest.raises(RefusedError, match=r"changed while it was being released.*Nothing has"):
        run(world)
    assert world.lambda_.aliases == {}


def test_provisioned_concurrency_goes_on_the_version_and_not_on_the_alias(world: World) -> None:
    run(world)
    assert list(world.lambda_.provisioned) == [(FULFILLMENT, "1")]


def test_permission_names_the_lex_alias_and_account_on_qualifier_live(world: World) -> None:
    run(world)
    [statement] = world.lambda_.policies[FULFILLMENT]
    assert statement["Qualifier"] == "live"
    assert statement["Principal"] == "lexv2.amazonaws.com"
    assert statement["SourceAccount"] == "123456789012"
    assert statement["SourceArn"].endswith(":bot-alias/BOT0000001/ALIAS00001")


def test_lex_alias_invokes_the_lambda_alias_in_every_locale(world: World) -> None:
    world.lex.locales["de_DE"] = "Built"
    run(world)
    settings = world.lex.aliases["ALIAS00001"]["botAliasLocaleSettings"]
    hooks = {
        locale: setting["codeHookSpecification"]["lambdaCodeHook"]["lambdaARN"]
        for locale, setting in settings.items()
    }
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{FULFILLMENT}:live"
    assert hooks == {"en_US": arn, "de_DE": arn}


def test_second_run_changes_nothing_and_says_so(world: World) -> None:
    run(world)
    steps = world.steps()
    world.timeline.clear()
    release(world.context(), steps)
    assert world.changes() == []
    assert not steps.changed


def test_new_code_is_provisioned_before_the_alias_moves_and_the_old_is_freed_after(
    world: World,
) -> None:
    run(world)
    world.lambda_.deploy("local", "code-2")
    run(world)
    ready = last_ready_look(world)
    put = position(world, "put_provisioned_concurrency_config", Qualifier="2")
    moved = position(world, "update_alias", FunctionName=FULFILLMENT, FunctionVersion="2")
    freed = position(world, "delete_provisioned_concurrency_config", Qualifier="1")
    assert put < ready < moved < freed
    assert list(world.lambda_.provisioned) == [(FULFILLMENT, "2")]


def test_changed_configuration_alone_is_a_new_version(world: World) -> None:
    run(world)
    for configuration in world.lambda_.functions.values():
        configuration["Environment"] = {"Variables": {"LOG_LEVEL": "DEBUG"}}
    chain = run(world)
    assert chain
    assert {link.version for link in chain.links} == {"2"}


def test_version_that_lambda_gives_again_does_not_count_as_a_change(world: World) -> None:
    run(world)
    for name, configuration in world.lambda_.functions.items():
        configuration["NewFieldOfLambda"] = "only on $LATEST"
        world.lambda_.on_publish_version = (  # type: ignore[method-assign]
            lambda FunctionName, CodeSha256: dict(world.lambda_.versions[FunctionName][-1])
        )
        assert world.lambda_.versions[name][-1]["Version"] == "1"
    steps = world.steps()
    release(world.context(), steps)
    assert not steps.changed


def test_weights_left_on_an_alias_are_cleared(world: World) -> None:
    run(world)
    weights = {"AdditionalVersionWeights": {"1": 0.5}}
    world.lambda_.aliases[FULFILLMENT]["RoutingConfig"] = weights
    run(world)
    moved = world.timeline[position(world, "update_alias", FunctionName=FULFILLMENT)][1]
    assert moved["RoutingConfig"] == {"AdditionalVersionWeights": {}}


def test_concurrency_on_the_alias_itself_is_freed(world: World) -> None:
    run(world)
    world.lambda_.provisioned[FULFILLMENT, "live"] = {"looks": 0}
    run(world)
    assert list(world.lambda_.provisioned) == [(FULFILLMENT, "1")]


def test_bot_version_is_made_again_only_when_draft_was_built_again(world: World) -> None:
    run(world)
    run(world)
    assert len(world.lex.bot_versions) == 1
    world.lex.built_at = world.lex.built_at.replace(year=2027)
    chain = run(world)
    assert chain
    assert chain.bot_version == "2"


def test_settings_that_others_put_on_the_lex_alias_survive(world: World) -> None:
    run(world)
    sentiment = {"detectSentiment": True}
    world.lex.aliases["ALIAS00001"]["sentimentAnalysisSettings"] = sentiment
    world.lex.built_at = world.lex.built_at.replace(year=2027)
    run(world)
    assert world.lex.aliases["ALIAS00001"]["sentimentAnalysisSettings"] == sentiment


def test_asynchronous_invokes_get_the_retries_and_the_age_of_their_row(world: World) -> None:
    run(world)
    expected = {
        function_name("local", f.name): {
            "MaximumRetryAttempts": f.asynchronous.retries,
            "MaximumEventAgeInSeconds": f.asynchronous.max_age_seconds,
        }
        for f in FUNCTIONS
        if f.asynchronous
    }
    assert world.lambda_.event_configs == expected


def test_answer_for_the_cache_is_not_made_twice(world: World) -> None:
    run(world)
    limits = world.lambda_.event_configs[function_name("local", "generate_answer")]
    assert limits == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


def test_limit_that_somebody_changed_is_set_again(world: World) -> None:
    run(world)
    name = function_name("local", "call_ended")
    world.lambda_.event_configs[name]["MaximumRetryAttempts"] = 0
    run(world)
    assert world.changes() == ["put_function_event_invoke_config"]
    assert world.lambda_.event_configs[name]["MaximumRetryAttempts"] == 2


def test_each_event_rule_may_invoke_live_of_its_own_function_and_no_other(world: World) -> None:
    run(world)
    granted = {
        name: (statement["SourceArn"], statement["Qualifier"])
        for name, statements in world.lambda_.policies.items()
        for statement in statements
        if statement["Principal"] == "events.amazonaws.com"
    }
    arn = "arn:aws:events:us-east-1:123456789012:rule/atlas-local-"
    assert granted == {
        "atlas-local-call_ended": (f"{arn}call-ended", "live"),
        "atlas-local-start_transcription": (f"{arn}recording-created", "live"),
        "atlas-local-summarize_call": (f"{arn}transcript-ready", "live"),
        "atlas-local-recover_leads": (f"{arn}recover-leads", "live"),
        "atlas-local-keep_warm": (f"{arn}keep-warm", "live"),
    }


def test_rule_is_given_its_right_after_the_alias_stands_on_the_new_version(world: World) -> None:
    run(world)
    made = [i for i, (name, _) in enumerate(world.timeline) if name == "create_alias"]
    assert max(made) < position(world, "add_permission")


def test_missing_state_machine_stops_the_release_before_any_change(world: World) -> None:
    world.stepfunctions.machines.clear()
    text = r"no state machine atlas-local-lead-workflow: deploy infra/lead_workflow\.yaml"
    with pytest.raises(RefusedError, match=text):
        run(world)
    assert world.changes() == []


def test_state_machine_that_may_not_be_looked_at_is_no_missing_one(world: World) -> None:
    denied = client_error("AccessDeniedException")
    world.stepfunctions.fail_next["describe_state_machine"] = denied
    with pytest.raises(ClientError, match="AccessDenied"):
        run(world)
    assert world.changes() == []


def test_chain_ends_at_a_ready_version(world: World) -> None:
    chain = run(world)
    assert chain
    link = chain.links[-1]
    assert (link.function, link.alias, link.version) == ("lex_fulfillment", "live", "1")
    assert link.provisioned == "2 provisioned, READY"
    assert max(len(line) for line in chain.table().splitlines()) <= 100


CHANGING_CALLS = [
    ("lambda_", "publish_version"),
    ("lambda_", "invoke"),
    ("lambda_", "put_provisioned_concurrency_config"),
    ("lambda_", "create_alias"),
    ("lex", "create_bot_alias"),
    ("lambda_", "add_permission"),
    ("lex", "create_bot_version"),
    ("lex", "update_bot_alias"),
    ("lambda_", "put_function_event_invoke_config"),
]


@pytest.mark.parametrize(("service", "operation"), CHANGING_CALLS)
def test_run_after_an_interruption_completes(world: World, service: str, operation: str) -> None:
    getattr(world, service).fail_next[operation] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(world)
    chain = run(world)
    assert chain
    assert chain.links[-1].provisioned == "2 provisioned, READY"
    assert len(world.lambda_.versions[FULFILLMENT]) == 1
    assert len(world.lex.bot_versions) == 1
    assert len(world.lambda_.policies[FULFILLMENT]) == 1


def test_every_changing_call_of_a_first_release_is_interrupted_in_the_test_above(
    world: World,
) -> None:
    run(world)
    assert set(world.changes()) == {operation for _, operation in CHANGING_CALLS}


def test_missing_package_is_named_and_nothing_moves(world: World) -> None:
    error = (
        b"{\"errorMessage\": \"Unable to import module 'app': No module named 'cachetools.keys'\","
        b' "errorType": "Runtime.ImportModuleError"}'
    )
    world.lambda_.answers[FULFILLMENT] = ("Unhandled", error)
    with pytest.raises(RefusedError, match=r"lacks the package 'cachetools'.*Nothing has moved"):
        run(world)
    assert world.lambda_.aliases == {}
    assert world.lambda_.provisioned == {}


def test_failed_start_is_told_in_one_line(world: World) -> None:
    error = b'{"errorMessage": "no\\nROUTES", "errorType": "ConfigError", "stackTrace": ["x"]}'
    world.lambda_.answers[FULFILLMENT] = ("Unhandled", error)
    with pytest.raises(RefusedError, match="ConfigError: no ROUTES") as refused:
        run(world)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("payload", [b"null", b"[]", b"", b'{"ok": false}', b'{"ok": 1}', b"\xff"])
def test_answer_that_is_not_ok_is_refused(world: World, payload: bytes) -> None:
    world.lambda_.answers[FULFILLMENT] = (None, payload)
    with pytest.raises(RefusedError, match="Nothing has moved"):
        run(world)
    assert world.lambda_.aliases == {}


def test_version_that_failed_its_health_is_checked_again_by_the_next_run(world: World) -> None:
    world.lambda_.answers[FULFILLMENT] = (None, b'{"ok": false}')
    with pytest.raises(RefusedError):
        run(world)
    with pytest.raises(RefusedError):
        run(world)


def test_failed_provisioning_is_removed_again_and_nothing_moves(world: World) -> None:
    world.lambda_.provisioning_fails = True
    with pytest.raises(RefusedError, match="FUNCTION_ERROR_INIT_FAILURE"):
        run(world)
    assert world.lambda_.provisioned == {}
    assert world.lambda_.aliases == {}


def test_provisioning_that_never_ends_is_bounded_and_removed(world: World) -> None:
    world.lambda_.looks_until_ready = 10**9
    with pytest.raises(UnavailableError, match="still IN_PROGRESS, 0 of 2 after 600 s"):
        run(world)
    assert world.lambda_.provisioned == {}
    assert world.lambda_.aliases == {}
    assert world.progress == ["provisioned concurrency of version 1: IN_PROGRESS, 0 of 2"]


def test_failed_change_of_count_on_the_live_version_restores_its_count(world: World) -> None:
    run(world)
    key = (FULFILLMENT, "1")
    world.lambda_.provisioned[key]["RequestedProvisionedConcurrentExecutions"] = 7
    world.lambda_.provisioning_fails = True
    world.lambda_.provisioned[key]["looks"] = 99
    with pytest.raises(RefusedError):
        run(world)
    assert world.lambda_.provisioned[key]["RequestedProvisionedConcurrentExecutions"] == 7


def test_provisioning_under_way_from_an_interrupted_run_is_awaited_not_asked_again(
    world: World,
) -> None:
    world.lambda_.fail_next["create_alias"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(world)
    world.lambda_.provisioned[FULFILLMENT, "1"] |= {"Status": "IN_PROGRESS", "looks": 3}
    run(world)
    assert "put_provisioned_concurrency_config" not in world.changes()


def test_missing_function_says_to_deploy_first(world: World) -> None:
    del world.lambda_.functions[function_name("local", KEEP_WARM)]
    with pytest.raises(RefusedError, match=r"keep_warm: run `python -m ops deploy .* first"):
        run(world)
    assert world.changes() == []


def test_interrupted_deploy_is_refused_before_anything_moves(world: World) -> None:
    world.lambda_.functions[FULFILLMENT]["CodeSha256"] = "code-2"
    with pytest.raises(RefusedError, match="different code"):
        run(world)
    assert world.lambda_.aliases == world.lambda_.provisioned == {}


def test_package_missing_in_one_functions_zip_is_named_rather_than_that_zips_differ(
    world: World,
) -> None:
    world.lambda_.functions[FULFILLMENT]["CodeSha256"] = "code-2"
    error = b'{"errorMessage": "No module named \'wrapt\'", "errorType": "ImportModuleError"}'
    world.lambda_.answers[FULFILLMENT] = ("Unhandled", error)
    with pytest.raises(RefusedError, match="lacks the package 'wrapt'"):
        run(world)


def test_former_version_stays_provisioned_until_the_move_has_spread(world: World) -> None:
    run(world)
    world.lambda_.deploy("local", "code-2")
    moved_at: list[float] = []
    update, delete = (
        world.lambda_.on_update_alias,
        world.lambda_.on_delete_provisioned_concurrency_config,
    )

    def updating(**params: Any) -> Any:
        moved_at.append(world.now)
        return update(**params)

    def deleting(**params: Any) -> Any:
        assert world.now - moved_at[-1] >= STAGE_SIZES["local"].drain_seconds > 0
        return delete(**params)

    world.lambda_.on_update_alias = updating  # type: ignore[method-assign]
    world.lambda_.on_delete_provisioned_concurrency_config = deleting  # type: ignore[method-assign]
    run(world)
    assert (FULFILLMENT, "1") not in world.lambda_.provisioned


def test_deploy_during_the_release_is_refused(world: World) -> None:
    world.lambda_.fail_next["publish_version"] = client_error("InvalidParameterValueException")
    with pytest.raises(RefusedError, match="changed while it was being released"):
        run(world)


def test_function_that_lambda_still_updates_is_awaited(world: World) -> None:
    configuration = world.lambda_.functions[FULFILLMENT]
    configuration["LastUpdateStatus"] = "InProgress"
    with pytest.raises(UnavailableError, match="still Active, last update InProgress"):
        run(world)


def test_failed_function_tells_the_reason(world: World) -> None:
    failed = {"State": "Failed", "StateReason": "The role is gone"}
    world.lambda_.functions[FULFILLMENT] |= failed
    with pytest.raises(RefusedError, match="The role is gone"):
        run(world)


def test_missing_table_stops_the_release_before_any_change(world: World) -> None:
    world.dynamodb.tables.clear()
    with pytest.raises(
        RefusedError, match=r"no table atlas-local-call-limits, .*response-cache.*: deploy infra/t"
    ):
        run(world)
    assert world.changes() == []


def test_table_that_may_not_be_looked_at_is_no_missing_table(world: World) -> None:
    world.dynamodb.fail_next["describe_table"] = client_error("AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        run(world)
    assert world.changes() == []


def test_missing_bot_stops_the_release_before_any_change(world: World) -> None:
    world.lex.bots.clear()
    with pytest.raises(RefusedError, match=r"no Lex bot atlas-local: deploy infra/lex_bot\.yaml"):
        run(world)
    assert world.changes() == []


def test_locale_that_is_not_built_stops_the_release_before_any_change(world: World) -> None:
    world.lex.locales["de_DE"] = "NotBuilt"
    with pytest.raises(RefusedError, match="de_DE of bot BOT0000001 is NotBuilt"):
        run(world)
    assert world.changes() == []


def test_permission_that_another_release_added_meanwhile_is_taken_as_done(world: World) -> None:
    statement = world.lambda_.on_add_permission

    def conflicting(**params: Any) -> None:
        statement(**params)
        raise client_error("ResourceConflictException")

    world.lambda_.on_add_permission = conflicting  # type: ignore[method-assign]
    assert run(world)


def test_dry_run_of_a_first_release_changes_nothing_and_tells_every_change(world: World) -> None:
    assert run(world, dry_run=True) is None
    assert world.changes() == []
    printed = world.printed.getvalue()
    for words in (
        "would invoke",
        "would provision 2",
        "would move",
        "would let rules",
        "would let Lex",
        "would bind",
        "would limit",
    ):
        assert words in printed


def test_dry_run_of_a_done_release_says_that_nothing_would_change(world: World) -> None:
    run(world)
    steps = world.steps()
    release(world.context(dry_run=True), steps)
    assert not steps.changed


def test_dry_run_of_a_new_deploy_only_reads(world: World) -> None:
    run(world)
    world.lambda_.deploy("local", "code-2")
    run(world, dry_run=True)
    assert all(name.startswith(READ_PREFIXES) for name, _ in world.timeline)
    assert "would provision 2 on version (new)" in world.printed.getvalue()


def test_lex_alias_sending_elsewhere_is_refused_by_the_verification(world: World) -> None:
    update = world.lex.on_update_bot_alias

    def forgetful(**params: Any) -> dict[str, Any]:
        return update(**params | {"botAliasLocaleSettings": {}})

    world.lex.on_update_bot_alias = forgetful  # type: ignore[method-assign]
    with pytest.raises(RefusedError, match="Lex sends en_US to no Lambda"):
        run(world)


def test_each_step_is_printed_with_its_seconds_and_result(world: World) -> None:
    run(world)
    lines = world.printed.getvalue().splitlines()
    assert [line.split("  ")[0].strip() for line in lines].count("stopped") == 0
    assert len(lines) == 22
    assert all(" s  " in line for line in lines)
