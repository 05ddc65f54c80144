"""Amazon Lex V2 as the product meets it: the model calls of a release, and the runtime."""

from sandbox.lex.models_service import LexModels
from sandbox.lex.runtime_service import LexRuntime
from sandbox.lex.state import LexState, deploy_bot

__all__ = ["LexModels", "LexRuntime", "LexState", "deploy_bot"]
