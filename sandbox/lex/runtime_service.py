"""The operations of `lexv2-runtime`: one turn of text, and the session around it."""

from __future__ import annotations

import copy
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws_api import LambdaInvoker, Operation, Params
from sandbox.lex.client_state import take_client_state
from sandbox.lex.code_hook import CodeHookCaller
from sandbox.lex.dialog import Dialog
from sandbox.lex.hearing import Hearing
from sandbox.lex.measured import Observe, measured, unobserved
from sandbox.lex.message_rules import InvalidMessages, check_messages, code_units
from sandbox.lex.session import Key, Session, SessionStore, age_contexts, spend_turn
from sandbox.lex.state import LexState, invalid, not_found
from sandbox.lex.wire import (
    TEXT,
    Input,
    Place,
    packed,
    response_interpretations,
    session_state,
)

MAX_TEXT_CHARACTERS = 1024
_SESSION_ID = re.compile(r"[0-9a-zA-Z._:-]{2,100}")


class LexRuntime:
    """An `AwsService`; sessions belong to this object, bots to the shared state."""

    service_name = "lexv2-runtime"

    def __init__(
        self,
        state: LexState,
        invoker: LambdaInvoker,
        clock: Callable[[], float] = time.time,
        new_request_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        max_sessions: int = 10_000,
        observe: Observe = unobserved,
    ) -> None:
        self._state = state
        self._clock = clock
        self._new_request_id = new_request_id
        self._caller = CodeHookCaller(invoker, clock)
        self._sessions = SessionStore(clock, max_sessions)
        self._observe = observe

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "RecognizeText": self.recognize_text,
            "PutSession": self.put_session,
            "GetSession": self.get_session,
            "DeleteSession": self.delete_session,
        }

    def recognize_text(self, params: Params) -> Params:
        """One typed turn."""
        with measured("RecognizeText", params, None, self._alias_version, self._observe):
            return self._turn(params, params["text"])

    def recognize_speech(self, params: Params, confidence: float = 0.95) -> Params:
        """One spoken turn, already transcribed, as a phone call sends it; not an API operation."""
        with measured("StartConversation", params, "Speech", self._alias_version, self._observe):
            return self._turn(
                params,
                params["text"],
                input_mode="Speech",
                content_type="audio/pcm",
                transcription_confidence=confidence,
            )

    def _turn(self, params: Params, text: str, **how: Any) -> Params:
        _check_text(text)
        place, key = self._place(params), _key(params)
        with self._sessions.held(key):
            session = self._open(key)
            take_client_state(session, params.get("sessionState") or {}, place.locale.definition)
            said = self._input(params, text, **how)
            dialog = self._dialog(place, said, session)
            Hearing(dialog, place.locale.matcher, text).hear()
            self._store(key, place, dialog)
        return _text_response(params, dialog)

    def put_session(self, params: Params) -> Params:
        """Create or change a session; a delegated action runs the bot's next step at once."""
        place, key = self._place(params), _key(params)
        sent = _sent_messages(params)
        with self._sessions.held(key):
            session = self._open(key)
            take_client_state(session, params["sessionState"], place.locale.definition)
            said = self._input(params, "")
            dialog = self._dialog(place, said, session)
            _take_put_action(dialog, sent)
            self._store(key, place, dialog)
        return _put_response(params, dialog)

    def get_session(self, params: Params) -> Params:
        """ResourceNotFoundException when there is no session or its time is over."""
        self._place(params)
        session = self._sessions.get(_key(params))
        if session is None:
            raise _no_session(params)
        session = copy.deepcopy(session)
        return {
            "sessionId": params["sessionId"],
            "messages": session.messages,
            "interpretations": response_interpretations(session),
            "sessionState": session_state(session),
        }

    def delete_session(self, params: Params) -> Params:
        self._place(params)
        key = _key(params)
        with self._sessions.held(key):
            if self._sessions.get(key) is None:
                raise _no_session(params)
            self._sessions.delete(key)
        return {name: params[name] for name in ("botId", "botAliasId", "localeId", "sessionId")}

    def _place(self, params: Params) -> Place:
        """Resolve the address of a request; errors for what does not exist or is switched off."""
        if not _SESSION_ID.fullmatch(params["sessionId"]):
            raise invalid("The session id must have 2 to 100 characters of [0-9a-zA-Z._:-].")
        bot = self._state.bot(params["botId"])
        alias = bot.aliases.get(params["botAliasId"])
        if alias is None:
            raise not_found(
                "ResourceNotFoundException",
                f"The alias {params['botAliasId']} of the bot {bot.bot_id} does not exist.",
            )
        version = bot.versions.get(alias.version)
        built = version.locales.get(params["localeId"]) if version else None
        setting = alias.locale_settings.get(params["localeId"]) or {}
        if version is None or built is None or not setting.get("enabled"):
            raise invalid(f"The locale {params['localeId']} is not enabled for the alias.")
        hook = (setting.get("codeHookSpecification") or {}).get("lambdaCodeHook") or {}
        return Place(bot, alias, version, built, hook.get("lambdaARN"))

    def _alias_version(self, bot_id: str, alias_id: str) -> str | None:
        return self._state.bot(bot_id).aliases[alias_id].version

    def _open(self, key: Key) -> Session:
        """A copy, so that a turn that fails leaves the session as it was."""
        session = copy.deepcopy(self._sessions.get(key)) or Session()
        age_contexts(session, self._clock())
        session.originating_request_id = self._new_request_id()
        return session

    def _input(self, params: Params, text: str, **how: Any) -> Input:
        return Input(
            session_id=params["sessionId"],
            text=text,
            request_attributes=params.get("requestAttributes"),
            **how,
        )

    def _dialog(self, place: Place, said: Input, session: Session) -> Dialog:
        return Dialog(place, said, session, self._caller)

    def _store(self, key: Key, place: Place, dialog: Dialog) -> None:
        session = dialog.session
        session.messages = dialog.messages
        spend_turn(session, self._clock(), renewed=dialog.contexts_set)
        self._sessions.put(key, session, place.definition.idle_session_ttl_seconds)


def _key(params: Params) -> Key:
    return (params["botId"], params["botAliasId"], params["localeId"], params["sessionId"])


def _check_text(text: str) -> None:
    if not text.strip() or code_units(text) > MAX_TEXT_CHARACTERS:
        raise invalid(f"The text must have 1 to {MAX_TEXT_CHARACTERS} characters.")


def _sent_messages(params: Params) -> list[dict[str, Any]]:
    try:
        return check_messages(params.get("messages"))
    except InvalidMessages as exc:
        raise invalid(str(exc)) from exc


def _take_put_action(dialog: Dialog, sent: list[dict[str, Any]]) -> None:
    session, intent = dialog.session, dialog.intent
    action = session.dialog_action or {}
    slot = intent.slot(action.get("slotToElicit", "")) if intent else None
    if action.get("type") == "Delegate" and intent:
        session.dialog_action = None
        if dialog.state["state"] == "ReadyForFulfillment":
            dialog.fulfil(intent)
        else:
            dialog.after(intent.initial_hook)
    elif sent:
        dialog.messages += sent
    elif action.get("type") == "ElicitSlot" and slot:
        dialog.say(slot.prompt.groups)
    elif action.get("type") == "ConfirmIntent" and intent and intent.confirmation:
        dialog.say(intent.confirmation.prompt.groups)


def _text_response(params: Params, dialog: Dialog) -> Params:
    session = copy.deepcopy(dialog.session)
    messages = {"messages": session.messages} if session.messages else {}
    return {
        **messages,
        "sessionState": session_state(session),
        "interpretations": response_interpretations(session),
        "requestAttributes": dialog.request_attributes or {},
        "sessionId": params["sessionId"],
    }


def _put_response(params: Params, dialog: Dialog) -> Params:
    session = dialog.session
    messages = {"messages": packed(session.messages)} if session.messages else {}
    return {
        "contentType": params.get("responseContentType") or TEXT,
        **messages,
        "sessionState": packed(session_state(session)),
        "requestAttributes": packed(dialog.request_attributes or {}),
        "sessionId": params["sessionId"],
        # There is no voice here: a client that asks for audio gets an empty stream.
        "audioStream": b"",
    }


def _no_session(params: Params) -> Exception:
    return not_found(
        "ResourceNotFoundException", f"The session {params['sessionId']} does not exist."
    )
