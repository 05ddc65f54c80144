"""The reader of the template: the real one is whole, and every fault is named at once."""

from pathlib import Path

import pytest
import yaml
from lex_fakes import TEMPLATE

from infra.bot_definition import BotDefinitionError, load_bot_definition

INTENTS = [
    "GreetingIntent",
    "AboutTechnologyIntent",
    "AboutDemoIntent",
    "InitiateDemo",
    "CallbackIntent",
    "DeleteMyInfoIntent",
    "StopCallingIntent",
    "CloseIntent",
    "FallbackIntent",
]
SLOTS = {
    "InitiateDemo": ["VisitorFullName", "VisitorPhoneNumber"],
    "DeleteMyInfoIntent": ["VisitorPhoneNumber", "VisitorLastName"],
    "StopCallingIntent": ["VisitorPhoneNumber"],
}


@pytest.fixture(scope="module")
def locale():
    return load_bot_definition(TEMPLATE).locales[0]


def test_bot_has_exactly_the_designed_intents_and_slots(locale):
    assert [intent.name for intent in locale.intents] == INTENTS
    slots = {each.name: [slot.name for slot in each.slots] for each in locale.intents}
    assert {name: each for name, each in slots.items() if each} == SLOTS


def test_every_intent_has_at_least_fifteen_utterances(locale):
    few = {each.name: len(each.utterances) for each in locale.intents if len(each.utterances) < 15}
    assert few == {"FallbackIntent": 0}


def test_only_intents_with_slots_have_a_dialog_hook(locale):
    assert {each.name for each in locale.intents if each.dialog_hook} == set(SLOTS)
    assert all(each.fulfillment_hook for each in locale.intents)


def test_steps_of_slotted_intents_reach_the_code_hook(locale):
    for name in SLOTS:
        intent = locale.intent(name)
        assert intent.initial_hook
        assert all(slot.capture_hook and slot.retry_hook for slot in intent.slots)
        assert all(slot.prompt.max_retries == 2 for slot in intent.slots)
        assert all(len(slot.prompt.groups[0]) >= 3 for slot in intent.slots)


def test_denied_confirmation_reaches_the_code_hook(locale):
    asked = {each.name for each in locale.intents if each.confirmation}
    assert asked == {"InitiateDemo", "DeleteMyInfoIntent"}
    assert all(locale.intent(name).confirmation.declined_hook for name in asked)


def test_session_lives_half_an_hour_and_the_bot_is_not_for_children():
    bot = load_bot_definition(TEMPLATE)
    assert (bot.idle_session_ttl_seconds, bot.child_directed) == (1800, False)
    assert bot.locales[0].nlu_confidence_threshold == 0.4


def test_bot_is_named_after_its_stage():
    bot = load_bot_definition(TEMPLATE)
    assert [bot.name_for(stage) for stage in bot.stages] == [
        "atlas-local",
        "atlas-dev",
        "atlas-prod",
    ]
    with pytest.raises(ValueError, match="'test' is none of local, dev, prod"):
        bot.name_for("test")


def template() -> dict:
    return yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))


def bot_node(tree: dict) -> dict:
    return tree["Resources"]["Bot"]["Properties"]


def intent_node(tree: dict, name: str) -> dict:
    intents = bot_node(tree)["BotLocales"][0]["Intents"]
    return next(each for each in intents if each["Name"] == name)


def problems_of(tree: dict, tmp_path: Path) -> str:
    path = tmp_path / "bot.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    with pytest.raises(BotDefinitionError) as caught:
        load_bot_definition(path)
    return str(caught.value)


def test_all_faults_are_named_in_one_error(tmp_path):
    tree = template()
    intent_node(tree, "GreetingIntent")["SampleUtterances"] = []
    intent_node(tree, "CloseIntent")["SampleUtterances"] += [
        {"Utterance": "Delete  my DATA"},
        {"Utterance": "bye {Nobody}"},
    ]
    intent_node(tree, "InitiateDemo")["SampleUtterances"] += [
        {"Utterance": "I am {VisitorFullName}"}
    ]
    said = problems_of(tree, tmp_path)
    assert "en_US.GreetingIntent: no sample utterance" in said
    assert "'delete my data' is in DeleteMyInfoIntent and CloseIntent" in said
    assert "unknown slot Nobody" in said
    assert "AMAZON.FreeFormInput slot VisitorFullName may not be in the utterance" in said


def test_priorities_and_slots_must_name_each_other(tmp_path):
    tree = template()
    intent = intent_node(tree, "InitiateDemo")
    intent["SlotPriorities"][0]["SlotName"] = "Missing"
    said = problems_of(tree, tmp_path)
    assert "en_US.InitiateDemo: priority for the missing slot Missing" in said
    assert "en_US.InitiateDemo: slot VisitorFullName has no priority" in said


def test_second_language_must_have_the_same_intents_and_slots(tmp_path):
    tree = template()
    other = yaml.safe_load(yaml.safe_dump(bot_node(tree)["BotLocales"][0])) | {"LocaleId": "de_DE"}
    other["Intents"] = [each for each in other["Intents"] if each["Name"] != "StopCallingIntent"]
    bot_node(tree)["BotLocales"].append(other)
    said = problems_of(tree, tmp_path)
    assert "en_US and de_DE differ in StopCallingIntent\n" in said
    assert "en_US and de_DE differ in StopCallingIntent.VisitorPhoneNumber" in said


def test_second_language_loads_when_it_is_whole(tmp_path):
    tree = template()
    other = yaml.safe_load(yaml.safe_dump(bot_node(tree)["BotLocales"][0])) | {"LocaleId": "de_DE"}
    bot_node(tree)["BotLocales"].append(other)
    path = tmp_path / "bot.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    assert [each.locale_id for each in load_bot_definition(path).locales] == ["en_US", "de_DE"]


def test_locale_without_fallback_is_refused(tmp_path):
    tree = template()
    del intent_node(tree, "FallbackIntent")["ParentIntentSignature"]
    said = problems_of(tree, tmp_path)
    assert "no intent with the parent AMAZON.FallbackIntent" in said


def test_file_without_a_bot_is_refused(tmp_path):
    assert "expected one AWS::Lex::Bot, found 0" in problems_of({"Resources": {}}, tmp_path)
    assert "the template is not a mapping" in problems_of([], tmp_path)  # type: ignore[arg-type]


def test_missing_property_is_one_clear_problem(tmp_path):
    tree = template()
    del bot_node(tree)["IdleSessionTTLInSeconds"]
    assert "malformed: KeyError 'IdleSessionTTLInSeconds'" in problems_of(tree, tmp_path)


def test_hook_that_the_intent_does_not_enable_is_not_a_hook(tmp_path):
    tree = template()
    intent_node(tree, "StopCallingIntent")["DialogCodeHook"]["Enabled"] = False
    path = tmp_path / "bot.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    intent = load_bot_definition(path).locales[0].intent("StopCallingIntent")
    assert intent.initial_hook is None
    assert intent.slots[0].capture_hook is None


def test_decline_step_that_ends_the_conversation_is_not_heard_by_the_hook(tmp_path):
    tree = template()
    setting = intent_node(tree, "InitiateDemo")["IntentConfirmationSetting"]
    setting["DeclinationNextStep"]["DialogAction"]["Type"] = "EndConversation"
    path = tmp_path / "bot.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    intent = load_bot_definition(path).locales[0].intent("InitiateDemo")
    assert intent.confirmation.declined_hook is None


def test_template_uses_no_short_form_intrinsics_and_names_no_second_bot():
    tree = template()
    assert bot_node(tree)["Name"] == {"Fn::Sub": "atlas-${Stage}"}
    assert set(tree["Outputs"]) >= {"BotId"}
    assert tree["Parameters"]["Stage"]["AllowedValues"] == ["local", "dev", "prod"]
