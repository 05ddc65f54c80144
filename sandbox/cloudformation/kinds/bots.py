"""Lex bots: their DRAFT is built from the properties, as `AutoBuildBotLocales` has it."""

from __future__ import annotations

from collections.abc import Mapping

from infra.bot_definition import BotDefinition, bot_definition
from sandbox.aws_api import ACCOUNT, REGION
from sandbox.cloudformation.kinds.part import Kind, Made, Part, names
from sandbox.lex.state import Bot, LexState

_PROPERTIES = (
    "Name Description RoleArn DataPrivacy IdleSessionTTLInSeconds AutoBuildBotLocales BotLocales "
    "TestBotAliasSettings"
)


def kinds(state: LexState) -> Mapping[str, Kind]:
    """The bots of one Lex; each is built at once."""

    def put(part: Part) -> Made:
        definition = _defined(part)
        return _made(state.put_bot(definition.name_template, definition))

    def delete(part: Part) -> None:
        state.delete_bot(part.physical_id)

    # Lex renames a bot in place. Here its id follows from its name, so a new name is a new bot.
    return {"AWS::Lex::Bot": Kind(put, delete, names(_PROPERTIES), names("Name"), put)}


def _defined(part: Part) -> BotDefinition:
    if not part.get("AutoBuildBotLocales"):
        raise ValueError("the sandbox builds every locale: set AutoBuildBotLocales")
    resource = {"Type": "AWS::Lex::Bot", "Properties": dict(part.properties)}
    return bot_definition({"Resources": {part.logical_id: resource}})


def _made(bot: Bot) -> Made:
    arn = f"arn:aws:lex:{REGION}:{ACCOUNT}:bot/{bot.bot_id}"
    return Made(f"bot {bot.name}", bot.bot_id, {"Id": bot.bot_id, "Arn": arn})
