"""The model operations of a release, each held against botocore's model of its output."""

import boto3
import botocore.session
import pytest
from botocore.stub import ANY, Stubber
from lex_fakes import FUNCTION, TEMPLATE, Clock, Lex, call, locale_setting

from infra.bot_definition import FREE_FORM, Intent, Slot
from sandbox.aws_api import ApiError
from sandbox.lex import LexModels, LexState, deploy_bot


@pytest.fixture
def lex():
    return Lex()


def failure(lex: Lex, operation: str, **params) -> ApiError:
    with pytest.raises(ApiError) as caught:
        lex.model(operation, **params)
    return caught.value


def test_deployed_bot_is_described(lex):
    bot = lex.model("DescribeBot")
    assert (bot["botName"], bot["botStatus"]) == ("atlas-local", "Available")
    assert bot["idleSessionTTLInSeconds"] == 1800


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [("EQ", "atlas-local", 1), ("EQ", "atlas", 0), ("CO", "atlas", 1), ("NE", "atlas-local", 0)],
)
def test_bots_are_found_by_name(lex, operator, value, found):
    filters = [{"name": "BotName", "values": [value], "operator": operator}]
    listed = call(lex.models, "ListBots", filters=filters)["botSummaries"]
    assert len(listed) == found


def test_bots_are_listed_in_pages():
    state = LexState(Clock())
    for stage in ("local", "dev", "prod"):
        deploy_bot(state, TEMPLATE, stage)
    models = LexModels(state)
    first = call(models, "ListBots", maxResults=2)
    rest = call(models, "ListBots", maxResults=2, nextToken=first["nextToken"])
    names = [bot["botName"] for bot in first["botSummaries"] + rest["botSummaries"]]
    assert names == ["atlas-dev", "atlas-local", "atlas-prod"]
    assert "nextToken" not in rest


def test_versions_count_up_and_numbers_are_never_given_twice(lex):
    sources = {"en_US": {"sourceBotVersion": "DRAFT"}}
    made = lex.model("CreateBotVersion", botVersionLocaleSpecification=sources)
    assert (made["botVersion"], made["botStatus"]) == ("2", "Creating")
    assert lex.model("DescribeBotVersion", botVersion="2")["botStatus"] == "Available"
    lex.model("DeleteBotVersion", botVersion="2")
    made = lex.model("CreateBotVersion", botVersionLocaleSpecification=sources)
    assert made["botVersion"] == "3"
    versions = lex.model("ListBotVersions")["botVersionSummaries"]
    assert [each["botVersion"] for each in versions] == ["DRAFT", "1", "3"]


def test_version_settles_after_its_time():
    clock = Clock()
    state = LexState(clock, settle_seconds=5)
    deploy_bot(state, TEMPLATE, "local")
    clock.now += 60
    models, bot_id = LexModels(state), next(iter(state.bots))
    sources = {"en_US": {"sourceBotVersion": "DRAFT"}}
    call(models, "CreateBotVersion", botId=bot_id, botVersionLocaleSpecification=sources)
    describe = {"botId": bot_id, "botVersion": "1"}
    assert call(models, "DescribeBotVersion", **describe)["botStatus"] == "Creating"
    clock.now += 5
    assert call(models, "DescribeBotVersion", **describe)["botStatus"] == "Available"


def test_version_keeps_its_intents_when_the_draft_changes(lex):
    draft = lex.state.bots[lex.bot_id].versions["DRAFT"].locales["en_US"]
    deploy_bot(lex.state, TEMPLATE, "local")
    bot = lex.state.bots[lex.bot_id]
    assert bot.versions["DRAFT"].locales["en_US"] is not draft
    assert bot.versions["1"].locales["en_US"] is draft
    assert lex.alias_id in bot.aliases


def test_alias_is_created_described_updated_and_deleted(lex):
    described = lex.model("DescribeBotAlias", botAliasId=lex.alias_id)
    hook = described["botAliasLocaleSettings"]["en_US"]["codeHookSpecification"]
    assert hook["lambdaCodeHook"]["lambdaARN"] == FUNCTION
    updated = lex.model(
        "UpdateBotAlias", botAliasId=lex.alias_id, botAliasName="live", botVersion="1"
    )
    assert "botAliasLocaleSettings" not in updated
    listed = lex.model("ListBotAliases")["botAliasSummaries"]
    assert [each["botAliasName"] for each in listed] == ["TestBotAlias", "live"]
    lex.model("DeleteBotAlias", botAliasId=lex.alias_id)
    code = failure(lex, "DescribeBotAlias", botAliasId=lex.alias_id).code
    assert code == "ResourceNotFoundException"


def test_test_alias_exists_stays_on_draft_and_cannot_be_deleted(lex):
    alias = lex.model("DescribeBotAlias", botAliasId="TSTALIASID")
    assert (alias["botAliasName"], alias["botVersion"]) == ("TestBotAlias", "DRAFT")
    moved = {"botAliasId": "TSTALIASID", "botAliasName": "TestBotAlias", "botVersion": "1"}
    assert failure(lex, "UpdateBotAlias", **moved).code == "ValidationException"
    assert failure(lex, "DeleteBotAlias", botAliasId="TSTALIASID").code == "ValidationException"


def test_alias_name_is_taken_once(lex):
    error = failure(lex, "CreateBotAlias", botAliasName="live", botVersion="1")
    assert (error.code, error.status) == ("ConflictException", 409)


def test_alias_needs_an_existing_version_locale_and_a_function(lex):
    new = {"botAliasName": "next"}
    assert failure(lex, "CreateBotAlias", botVersion="9", **new).status == 412
    settings = {"de_DE": locale_setting()}
    error = failure(lex, "CreateBotAlias", botVersion="1", botAliasLocaleSettings=settings, **new)
    assert error.code == "ValidationException"
    settings = {"en_US": locale_setting("arn:aws:sqs:us-east-1:123456789012:queue")}
    error = failure(lex, "CreateBotAlias", botVersion="1", botAliasLocaleSettings=settings, **new)
    assert error.code == "ValidationException"


def test_version_in_use_is_not_deleted_unless_the_check_is_skipped(lex):
    assert failure(lex, "DeleteBotVersion", botVersion="1").code == "PreconditionFailedException"
    lex.model("DeleteBotVersion", botVersion="1", skipResourceInUseCheck=True)


def test_unknown_bot_version_and_intent_are_not_found(lex):
    assert failure(lex, "DescribeBotVersion", botVersion="9").status == 404
    with pytest.raises(ApiError) as caught:
        call(lex.models, "DescribeBot", botId="ABCDEFGHIJ")
    assert caught.value.code == "ResourceNotFoundException"


def test_locale_is_built_and_its_intents_are_listed(lex):
    where = {"botVersion": "DRAFT", "localeId": "en_US"}
    locale = lex.model("DescribeBotLocale", **where)
    assert (locale["botLocaleStatus"], locale["intentsCount"]) == ("Built", 9)
    assert lex.model("BuildBotLocale", **where)["botLocaleStatus"] == "Building"
    locales = lex.model("ListBotLocales", botVersion="1")["botLocaleSummaries"]
    assert [each["localeId"] for each in locales] == ["en_US"]
    intents = lex.model("ListIntents", **where)["intentSummaries"]
    demo = next(each for each in intents if each["intentName"] == "InitiateDemo")
    described = lex.model("DescribeIntent", intentId=demo["intentId"], **where)
    assert described["dialogCodeHook"] == {"enabled": True}
    assert len(described["slotPriorities"]) == 2


def test_every_operation_is_one_of_the_services_own(lex):
    service = botocore.session.get_session().get_service_model("lexv2-models")
    assert set(lex.models.operations) <= set(service.operation_names)


@pytest.mark.parametrize(
    ("waiter", "operation", "params"),
    [
        ("bot_available", "DescribeBot", {}),
        ("bot_version_available", "DescribeBotVersion", {"botVersion": "1"}),
        ("bot_alias_available", "DescribeBotAlias", {"botAliasId": "TSTALIASID"}),
        ("bot_locale_built", "DescribeBotLocale", {"botVersion": "DRAFT", "localeId": "en_US"}),
    ],
)
def test_waiters_of_boto3_are_content_at_their_first_look(lex, waiter, operation, params):
    client = boto3.client(
        "lexv2-models",
        region_name="us-east-1",
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )
    answer = lex.model(operation, **params)
    method = client.meta.method_to_api_mapping
    snake = next(name for name, api in method.items() if api == operation)
    with Stubber(client) as stub:
        stub.add_response(snake, answer, {"botId": ANY, **params})
        client.get_waiter(waiter).wait(botId=lex.bot_id, **params)
        stub.assert_no_pending_responses()


def test_bot_with_a_slot_type_that_the_sandbox_lacks_is_refused():
    from lex_fakes import bot, prompt

    slot = Slot("When", "AMAZON.Date", prompt("When?"))
    definition = bot(Intent("Book", ("book",), (slot, Slot("Name", FREE_FORM, prompt("Who?")))))
    with pytest.raises(ValueError, match=r"no slot type AMAZON\.Date"):
        LexState(Clock()).put_bot("hand-local", definition)
