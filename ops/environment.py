"""The functions' environment variables: names follow from the stage, the rest is the team's."""

from __future__ import annotations

import json
from typing import Any

from ops.stack_outputs import noted
from ops.stages import (
    ANSWER_FRESH_SECONDS,
    ANSWER_STALE_SECONDS,
    ERASE_LEAD,
    GENERATE_ANSWER,
    GENERATE_SCENARIO,
    INVOKE_CALL,
    LIVE,
    MODEL_ROUTES,
    MODEL_TABLE,
    STAGE_SIZES,
    UPDATE_LEAD,
    WARMING_AT_ONCE,
    WARMING_MODEL_CALLS,
    function_name,
    lead_workflow,
    secret,
    table,
    team_topic,
)
from ops.team import Team, team


def environment(stage: str) -> dict[str, str]:
    """Every variable that the app's Settings reads on `stage`."""
    variables = {
        "ATLAS_STAGE": stage,
        "RESPONSE_CACHE_TABLE": table(stage, "response-cache"),
        "LEADS_TABLE": table(stage, "leads"),
        "SCENARIO_CACHE_TABLE": table(stage, "scenario-cache"),
        "CALL_LIMITS_TABLE": table(stage, "call-limits"),
        "PENDING_WORK_TABLE": table(stage, "pending-work"),
        "CONTACTS_TABLE": table(stage, "contacts"),
        "DELETIONS_TABLE": table(stage, "deletions"),
        "GENERATE_ANSWER_FUNCTION": _live(stage, GENERATE_ANSWER),
        "GENERATE_SCENARIO_FUNCTION": _live(stage, GENERATE_SCENARIO),
        "INVOKE_CALL_FUNCTION": _live(stage, INVOKE_CALL),
        "UPDATE_LEAD_FUNCTION": _live(stage, UPDATE_LEAD),
        "ERASE_LEAD_FUNCTION": _live(stage, ERASE_LEAD),
        "LEAD_WORKFLOW": lead_workflow(stage),
        "TEAM_TOPIC": team_topic(stage),
        "SALESFORCE_SECRET": secret(stage, "salesforce"),
        "PHONE_HASH_SECRET": secret(stage, "phone-hash"),
        "SALESFORCE_API_VERSION": "62.0",
        "MODEL_ROUTES": _compact(MODEL_ROUTES),
        "MODEL_TABLE": _compact(MODEL_TABLE),
        "LOG_LEVEL": "INFO",
        "TURN_DEADLINE_MS": str(STAGE_SIZES[stage].turn_deadline_ms),
        "PHONE_DEADLINE_MS": str(STAGE_SIZES[stage].phone_deadline_ms),
        "HEDGE_PERCENT": str(STAGE_SIZES[stage].hedge_percent),
        "HEDGE_AFTER_MS": "280",
        "STALL_MS": "150",
        "CONSENT_DEADLINE_MS": str(STAGE_SIZES[stage].consent_deadline_ms),
        "ANSWER_FRESH_SECONDS": str(ANSWER_FRESH_SECONDS),
        "ANSWER_STALE_SECONDS": str(ANSWER_STALE_SECONDS),
        "WARMING_MODEL_CALLS": str(WARMING_MODEL_CALLS),
        "WARMING_AT_ONCE": str(WARMING_AT_ONCE),
    }
    local = {"ATLAS_LOCAL_HTTP": "1"} if stage == "local" else {}
    return variables | _of_the_team(stage, team(stage)) | local


def _live(stage: str, function: str) -> str:
    return f"{function_name(stage, function)}:{LIVE}"


def _of_the_team(stage: str, team: Team) -> dict[str, str]:
    return {
        "CONNECT_INSTANCE_ID": team.connect_instance_id,
        "CONNECT_CONTACT_FLOW_ID": _contact_flow(stage, team),
        "CONNECT_SOURCE_PHONE_NUMBER": team.connect_source_phone_number,
        "ALLOWED_COUNTRIES": ",".join(team.allowed_countries),
        "DEFAULT_COUNTRY": team.default_country,
        "CALLS_PER_NUMBER_PER_DAY": str(team.calls_per_number_per_day),
        "CALLS_PER_HOUR": str(team.calls_per_hour),
        "QUIET_HOURS": team.quiet_hours,
        "RING_SECONDS": str(team.ring_seconds),
        "RECORDING_WAIT_SECONDS": str(team.recording_wait_seconds),
        "RECORDING_KEY_PATTERN": team.recording_key_pattern,
        "SALESFORCE_EXTERNAL_ID_FIELD": team.salesforce_external_id_field,
        "SALESFORCE_LEAD_DEFAULTS": _compact(team.lead_defaults),
    }


def _contact_flow(stage: str, team: Team) -> str:
    """The team's own flow, or else the one that the stack made; none without an instance."""
    if not team.connect_instance_id:
        return ""
    return team.connect_contact_flow_id or noted(stage).get("connect_contact_flow_id", "")


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
