"""CloudWatch's operations on alarms."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sandbox.aws_api import Operation, Params
from sandbox.cloudwatch.alarm import Alarm, check
from sandbox.cloudwatch.alarm_book import AlarmBook, state_reason_data
from sandbox.cloudwatch.alarm_evaluation import Verdict
from sandbox.cloudwatch.metric_operations import invalid, seconds
from sandbox.cloudwatch.queries import metric_of

_PAGE = 100


class AlarmOperations:
    """Over one book; `clock` gives epoch seconds."""

    def __init__(self, book: AlarmBook, clock: Callable[[], float] = time.time) -> None:
        self._book, self._clock = book, clock
        self.operations: dict[str, Operation] = {
            "PutMetricAlarm": self.put_metric_alarm,
            "DescribeAlarms": self.describe_alarms,
            "DescribeAlarmsForMetric": self.describe_alarms_for_metric,
            "DescribeAlarmHistory": self.describe_alarm_history,
            "DeleteAlarms": self.delete_alarms,
            "SetAlarmState": self.set_alarm_state,
            "EnableAlarmActions": lambda params: self._switch(params, True),
            "DisableAlarmActions": lambda params: self._switch(params, False),
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    def put_metric_alarm(self, params: Params) -> Params:
        """Tags are taken when it is made, and passed over when it is changed, as on AWS."""
        definition = {name: value for name, value in params.items() if name != "Tags"}
        check(definition)
        tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
        self._book.put(definition, tags)
        return {}

    def describe_alarms(self, params: Params) -> Params:
        if params.get("AlarmTypes") and "MetricAlarm" not in params["AlarmTypes"]:
            return {"MetricAlarms": [], "CompositeAlarms": []}
        with self._book.lock:
            found = [one.described() for one in self._book.all() if _is_asked_for(one, params)]
        page, more = _page(found, params, _PAGE)
        return {"MetricAlarms": page, "CompositeAlarms": [], **more}

    def describe_alarms_for_metric(self, params: Params) -> Params:
        wanted = metric_of(params)
        with self._book.lock:
            alarms = [one for one in self._book.all() if "MetricName" in one.definition]
            found = [one.described() for one in alarms if metric_of(one.definition) == wanted]
        return {"MetricAlarms": found}

    def describe_alarm_history(self, params: Params) -> Params:
        """Newest first, unless it is asked otherwise."""
        name = params.get("AlarmName")
        with self._book.lock:
            alarms = [one for one in self._book.all() if name in (None, one.name)]
            items = [dict(item) for one in alarms for item in one.history]
        items = [item for item in items if _is_within(item, params)]
        ascending = params.get("ScanBy") == "TimestampAscending"
        items.sort(key=lambda item: item["Timestamp"], reverse=not ascending)
        page, more = _page(items, params, _PAGE)
        return {"AlarmHistoryItems": page, **more}

    def delete_alarms(self, params: Params) -> Params:
        """What does not exist is passed over."""
        for name in params["AlarmNames"]:
            self._book.delete(name)
        return {}

    def set_alarm_state(self, params: Params) -> Params:
        """For a moment: the next look at the alarm puts it where its values say."""
        alarm = self._book.get(params["AlarmName"])
        data = state_reason_data(params.get("StateReasonData"))
        verdict = Verdict(params["StateValue"], params["StateReason"], data)
        if verdict.state != alarm.state:
            self._book.change(alarm, verdict, self._clock())
        return {}

    def _switch(self, params: Params, enabled: bool) -> Params:
        for name in params["AlarmNames"]:
            alarm = self._book.get(name)
            with self._book.lock:
                alarm.definition = {**alarm.definition, "ActionsEnabled": enabled}
        return {}

    def tag_resource(self, params: Params) -> Params:
        alarm = self._by_arn(params)
        alarm.tags |= {tag["Key"]: tag["Value"] for tag in params["Tags"]}
        return {}

    def untag_resource(self, params: Params) -> Params:
        alarm = self._by_arn(params)
        for key in params["TagKeys"]:
            alarm.tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, params: Params) -> Params:
        tags = self._by_arn(params).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _by_arn(self, params: Params) -> Alarm:
        return self._book.get(params["ResourceARN"].partition(":alarm:")[2])


_ACTION_LISTS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def _is_asked_for(alarm: Alarm, params: Params) -> bool:
    actions = [one for name in _ACTION_LISTS for one in alarm.definition.get(name) or ()]
    prefix = params.get("ActionPrefix")
    return (
        alarm.name in params.get("AlarmNames", [alarm.name])
        and alarm.name.startswith(params.get("AlarmNamePrefix", ""))
        and alarm.state == params.get("StateValue", alarm.state)
        and (prefix is None or any(action.startswith(prefix) for action in actions))
    )


def _is_within(item: Params, params: Params) -> bool:
    at = seconds(item["Timestamp"])
    return (
        item["HistoryItemType"] == params.get("HistoryItemType", item["HistoryItemType"])
        and at >= seconds(params.get("StartDate", 0))
        and ("EndDate" not in params or at < seconds(params["EndDate"]))
    )


def _page(items: list[Any], params: Params, most: int) -> tuple[list[Any], Params]:
    token = params.get("NextToken") or "0"
    if not token.isdecimal():
        raise invalid("NextToken is not valid.")
    start = int(token)
    end = start + int(params.get("MaxRecords") or most)
    return items[start:end], ({"NextToken": str(end)} if end < len(items) else {})
