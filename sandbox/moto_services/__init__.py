"""What moto's own services lack: Step Functions, S3 events, rules, schedules, atomic writes, SNS.

Everything here is written for moto 5.2.5; each repair has a contract test beside its behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.aws_api import ACCOUNT, REGION, LambdaInvoker

if TYPE_CHECKING:
    from sandbox.control import Handler


class MotoServices:
    """All of them together, over one Lambda service; `handlers` are for the control API."""

    def __init__(self, functions: LambdaInvoker) -> None:
        from sandbox.moto_services import (
            dynamodb_writes,
            event_rules,
            handlers,
            s3_events,
            s3_policy,
        )
        from sandbox.moto_services import step_functions as states
        from sandbox.moto_services.notifications import Notifications
        from sandbox.moto_services.schedules import Schedules

        self._functions = functions
        self.schedules = Schedules(ACCOUNT, REGION)
        self.notifications = Notifications()
        self.handlers: Mapping[str, Mapping[str, Handler]] = handlers.mount(
            self.schedules, self.notifications
        )
        states.connect()
        event_rules.connect(ACCOUNT, REGION, functions)
        s3_events.install()
        s3_policy.install()
        dynamodb_writes.install()
        self.notifications.install()

    def close(self) -> None:
        """End the thread and the connections, and leave moto's rules and topics to moto."""
        from sandbox.moto_services import event_rules, notifications, step_functions

        self.schedules.close()
        event_rules.disconnect(ACCOUNT, REGION, self._functions)
        notifications.uninstall()
        step_functions.disconnect()
