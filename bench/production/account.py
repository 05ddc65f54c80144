"""The account of the show: an empty sandbox, and what stands in it as every service lists it."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.production.team import STAGE
from bench.site import Site
from ops.stages import LIVE, bot_name
from sandbox.aws_api import REGION
from sandbox.connect.names import INSTANCES
from sandbox.conversation.child import Address, own_bare_sandbox

LOCALE = "en_US"
Standing = dict[str, list[str]]

# Title, service, operation, its arguments, the member that lists, the name in each, if any.
_LISTS: tuple[tuple[str, str, str, dict[str, Any], str, str | None], ...] = (
    ("stacks", "cloudformation", "describe_stacks", {}, "Stacks", "StackName"),
    ("functions", "lambda", "list_functions", {}, "Functions", "FunctionName"),
    ("roles", "iam", "list_roles", {}, "Roles", "RoleName"),
    ("policies", "iam", "list_policies", {"Scope": "Local"}, "Policies", "PolicyName"),
    ("log groups", "logs", "describe_log_groups", {}, "logGroups", "logGroupName"),
    ("tables", "dynamodb", "list_tables", {}, "TableNames", None),
    ("backups", "dynamodb", "list_backups", {}, "BackupSummaries", "BackupName"),
    ("buckets", "s3", "list_buckets", {}, "Buckets", "Name"),
    (
        *("secrets", "secretsmanager", "list_secrets", {"IncludePlannedDeletion": True}),
        *("SecretList", "Name"),
    ),
    ("state machines", "stepfunctions", "list_state_machines", {}, "stateMachines", "name"),
    ("rules", "events", "list_rules", {}, "Rules", "Name"),
    ("alarms", "cloudwatch", "describe_alarms", {}, "MetricAlarms", "AlarmName"),
    ("dashboards", "cloudwatch", "list_dashboards", {}, "DashboardEntries", "DashboardName"),
    ("topics", "sns", "list_topics", {}, "Topics", "TopicArn"),
    ("subscriptions", "sns", "list_subscriptions", {}, "Subscriptions", "Endpoint"),
    ("queues", "sqs", "list_queues", {}, "QueueUrls", None),
    ("bots", "lexv2-models", "list_bots", {}, "botSummaries", "botName"),
    (
        *("scalable targets", "application-autoscaling", "describe_scalable_targets"),
        *({"ServiceNamespace": "lambda"}, "ScalableTargets", "ResourceId"),
    ),
    (
        *("scaling policies", "application-autoscaling", "describe_scaling_policies"),
        *({"ServiceNamespace": "lambda"}, "ScalingPolicies", "PolicyName"),
    ),
    (
        *("transcriptions", "transcribe", "list_transcription_jobs", {}),
        *("TranscriptionJobSummaries", "TranscriptionJobName"),
    ),
    ("key aliases", "kms", "list_aliases", {}, "Aliases", "AliasName"),
)
_CONNECT: tuple[tuple[str, str, dict[str, Any], str, str], ...] = (
    ("contact flows", "list_contact_flows", {}, "ContactFlowSummaryList", "Id"),
    ("Connect's bots", "list_bots", {"LexVersion": "V2"}, "LexBots", "LexV2Bot"),
    (
        *("places for recordings", "list_instance_storage_configs"),
        *({"ResourceType": "CALL_RECORDINGS"}, "StorageConfigs", "AssociationId"),
    ),
)
KEYS, GOING = "keys", "keys in PendingDeletion"


class Account:
    """The sandbox by its endpoint; `client` is of any service, `site` once there is a bot."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._site = Site(Address(endpoint, REGION, "", "", LOCALE), STAGE)
        with urllib.request.urlopen(f"{endpoint}/_sandbox/health", timeout=10) as answer:  # noqa: S310
            self.salesforce_file = Path(json.load(answer)["salesforce_secret_file"])

    def close(self) -> None:
        self._site.close()

    def client(self, service: str) -> Any:
        """A boto3 client, made once."""
        return self._site.client(service)

    def post(self, name: str, body: Any) -> Any:
        return self._site.post(name, body)

    def get(self, name: str) -> Any:
        return self._site.get(name)

    def site(self) -> Site:
        """The bot behind the alias that was released, as a visitor's page names it."""
        lex = self.client("lexv2-models")
        bots = lex.list_bots()["botSummaries"]
        bot_id = next(bot["botId"] for bot in bots if bot["botName"] == bot_name(STAGE))
        aliases = lex.list_bot_aliases(botId=bot_id)["botAliasSummaries"]
        alias_id = next(each["botAliasId"] for each in aliases if each["botAliasName"] == LIVE)
        return Site(Address(self.endpoint, REGION, bot_id, alias_id, LOCALE), STAGE)

    def standing(self) -> Standing:
        """The names of everything in the account, by kind; kinds without any are left out."""
        found = {title: self._listed(*how) for title, *how in _LISTS}
        for instance in INSTANCES:
            for title, operation, given, member, name in _CONNECT:
                arguments = {"InstanceId": instance.id, **given}
                listed = self._listed("connect", operation, arguments, member, name)
                found[f"{title} of {instance.alias}"] = listed
        found |= self._keys()
        return {title: names for title, names in found.items() if names}

    def _listed(self, *how: Any) -> list[str]:
        service, operation, arguments, member, name = how
        client = self.client(service)
        if client.can_paginate(operation):
            pages = list(client.get_paginator(operation).paginate(**arguments))
        else:
            pages = [getattr(client, operation)(**arguments)]
        items = [item for page in pages for item in page.get(member) or []]
        return sorted(str(item[name] if name else item) for item in items)

    def _keys(self) -> Standing:
        """All but AWS's own, which it makes for a service's first encrypted thing and keeps."""
        kms, found = self.client("kms"), Standing()
        aliases = kms.get_paginator("list_aliases").paginate().build_full_result()["Aliases"]
        own = {a.get("TargetKeyId") for a in aliases if a["AliasName"].startswith("alias/aws/")}
        for key in set(self._listed("kms", "list_keys", {}, "Keys", "KeyId")) - own:
            about = kms.describe_key(KeyId=key)["KeyMetadata"]
            title = GOING if about["KeyState"] == "PendingDeletion" else KEYS
            found.setdefault(title, []).append(key)
        return found


def added(before: Standing, after: Standing) -> Standing:
    """What stands now and did not before."""
    more = {
        title: sorted(set(names) - set(before.get(title, ()))) for title, names in after.items()
    }
    return {title: names for title, names in more.items() if names}


@contextlib.contextmanager
def own_account(tell: Callable[[str], None]) -> Iterator[Account]:
    """An empty account with the latencies `reported`, which ends with the `with`."""
    with (
        own_bare_sandbox(tell) as endpoint,
        contextlib.closing(Account(endpoint)) as account,
    ):
        account.post("profile", {"name": "reported", "scale": 1.0})
        yield account
