"""The AWS account and region this code runs in, for the ARNs that contain them.

Lambda tells them with every invocation, so no deployment has to be configured with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import translated


class Account:
    """Learned from the function's own ARN; asked of STS where there is none (`chalice local`)."""

    def __init__(self, sts: Callable[[], Any]) -> None:
        self._sts = sts
        self._region = self._id = ""

    def learn(self, function_arn: str) -> None:
        """Take region and account from `arn:aws:lambda:<region>:<account>:function:...`."""
        parts = function_arn.split(":")
        if len(parts) > 4 and parts[3] and parts[4]:
            self._region, self._id = parts[3], parts[4]

    def arn(self, service: str, resource: str) -> str:
        """`arn:aws:<service>:<region>:<account>:<resource>`; DependencyError if STS fails."""
        if not self._id:
            self._ask()
        return f"arn:aws:{service}:{self._region}:{self._id}:{resource}"

    def _ask(self) -> None:
        try:
            client = self._sts()
            self._id = client.get_caller_identity()["Account"]
        except (ClientError, BotoCoreError) as exc:
            raise translated("sts", exc) from exc
        self._region = client.meta.region_name
