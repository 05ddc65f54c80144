"""One turn of a conversation: what was said becomes the next step, with the code hooks between.

The order is Lex's: initial response, slots by priority, confirmation, fulfilment, closing. A hook
that answers Delegate leaves the next step to this order; any other answer is the next step.
"""

from __future__ import annotations

from typing import Any

from infra.bot_definition import CodeHook, Intent, Messages, Slot
from sandbox.lex.code_hook import CodeHookCaller, FunctionFailed
from sandbox.lex.code_hook_reply import Reply, dependency_failed
from sandbox.lex.session import Session
from sandbox.lex.wire import Input, Place, event, new_intent, proposed_slot, rendered

Wire = dict[str, Any]
DIALOG = "DialogCodeHook"
FULFILLMENT = "FulfillmentCodeHook"
# A hook that delegates back and forth for ever would never let the turn end.
MAX_INVOCATIONS = 10


class Dialog:
    """The steps of one turn; changes the session and collects the messages."""

    def __init__(self, place: Place, said: Input, session: Session, caller: CodeHookCaller) -> None:
        self.locale = place.locale.definition
        self.session = session
        self.messages: list[Wire] = []
        self.contexts_set = False
        self.request_attributes = said.request_attributes
        self._place = place
        self._said = said
        self._caller = caller
        self._invocations = 0

    @property
    def intent(self) -> Intent | None:
        """The definition of the session's intent."""
        name = (self.session.intent or {}).get("name")
        return self.locale.intent(name) if name else None

    @property
    def state(self) -> Wire:
        """The session's intent as the wire has it."""
        if self.session.intent is None:
            raise LookupError("the session has no intent")
        return self.session.intent

    def start(self, intent: Intent, slots: Wire | None = None) -> None:
        """Begin an intent with the slots that the utterance itself filled."""
        self.session.intent = new_intent(intent, slots)
        self.session.dialog_action = None
        self.session.retries = 0
        self.say(intent.initial_response)
        self.after(intent.initial_hook)

    def after(self, hook: CodeHook | None) -> None:
        """Go on, through the code hook if this step has one."""
        if hook:
            self._dialog_hook(hook)
        else:
            self.advance()

    def advance(self) -> None:
        """Take the next step of Lex's own order."""
        intent = self.intent
        if self.state["confirmationState"] == "Denied" or intent is None:
            self.close("Failed")
        elif slot := self._missing_slot(intent):
            self.ask_slot(slot)
        elif intent.confirmation and self.state["confirmationState"] == "None":
            self.ask_confirmation(intent)
        else:
            self.fulfil(intent)

    def _missing_slot(self, intent: Intent) -> Slot | None:
        slots = self.state.get("slots") or {}
        return next((s for s in intent.slots if s.required and not slots.get(s.name)), None)

    def ask_slot(self, slot: Slot, messages: list[Wire] | None = None) -> None:
        """Elicit the slot by the given messages, else by its prompt for this attempt."""
        if (self.session.dialog_action or {}).get("slotToElicit") != slot.name:
            self.session.retries = 0
        self.session.dialog_action = {"type": "ElicitSlot", "slotToElicit": slot.name}
        self._say_or(messages, slot.prompt.groups, self.session.retries)

    def ask_confirmation(self, intent: Intent, messages: list[Wire] | None = None) -> None:
        """Ask yes or no by the given messages, else by the intent's prompt for this attempt."""
        if (self.session.dialog_action or {}).get("type") != "ConfirmIntent":
            self.session.retries = 0
        self.session.dialog_action = {"type": "ConfirmIntent"}
        prompt = intent.confirmation.prompt.groups if intent.confirmation else ()
        self._say_or(messages, prompt, self.session.retries)

    def fulfil(self, intent: Intent) -> None:
        """Run the fulfilment hook, or leave fulfilment to the client."""
        self.state["state"] = "ReadyForFulfillment"
        if intent.fulfillment_hook:
            self._invoke(FULFILLMENT, intent.fulfillment_hook, None)
        else:
            self.close("ReadyForFulfillment")

    def close(self, state: str, messages: list[Wire] | None = None, missing: Messages = ()) -> None:
        """End the intent; `missing` is said when there are no messages."""
        self.state["state"] = state
        self.session.dialog_action = {"type": "Close"}
        self.session.retries = 0
        closing = self.intent.closing_response if self.intent and state != "Failed" else ()
        self._say_or(messages, missing or closing, 0)

    def say(self, messages: Messages, attempt: int = 0) -> None:
        self.messages += rendered(messages, attempt, self.session)

    def _say_or(self, messages: list[Wire] | None, default: Messages, attempt: int) -> None:
        if messages:
            self.messages += messages
        else:
            self.say(default, attempt)

    def _dialog_hook(self, hook: CodeHook) -> None:
        intent = self.intent
        slot = self._missing_slot(intent) if intent else None
        denied = self.state["confirmationState"] == "Denied"
        proposed = proposed_slot(self.session, slot.name) if slot and not denied else None
        self._invoke(DIALOG, hook, proposed)

    def _invoke(self, source: str, hook: CodeHook, proposed: Wire | None) -> None:
        self._invocations += 1
        if self._invocations > MAX_INVOCATIONS:
            raise dependency_failed("Invalid Lambda Response: the code hooks delegate in a circle")
        made = event(self._place, self._said, self.session, source, hook.label, proposed)
        try:
            reply = self._caller.call(self._place, made)
        except FunctionFailed as exc:
            self._fail(hook, exc)
        else:
            self._apply(reply, source, hook)

    def _fail(self, hook: CodeHook, failed: FunctionFailed) -> None:
        """The bot's own message for it, or the error."""
        messages = hook.timeout if failed.timed_out else hook.failure
        if not messages:
            raise failed.error from failed
        self.close("Failed", missing=messages)

    def _apply(self, reply: Reply, source: str, hook: CodeHook) -> None:
        session = self.session
        session.attributes = reply.attributes
        if reply.active_contexts is not None:
            session.active_contexts, self.contexts_set = reply.active_contexts, True
        if reply.runtime_hints is not None:
            session.runtime_hints = reply.runtime_hints
        if reply.request_attributes is not None:
            self.request_attributes = reply.request_attributes
        before, session.intent = session.intent, reply.intent or session.intent
        self._take_action(reply, source, hook, before)

    def _take_action(self, reply: Reply, source: str, hook: CodeHook, before: Wire | None) -> None:
        intent = self.intent
        match reply.dialog_action["type"]:
            case "Delegate":
                self._delegate(source, before)
            case "ElicitIntent":
                self.session.dialog_action = reply.dialog_action
                self.messages += reply.messages
            case "ElicitSlot" if intent and (slot := self._named_slot(intent, reply)):
                # Re-prompts of a code hook are its own to count.
                self.session.dialog_action, self.session.retries = None, 0
                self.ask_slot(slot, reply.messages)
                self.session.dialog_action = reply.dialog_action
            case "ConfirmIntent" if intent:
                self.session.dialog_action = None
                self.ask_confirmation(intent, reply.messages)
            case _:
                failed = self.state["state"] == "Failed"
                self.close(self.state["state"], reply.messages, hook.failure if failed else ())

    def _named_slot(self, intent: Intent, reply: Reply) -> Slot | None:
        return intent.slot(reply.dialog_action["slotToElicit"])

    def _delegate(self, source: str, before: Wire | None) -> None:
        state, intent = self.state["state"], self.intent
        if state in ("Failed", "Fulfilled"):
            self.close(state)
        elif source == FULFILLMENT and before and not _removed_something(before, self.state):
            # "If a fulfillment Lambda function returns a Delegate dialog action without removing
            # any slot values" is a DependencyFailedException.
            raise dependency_failed(
                "Invalid Lambda Response: the fulfilment returned Delegate and removed no slot"
            )
        elif state == "ReadyForFulfillment" and intent and source == DIALOG:
            self.fulfil(intent)
        else:
            self.state["state"] = "InProgress"
            self.advance()


def _removed_something(before: Wire, after: Wire) -> bool:
    if before["name"] != after["name"]:
        return True
    filled = {name for name, slot in (before.get("slots") or {}).items() if slot}
    still = {name for name, slot in (after.get("slots") or {}).items() if slot}
    return bool(filled - still) or before["confirmationState"] != after["confirmationState"]
