"""Whether one answer is good: each check finds what is wrong with it, or nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from chalicelib.answer import Answer, Source
from chalicelib.content import SENTENCES_BY_CHANNEL, Content
from chalicelib.lex import Channel
from chalicelib.questions import words
from chalicelib.sentences import sentence_ends, utf16_length
from ops.evaluate_golden import Golden, GoldenSet, Patterns

_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})  # noqa: RUF001
_MARKDOWN = re.compile(r"\*\*|__|`|^\s*#{1,6}\s|\]\(|^\s*\|", re.MULTILINE)
_LIST = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+\S", re.MULTILINE)
_LINK = re.compile(r"https?://|\bwww\.|<[a-z/][^>]*>", re.IGNORECASE)
_SPELLED = re.compile(r"\S+@\S+|\b\w+\.(?:com|org|net|io|example)\b", re.IGNORECASE)
_SYNTAX = re.compile(r"\\[bs]|\(\?:|[()?\\]")
# The commonest words of each language, those that it shares with others too: enough to tell the
# language of a sentence. Of equals, the one that was wanted wins.
_COMMON_WORDS: Mapping[str, str] = {
    "English": (
        "the and of to is are you your that this with for from can have will not what our a an as "
        "at be by do i i'm if in it me my no on or so we"
    ),
    "German": "der die das und ist ein eine nicht ich sie wir mit von auf zu in den für kann wird",
    "French": "le les des de la et est une un vous nous dans pour que avec sur pas ne je votre on",
    "Spanish": "el la los las y es una un usted nosotros en para que con por su de puede como del",
    "Italian": "il la gli e è una un che per con non sono in della i nostro può di mi si come più",
    "Portuguese": "o a os as e é uma um você nós em para que com por não seu de pode como mais do",
    "Dutch": "de het een en in is niet ik u wij met van op voor kan zijn onze dat die te wordt",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is judged by."""

    golden: Golden
    channel: Channel
    golden_set: GoldenSet
    content: Content


def problems(answer: Answer, asked: Asked) -> dict[str, str]:
    """What is wrong, by check; "" where all is well. A missing answer is judged no further."""
    if missing := _not_answered(answer):
        return {"answered": missing}
    text = answer.text.translate(_STRAIGHT)
    return {"answered": "", **{name: check(answer, text, asked) for name, check in _CHECKS.items()}}


def _not_answered(answer: Answer) -> str:
    generated = answer.generated
    if answer.source in (Source.MODEL, Source.PARTIAL) and generated is not None:
        return ""
    if generated is None:
        return "no model was asked"
    return ": ".join(filter(None, (generated.stop_reason, *generated.errors[:1])))


def _incomplete(answer: Answer, text: str, asked: Asked) -> str:
    generated = answer.generated
    if generated is not None and not generated.is_whole:
        return f"the model was cut off ({generated.stop_reason})"
    ends = sentence_ends(text)
    return "" if ends and ends[-1] == len(text.rstrip()) else "does not end with a whole sentence"


def _missing_facts(answer: Answer, text: str, asked: Asked) -> str:
    missing = [fact for fact in asked.golden.facts if not _found(fact, text)]
    return "; ".join("says nothing of " + _spelled(fact) for fact in missing)


def _false_claims(answer: Answer, text: str, asked: Asked) -> str:
    claims = (*asked.golden.never, *asked.golden_set.phrases["never"])
    return _listed("claims", _found(claims, text))


def _too_long(answer: Answer, text: str, asked: Asked) -> str:
    """By what the model wrote: what a channel cuts off was waited and paid for all the same."""
    written = answer.generated.text.strip() if answer.generated else text
    sentences, allowed = _sentence_count(written), SENTENCES_BY_CHANNEL[asked.channel]
    if sentences > allowed:
        return f"{sentences} sentences where {allowed} may be"
    room = asked.golden_set.characters[asked.channel]
    length = utf16_length(text)
    return f"{length} characters where {room} may be" if length > room else ""


def _out_of_character(answer: Answer, text: str, asked: Asked) -> str:
    phrases = asked.golden_set.phrases
    forms = [("markdown", _MARKDOWN), ("a list", _LIST), ("a link", _LINK)]
    if asked.channel == "phone":
        forms.append(("what has to be spelled", _SPELLED))
    written = answer.generated.text.translate(_STRAIGHT) if answer.generated else text
    told = [
        _listed("says", _found((*phrases["person"], *phrases["prompt"]), written)),
        *(f"has {what}" for what, form in forms if form.search(written)),
    ]
    return "; ".join(filter(None, told))


def _other_language(answer: Answer, text: str, asked: Asked) -> str:
    language = asked.content.language
    if language not in _COMMON_WORDS:
        return ""
    said = words(text)
    found = {
        name: sum(word in common.split() for word in said) for name, common in _COMMON_WORDS.items()
    }
    likeliest = max(found, key=lambda name: (found[name], name == language))
    if likeliest != language:
        return f"is {likeliest} rather than {language}"
    letters = sum(c.isalpha() for c in text)
    is_foreign = letters and sum(c.isascii() and c.isalpha() for c in text) < letters / 2
    return f"is not written as {language} is" if is_foreign else ""


_Check = Callable[[Answer, str, Asked], str]
_CHECKS: Mapping[str, _Check] = {
    "complete": _incomplete,
    "facts": _missing_facts,
    "claims": _false_claims,
    "length": _too_long,
    "persona": _out_of_character,
    "language": _other_language,
}


def _found(patterns: Patterns, text: str) -> list[str]:
    return [match[0] for pattern in patterns if (match := pattern.search(text))]


def _spelled(fact: Patterns) -> str:
    """A fact's alternatives as words: readable rather than exact."""
    told = [_SYNTAX.sub("", pattern.pattern) for pattern in fact[:3]]
    return " or ".join([*told, *(["…"] if len(fact) > 3 else [])])


def _listed(verb: str, found: Iterable[str]) -> str:
    told = ", ".join(f'"{each}"' for each in found)
    return f"{verb} {told}" if told else ""


def _sentence_count(text: str) -> int:
    ends = sentence_ends(text)
    return len(ends) + bool(text[ends[-1] if ends else 0 :].strip())
