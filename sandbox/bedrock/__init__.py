"""A stand-in for Bedrock's Converse: text from the prompt, tokens at a model's pace."""

from sandbox.bedrock.service import BedrockRuntime

__all__ = ["BedrockRuntime"]
