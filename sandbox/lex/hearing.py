"""What an utterance is in the state the conversation is in: an intent, a value, a yes or a no."""

from __future__ import annotations

from collections.abc import Callable

from infra.bot_definition import FREE_FORM, Confirmation, Intent, Slot
from sandbox.lex.dialog import Dialog
from sandbox.lex.interpretations import fallback_first, interpretations
from sandbox.lex.matcher import Match, Matcher
from sandbox.lex.slots import resolve
from sandbox.lex.yes_no import yes_or_no

# While a slot is elicited, a word that could be a value changes the intent only when it is nearly
# a sample utterance of another one.
SWITCH_SCORE = 0.9


class Hearing:
    """Understands one utterance and hands the dialog its step."""

    def __init__(self, dialog: Dialog, matcher: Matcher, text: str) -> None:
        self._dialog = dialog
        self._locale = dialog.locale
        self._session = dialog.session
        self._text = text
        self._matches = matcher.rank(text)

    def hear(self) -> None:
        action = self._session.dialog_action or {}
        intent = self._dialog.intent
        slot = intent.slot(action.get("slotToElicit", "")) if intent else None
        if action.get("type") == "ElicitSlot" and intent and slot:
            self._slot_answer(intent, slot)
        elif action.get("type") == "ConfirmIntent" and intent:
            self._confirmation_answer(intent)
        else:
            self._new_intent()

    def _new_intent(self) -> None:
        self._session.interpretations = interpretations(self._locale, self._matches)
        top = self._matches[0] if self._matches else None
        if top and top.score >= self._locale.nlu_confidence_threshold:
            self._start(top)
        else:
            self._fall_back()

    def _start(self, match: Match) -> None:
        intent = self._locale.intent(match.intent)
        if intent:
            slots = {name: value.wire() for name, value in match.slots.items()}
            self._dialog.start(intent, slots)

    def _fall_back(self) -> None:
        """Start FallbackIntent; a bot without one ends the intent as failed."""
        fallback = self._locale.fallback
        self._session.interpretations = fallback_first(self._locale, self._matches)
        if fallback:
            self._dialog.start(fallback)
        elif self._session.intent:
            self._dialog.close("Failed")

    def _slot_answer(self, intent: Intent, slot: Slot) -> None:
        value = resolve(slot.type_name, self._text)
        # "When a AMAZON.FreeFormInput slot is elicited, there will be no intent switch."
        other = None if slot.type_name == FREE_FORM else self._other_intent(intent)
        if other and (value is None or other.score >= SWITCH_SCORE):
            self._switch(other)
            return
        self._session.interpretations = interpretations(self._locale, self._matches, intent.name)
        if value is None:
            self._not_understood(slot.prompt.max_retries, lambda: self._ask_again(slot))
            return
        self._dialog.state["slots"] = {
            **(self._dialog.state.get("slots") or {}),
            slot.name: value.wire(),
        }
        self._session.retries = 0
        self._dialog.after(slot.capture_hook)

    def _ask_again(self, slot: Slot) -> None:
        if slot.retry_hook:
            self._dialog.after(slot.retry_hook)
        else:
            self._dialog.ask_slot(slot)

    def _confirmation_answer(self, intent: Intent) -> None:
        setting = intent.confirmation
        answer, other = yes_or_no(self._text), self._other_intent(intent)
        if other and (answer is None or other.score >= SWITCH_SCORE):
            self._switch(other)
            return
        self._session.interpretations = interpretations(self._locale, self._matches, intent.name)
        if answer is None:
            retries = setting.prompt.max_retries if setting else 0
            self._not_understood(retries, lambda: self._confirm_again(intent))
        else:
            self._confirmed(setting, answer)

    def _confirmed(self, setting: Confirmation | None, yes: bool) -> None:
        self._dialog.state["confirmationState"] = "Confirmed" if yes else "Denied"
        if setting is None:
            self._dialog.advance()
        elif yes:
            self._dialog.say(setting.confirmed_response)
            self._dialog.after(setting.confirmed_hook)
        else:
            self._dialog.say(setting.declined_response)
            self._dialog.after(setting.declined_hook)

    def _confirm_again(self, intent: Intent) -> None:
        if intent.confirmation and intent.confirmation.retry_hook:
            self._dialog.after(intent.confirmation.retry_hook)
        else:
            self._dialog.ask_confirmation(intent)

    def _not_understood(self, max_retries: int, ask_again: Callable[[], None]) -> None:
        """Ask again, or invoke FallbackIntent after the configured number of tries."""
        self._session.retries += 1
        if self._session.retries > max_retries:
            self._fall_back()
        else:
            ask_again()

    def _other_intent(self, current: Intent) -> Match | None:
        threshold = self._locale.nlu_confidence_threshold
        top = self._matches[0] if self._matches else None
        return top if top and top.intent != current.name and top.score >= threshold else None

    def _switch(self, match: Match) -> None:
        self._session.interpretations = interpretations(self._locale, self._matches)
        self._start(match)
