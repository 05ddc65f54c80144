"""The bot of `lex_bot.yaml` as typed data, so that nobody else walks through CloudFormation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Node = dict[str, Any]

PHONE_NUMBER = "AMAZON.PhoneNumber"
LAST_NAME = "AMAZON.LastName"
FREE_FORM = "AMAZON.FreeFormInput"
FALLBACK_SIGNATURE = "AMAZON.FallbackIntent"


class BotDefinitionError(ValueError):
    """The template is not a bot that Lex would build; `problems` holds all that was found."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the bot definition has problems:\n- " + "\n- ".join(self.problems))


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `content_type` as the runtime names it (PlainText, SSML, CustomPayload)."""

    content_type: str
    content: str


# A group sends one of its variations; several groups are sent one after the other.
MessageGroup = tuple[Message, ...]
Messages = tuple[MessageGroup, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question that is asked at most `1 + max_retries` times."""

    groups: Messages
    max_retries: int


@dataclass(frozen=True, slots=True)
class CodeHook:
    """An enabled invocation at one step; messages apply when the function fails or times out."""

    label: str | None = None
    failure: Messages = ()
    timeout: Messages = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot; `retry_hook` runs when an answer was no value, `capture_hook` when it was one."""

    name: str
    type_name: str
    prompt: Prompt
    required: bool = True
    capture_hook: CodeHook | None = None
    retry_hook: CodeHook | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The yes-or-no question before fulfilment; the hooks say which answer the function hears."""

    prompt: Prompt
    confirmed_response: Messages = ()
    declined_response: Messages = ()
    confirmed_hook: CodeHook | None = None
    declined_hook: CodeHook | None = None
    retry_hook: CodeHook | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """One intent; `slots` in the order of their priorities."""

    name: str
    utterances: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()
    description: str = ""
    parent_signature: str | None = None
    initial_response: Messages = ()
    initial_hook: CodeHook | None = None
    fulfillment_hook: CodeHook | None = None
    confirmation: Confirmation | None = None
    closing_response: Messages = ()
    dialog_hook: bool = False

    def slot(self, name: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.name == name), None)


@dataclass(frozen=True, slots=True)
class Locale:
    """One language of the bot; `nlu_confidence_threshold` from 0 to 1."""

    locale_id: str
    nlu_confidence_threshold: float
    intents: tuple[Intent, ...]
    description: str = ""
    voice_id: str | None = None

    def intent(self, name: str) -> Intent | None:
        return next((intent for intent in self.intents if intent.name == name), None)

    @property
    def fallback(self) -> Intent | None:
        signature = FALLBACK_SIGNATURE
        return next((each for each in self.intents if each.parent_signature == signature), None)


@dataclass(frozen=True, slots=True)
class BotDefinition:
    """The bot with `${Stage}` still open in its name; the session's life in seconds."""

    name_template: str
    idle_session_ttl_seconds: int
    child_directed: bool
    stages: tuple[str, ...]
    locales: tuple[Locale, ...]
    description: str = ""

    def name_for(self, stage: str) -> str:
        """The bot's name on `stage`; ValueError when the template does not allow that stage."""
        if stage not in self.stages:
            raise ValueError(f"stage {stage!r} is none of {', '.join(self.stages)}")
        return self.name_template.replace("${Stage}", stage)

    def locale(self, locale_id: str) -> Locale | None:
        return next((each for each in self.locales if each.locale_id == locale_id), None)


def load_bot_definition(path: Path | str) -> BotDefinition:
    """Read the one `AWS::Lex::Bot` of a template.

    BotDefinitionError names every problem at once, structural ones first.
    """
    return bot_definition(yaml.safe_load(Path(path).read_text(encoding="utf-8")))


def bot_definition(template: Node) -> BotDefinition:
    """The one bot of a template that is data already; BotDefinitionError as above."""
    from infra.bot_definition_checks import raw_problems, rule_problems

    if problems := raw_problems(template):
        raise BotDefinitionError(problems)
    try:
        definition = _bot(template)
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise BotDefinitionError([f"malformed: {type(exc).__name__} {exc}"]) from exc
    if problems := rule_problems(definition):
        raise BotDefinitionError(problems)
    return definition


def bot_properties(template: Node) -> Node:
    """The properties of the template's bot; LookupError unless there is exactly one."""
    resources = template.get("Resources") or {}
    bots = [each for each in resources.values() if each.get("Type") == "AWS::Lex::Bot"]
    if len(bots) != 1:
        raise LookupError(f"expected one AWS::Lex::Bot, found {len(bots)}")
    properties: Node = bots[0]["Properties"]
    return properties


def _bot(template: Node) -> BotDefinition:
    bot = bot_properties(template)
    name = bot["Name"]
    stage = (template.get("Parameters") or {}).get("Stage") or {}
    return BotDefinition(
        name_template=name["Fn::Sub"] if isinstance(name, dict) else name,
        idle_session_ttl_seconds=int(bot["IdleSessionTTLInSeconds"]),
        child_directed=bool(bot["DataPrivacy"]["ChildDirected"]),
        stages=tuple(stage.get("AllowedValues") or ()),
        locales=tuple(_locale(each) for each in bot["BotLocales"]),
        description=bot.get("Description", ""),
    )


def _locale(node: Node) -> Locale:
    return Locale(
        locale_id=node["LocaleId"],
        nlu_confidence_threshold=float(node["NluConfidenceThreshold"]),
        intents=tuple(_intent(each) for each in node["Intents"]),
        description=node.get("Description", ""),
        voice_id=(node.get("VoiceSettings") or {}).get("VoiceId"),
    )


def _intent(node: Node) -> Intent:
    dialog_hook = bool((node.get("DialogCodeHook") or {}).get("Enabled"))
    initial = node.get("InitialResponseSetting") or {}
    return Intent(
        name=node["Name"],
        utterances=tuple(each["Utterance"] for each in node.get("SampleUtterances") or ()),
        slots=_slots(node, dialog_hook),
        description=node.get("Description", ""),
        parent_signature=node.get("ParentIntentSignature"),
        initial_response=_messages(initial.get("InitialResponse")),
        initial_hook=_step_hook(initial, "NextStep", dialog_hook),
        fulfillment_hook=_fulfillment(node.get("FulfillmentCodeHook") or {}),
        confirmation=_confirmation(node.get("IntentConfirmationSetting"), dialog_hook),
        closing_response=_closing(node.get("IntentClosingSetting") or {}),
        dialog_hook=dialog_hook,
    )


def _slots(node: Node, dialog_hook: bool) -> tuple[Slot, ...]:
    priority_by_slot = {
        each["SlotName"]: each["Priority"] for each in node.get("SlotPriorities") or ()
    }
    slots = (_slot(each, dialog_hook) for each in node.get("Slots") or ())
    return tuple(sorted(slots, key=lambda slot: priority_by_slot[slot.name]))


def _slot(node: Node, dialog_hook: bool) -> Slot:
    setting = node["ValueElicitationSetting"]
    capture = setting.get("SlotCaptureSetting") or {}
    return Slot(
        name=node["Name"],
        type_name=node["SlotTypeName"],
        prompt=_prompt(setting.get("PromptSpecification")),
        required=setting["SlotConstraint"] == "Required",
        capture_hook=_step_hook(capture, "CaptureNextStep", dialog_hook),
        retry_hook=_retry_hook(capture, dialog_hook),
    )


def _confirmation(node: Node | None, dialog_hook: bool) -> Confirmation | None:
    if not node or not node.get("IsActive", True):
        return None
    return Confirmation(
        prompt=_prompt(node.get("PromptSpecification")),
        confirmed_response=_messages(node.get("ConfirmationResponse")),
        declined_response=_messages(node.get("DeclinationResponse")),
        confirmed_hook=_step_hook(node, "ConfirmationNextStep", dialog_hook),
        declined_hook=_step_hook(node, "DeclinationNextStep", dialog_hook),
        retry_hook=_retry_hook(node, dialog_hook),
    )


def _step_hook(node: Node, next_step: str, dialog_hook: bool) -> CodeHook | None:
    """Lex runs a step's hook only where the step says so and the intent's hook is enabled."""
    action = ((node.get(next_step) or {}).get("DialogAction") or {}).get("Type")
    hook = node.get("CodeHook") or {}
    enabled = hook.get("EnableCodeHookInvocation") and hook.get("IsActive")
    if not (dialog_hook and enabled and action == "InvokeDialogCodeHook"):
        return None
    after = hook.get("PostCodeHookSpecification") or {}
    return _hook(hook.get("InvocationLabel"), after)


def _retry_hook(node: Node, dialog_hook: bool) -> CodeHook | None:
    hook = node.get("ElicitationCodeHook") or {}
    if not (dialog_hook and hook.get("EnableCodeHookInvocation")):
        return None
    return CodeHook(label=hook.get("InvocationLabel"))


def _fulfillment(node: Node) -> CodeHook | None:
    if not (node.get("Enabled") and node.get("IsActive", True)):
        return None
    return _hook(None, node.get("PostFulfillmentStatusSpecification") or {})


def _hook(label: str | None, after: Node) -> CodeHook:
    return CodeHook(
        label=label,
        failure=_messages(after.get("FailureResponse")),
        timeout=_messages(after.get("TimeoutResponse")),
    )


def _closing(node: Node) -> Messages:
    return _messages(node.get("ClosingResponse")) if node.get("IsActive", True) else ()


def _prompt(node: Node | None) -> Prompt:
    node = node or {}
    return Prompt(groups=_messages(node), max_retries=int(node.get("MaxRetries", 0)))


def _messages(node: Node | None) -> Messages:
    groups = (node or {}).get("MessageGroupsList") or ()
    return tuple(
        (_message(group["Message"]), *(_message(each) for each in group.get("Variations") or ()))
        for group in groups
    )


def _message(node: Node) -> Message:
    for key, content_type in _CONTENT_TYPES.items():
        if key in node:
            return Message(content_type, node[key]["Value"])
    raise ValueError(f"a message of none of the kinds {', '.join(_CONTENT_TYPES)}")


_CONTENT_TYPES = {
    "PlainTextMessage": "PlainText",
    "SSMLMessage": "SSML",
    "CustomPayload": "CustomPayload",
}
