"""What a file of words must hold: its sections, their texts, and what a text leaves room for."""

from __future__ import annotations

from collections.abc import Mapping

NAMES = ("company", "assistant", "contact")
LANGUAGE = "language"
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "persona": ("chat", "phone"),
    "grounding": ("greeting", "technology", "demo"),
    "knowledge": ("text",),
    "scenario": ("opening", "opening_asked", "asked", "notes", "floors"),
    "vocabulary": ("common",),
    "texts": (
        "help",
        "goodbye",
        "ask_name",
        "ask_number",
        "consent",
        "consent_unclear",
        "booked",
        "booked_later",
        "booked_by_day",
        "booking_over",
        "refused_number",
        "refused_hour",
        "denied",
        "declined",
        "no_clear_answer",
        "too_many_tries",
        "not_offered",
        "not_recorded",
        "unconfirmed",
        "demo_on_phone",
        "callback_arranged",
        "callback_already",
        "callback_offer",
        "callback_unknown_caller",
        "callback_not_recorded",
        "callback_unconfirmed",
        "ask_number_to_stop",
        "stopped",
        "stopped_on_phone",
        "stop_declined",
        "stop_failed",
        "stop_too_many_tries",
        "delete_ask_number",
        "delete_ask_name",
        "delete_number_again",
        "delete_name_again",
        "delete_confirm",
        "delete_requested",
        "delete_kept",
        "delete_too_many_tries",
        "delete_too_many_requests",
        "delete_not_recorded",
        "apology",
        "not_understood",
    ),
    "name_problems": (
        "missing",
        "question",
        "number",
        "address",
        "too_long",
        "not_a_name",
    ),
    "number_problems": (
        "missing",
        "question",
        "not_a_number",
        "too_short",
        "too_long",
        "unknown_country_code",
        "not_valid",
        "several",
        "extension",
        "letters",
        "premium_rate",
        "service_number",
        "country_not_allowed",
    ),
    "formats": ("time",),
    "rating": ("question", "helpful_button", "helpful", "unhelpful_button", "unhelpful", "thanks"),
}
OPTIONAL_SECTIONS = frozenset(("rating",))
"""What a team may leave out as a whole."""
BUTTON_TEXTS = frozenset(("helpful_button", "helpful", "unhelpful_button", "unhelpful"))
CARD_CHARACTERS = 250
BUTTON_CHARACTERS = 50
"""A card's longest title, a button's longest text and value (Lex V2's API, Button)."""
PLACES_BY_TEXT: Mapping[str, tuple[str, ...]] = {
    "consent": ("number",),
    "booked": ("number",),
    "booked_later": ("number", "time"),
    "booked_by_day": ("number",),
    "refused_number": ("number",),
    "stopped": ("number",),
    "delete_confirm": ("number",),
}
"""What a text must say beside its words; `Content.said` fills it in."""
SAID_SECTIONS = ("texts", "name_problems", "number_problems")
PLACES_BY_SECTION: Mapping[str, tuple[str, ...]] = {"scenario": ("visitor", "asked")}
"""What else the texts of a section leave room for, filled in when they are used."""
