"""Every error that Atlas raises on purpose, in one tree, so that a boundary can catch by meaning.

AtlasError
  ConfigError                    lists every missing or bad setting at once
  InvalidRequestError            carries .field; the person or client can fix it
  DependencyError                carries .dependency
    RetryableDependencyError     trying again later, or elsewhere, may help
      ThrottledError             the dependency is there but refuses more
    RejectedByDependencyError    the same request will be refused again
      ContentRefusedError        the model declines these words; another model may as well
  CallNotYetDueError             it is night where the phone is; the workflow tries again later
  StepFailedError                a fault of our own, told without what it happened to
"""

from __future__ import annotations

from collections.abc import Sequence


class AtlasError(Exception):
    """The root, never raised itself."""


class ConfigError(AtlasError):
    """`problems` holds one sentence for each setting that is missing or wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("configuration: " + "; ".join(self.problems))


class InvalidRequestError(AtlasError):
    """`field` names the part of the request that cannot be used, by its path in the event."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        super().__init__(f"{field}: {reason}")


class DependencyError(AtlasError):
    """`dependency` is the service's name as botocore spells it, `reason` its error code."""

    def __init__(self, dependency: str, reason: str) -> None:
        self.dependency = dependency
        self.reason = reason
        super().__init__(f"{dependency}: {reason}")


class RetryableDependencyError(DependencyError):
    """Time-outs, broken connections and 5xx answers."""


class ThrottledError(RetryableDependencyError):
    """The dependency's rate limit was met."""


class RejectedByDependencyError(DependencyError):
    """Access, validation and unknown names: the same request fails again."""


class ContentRefusedError(RejectedByDependencyError):
    """The model or its guardrail declined to answer."""


class CallNotYetDueError(AtlasError):
    """The number's quiet hours are not over."""


class StepFailedError(AtlasError):
    """An unexpected exception's type and place; its message may quote a person."""
