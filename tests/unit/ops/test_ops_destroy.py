"""`ops destroy`: who is asked, what goes in which order, and that nothing is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloudformation_fakes import StackWorld
from ops_fakes import FakeClient, client_error

from ops import destroy as destroying
from ops import destroy_data as data
from ops import destroy_parts as parts
from ops import stack_outputs
from ops.code import records_folder
from ops.destroy import destroy, inventory, require_consent, shown
from ops.destroy_parts import PARTS, Part
from ops.errors import RefusedError
from ops.team import TEAM_FILE


class Things:
    """Kinds of things as PARTS has them, in memory; `stuck` are those that stay."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {"function": ["f1", "f2"], "table": ["t1"], "key": []}
        self.removed: list[str] = []
        self.stuck: set[str] = set()

    def parts(self) -> tuple[Part, ...]:
        return tuple(self._part(title) for title in self.names)

    def _part(self, title: str) -> Part:
        def remove(_: Any, name: str) -> None:
            self.removed.append(name)
            if name not in self.stuck:
                self.names[title].remove(name)

        return Part(title, lambda _: list(self.names[title]), remove)


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> Things:
    things = Things()
    monkeypatch.setattr(destroying, "PARTS", things.parts())
    return things


def test_everything_goes_in_the_order_of_its_kinds(things: Things) -> None:
    world = StackWorld()
    destroy(world.context(), world.world.steps())
    assert things.removed == ["f1", "f2", "t1"]


def test_what_is_left_is_named_and_the_next_run_takes_it(things: Things) -> None:
    world = StackWorld()
    things.stuck = {"f2"}
    with pytest.raises(RefusedError, match=r"not everything is gone: function f2\. Run it again"):
        destroy(world.context(), world.world.steps())
    assert things.names["table"] == []
    things.stuck.clear()
    destroy(world.context(), world.world.steps())
    assert things.removed[-1] == "f2"


def test_the_inventory_is_shown_by_kind_and_long_lists_are_cut(things: Things) -> None:
    things.names["table"] = [f"t{n}" for n in range(33)]
    everything = inventory(StackWorld().context())
    assert list(everything) == ["function", "table"]
    lines = shown("prod", everything).splitlines()
    assert lines[0] == "atlas-prod has:"
    assert lines[2].endswith("t28, t29 and 3 more")
    assert shown("dev", {}) == "Nothing to do: there is nothing of atlas-dev."


@pytest.mark.parametrize(
    ("stage", "typed"),
    [("prod", "atlas-prod"), ("dev", "yes"), ("dev", "atlas-dev"), ("prod", " atlas-prod ")],
)
def test_consent_is_typed(stage: str, typed: str) -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return typed

    require_consent(stage, None, ask)
    assert len(asked) == 1


@pytest.mark.parametrize(("stage", "typed"), [("prod", "yes"), ("prod", ""), ("dev", "no")])
def test_any_other_answer_removes_nothing(stage: str, typed: str) -> None:
    with pytest.raises(RefusedError, match=f"that is not atlas-{stage}. Nothing was removed"):
        require_consent(stage, None, lambda _: typed)


def test_a_script_gives_the_name_and_is_never_asked() -> None:
    require_consent("prod", "atlas-prod", None)
    for given in ("atlas-dev", "yes", ""):
        with pytest.raises(RefusedError, match="that is not atlas-prod"):
            require_consent("prod", given, lambda _: pytest.fail("asked"))
    with pytest.raises(RefusedError, match="say --yes atlas-prod"):
        require_consent("prod", None, None)


def test_traffic_ends_before_what_runs_and_data_goes_last() -> None:
    order = [part.title for part in PARTS]
    for earlier, later in (
        ("scaling target", "function"),
        ("Lex alias", "stack bot"),
        ("stack bot", "function"),
        ("running workflow", "stack workflow"),
        ("function", "log group"),
        # While the alias still names it.
        ("key", "stack workflow"),
        ("stack tables", "table"),
        ("stack workflow", "bucket"),
        ("stack workflow", "secret"),
    ):
        assert order.index(earlier) < order.index(later), (earlier, later)


class Kms(FakeClient):
    service = "kms"
    keys: dict[str, str]

    def on_describe_key(self, KeyId: str) -> dict[str, Any]:
        if KeyId not in self.keys:
            raise client_error("NotFoundException", "DescribeKey")
        return {"KeyMetadata": {"KeyId": "k-1", "KeyState": self.keys[KeyId]}}

    def on_schedule_key_deletion(self, KeyId: str, PendingWindowInDays: int) -> dict[str, Any]:
        assert PendingWindowInDays >= 7, "as KMS refuses it"
        self.keys["alias/atlas-prod"] = "PendingDeletion"
        return {}


def test_the_key_is_scheduled_once_and_then_no_longer_found() -> None:
    world = StackWorld()
    kms = world.others["kms"] = Kms(world.world.timeline)
    kms.keys = {"alias/atlas-prod": "Enabled"}
    assert data.keys(world.context()) == ["k-1"]
    data.schedule_key(world.context(), "k-1")
    assert data.keys(world.context()) == []
    kms.keys = {}
    assert data.keys(world.context()) == []


class Dynamo(FakeClient):
    service = "dynamodb"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]], *names: str) -> None:
        super().__init__(timeline)
        self.tables = {name: {"protected": True, "recovery": True, "looks": 1} for name in names}

    def on_list_tables(self, ExclusiveStartTableName: str = "") -> dict[str, Any]:
        """One a page."""
        left = sorted(name for name in self.tables if name > ExclusiveStartTableName)
        more = {"LastEvaluatedTableName": left[0]} if len(left) > 1 else {}
        return {"TableNames": left[:1], **more}

    def on_describe_table(self, TableName: str) -> dict[str, Any]:
        table = self.tables.get(TableName)
        if table is None:
            raise client_error("ResourceNotFoundException", "DescribeTable")
        if "deleting" in table:
            table["looks"] -= 1
            if table["looks"] < 0:
                del self.tables[TableName]
        is_deleting = "deleting" in table
        status = "DELETING" if is_deleting else "UPDATING" if table.pop("busy", 0) else "ACTIVE"
        return {"Table": {"TableStatus": status, "DeletionProtectionEnabled": table["protected"]}}

    def on_update_table(self, TableName: str, DeletionProtectionEnabled: bool) -> dict[str, Any]:
        self.tables[TableName] |= {"protected": DeletionProtectionEnabled, "busy": 1}
        return {}

    def on_update_continuous_backups(
        self, TableName: str, PointInTimeRecoverySpecification: dict[str, bool]
    ) -> dict[str, Any]:
        recovery = PointInTimeRecoverySpecification["PointInTimeRecoveryEnabled"]
        self.tables[TableName]["recovery"] = recovery
        return {}

    def on_delete_table(self, TableName: str) -> dict[str, Any]:
        table = self.tables[TableName]
        assert not table["protected"], "as DynamoDB refuses it"
        assert "busy" not in table, "DynamoDB deletes no table that is being updated"
        assert not table["recovery"], "DynamoDB would keep a backup of it"
        table["deleting"] = True
        return {}


def test_a_protected_table_goes_without_leaving_a_backup_and_is_waited_for() -> None:
    world = StackWorld()
    dynamo = world.world.dynamodb = Dynamo(  # type: ignore[assignment]
        world.world.timeline, "atlas-dev-leads", "atlas-prod-contacts", "atlas-prod-leads", "b"
    )
    assert data.tables(world.context()) == ["atlas-prod-contacts", "atlas-prod-leads"]
    data.remove_table(world.context(), "atlas-prod-leads")
    assert set(dynamo.tables) == {"atlas-dev-leads", "atlas-prod-contacts", "b"}


class S3(FakeClient):
    service = "s3"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.objects = [{"Key": f"connect/{n}.wav", "VersionId": "null"} for n in range(2500)]
        self.uploads = [{"Key": "half", "UploadId": "u1"}]
        self.buckets = ["atlas-dev-recordings-1", "atlas-prod-recordings-1", "other"]
        self.errors: list[dict[str, str]] = []

    def on_list_buckets(self) -> dict[str, Any]:
        return {"Buckets": [{"Name": name} for name in self.buckets]}

    def on_list_object_versions(self, Bucket: str, MaxKeys: int) -> dict[str, Any]:
        return {"Versions": self.objects[:MaxKeys]}

    def on_delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        if self.errors:
            return {"Errors": self.errors}
        gone = {item["Key"] for item in Delete["Objects"]}
        self.objects = [item for item in self.objects if item["Key"] not in gone]
        return {}

    def on_list_multipart_uploads(self, Bucket: str) -> dict[str, Any]:
        return {"Uploads": list(self.uploads)}

    def on_abort_multipart_upload(self, Bucket: str, Key: str, UploadId: str) -> dict[str, Any]:
        self.uploads.clear()
        return {}

    def on_delete_bucket(self, Bucket: str) -> dict[str, Any]:
        assert not self.objects, "as S3 refuses it"
        self.buckets.remove(Bucket)
        return {}


def test_a_bucket_of_thousands_is_emptied_and_deleted_and_no_other_is_touched() -> None:
    world = StackWorld()
    s3 = world.others["s3"] = S3(world.world.timeline)
    assert data.buckets(world.context()) == ["atlas-prod-recordings-1"]
    data.remove_bucket(world.context(), "atlas-prod-recordings-1")
    assert s3.buckets == ["atlas-dev-recordings-1", "other"]
    assert s3.uploads == []


def test_an_object_that_cannot_be_deleted_ends_it_instead_of_going_round() -> None:
    from botocore.exceptions import ClientError

    world = StackWorld()
    s3 = world.others["s3"] = S3(world.world.timeline)
    s3.errors = [{"Key": "connect/0.wav", "Code": "AccessDenied", "Message": "no"}]
    with pytest.raises(ClientError, match="AccessDenied"):
        data.remove_bucket(world.context(), "atlas-prod-recordings-1")


class Scaling(FakeClient):
    service = "application-autoscaling"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.targets = [f"function:atlas-{s}-lex_fulfillment:3" for s in ("dev", "prod")]

    def on_describe_scalable_targets(self, ServiceNamespace: str) -> dict[str, Any]:
        return {"ScalableTargets": [{"ResourceId": target} for target in self.targets]}

    def on_deregister_scalable_target(self, ResourceId: str, **_: str) -> dict[str, Any]:
        self.targets.remove(ResourceId)
        return {}


def test_only_the_stages_own_scaling_ends() -> None:
    world = StackWorld()
    scaling = world.others["application-autoscaling"] = Scaling(world.world.timeline)
    part = next(part for part in PARTS if part.title == "scaling target")
    for name in part.found(world.context()):
        part.remove(world.context(), name)
    assert scaling.targets == ["function:atlas-dev-lex_fulfillment:3"]


class Iam(FakeClient):
    service = "iam"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.roles = {"atlas-prod-create_lead": ["own", "second"], "atlas-prod-of-somebody": []}
        self.attached = [{"PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/AWSX-Ray"}]

    def on_get_role(self, RoleName: str) -> dict[str, Any]:
        if RoleName not in self.roles:
            raise client_error("NoSuchEntity", "GetRole")
        return {"Role": {}}

    def on_list_role_policies(self, RoleName: str) -> dict[str, Any]:
        return {"PolicyNames": list(self.roles[RoleName])}

    def on_delete_role_policy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:
        self.roles[RoleName].remove(PolicyName)
        return {}

    def on_list_attached_role_policies(self, RoleName: str) -> dict[str, Any]:
        return {"AttachedPolicies": list(self.attached)}

    def on_detach_role_policy(self, RoleName: str, PolicyArn: str) -> dict[str, Any]:
        self.attached.clear()
        return {}

    def on_delete_role(self, RoleName: str) -> dict[str, Any]:
        assert not self.roles[RoleName], "as IAM refuses it"
        assert not self.attached, "as IAM refuses it"
        del self.roles[RoleName]
        return {}


def test_a_functions_role_goes_with_its_policies_and_no_other_role_does() -> None:
    world = StackWorld()
    iam = world.others["iam"] = Iam(world.world.timeline)
    part = next(part for part in PARTS if part.title == "role")
    assert part.found(world.context()) == ["atlas-prod-create_lead"]
    part.remove(world.context(), "atlas-prod-create_lead")
    assert list(iam.roles) == ["atlas-prod-of-somebody"]


def test_the_bots_own_test_alias_is_left_to_the_bot() -> None:
    world = StackWorld()
    lex = world.world.lex
    lex.aliases = {
        name: {"botAliasId": name, "botAliasName": name} for name in ("TSTALIASID", "LIVE000001")
    }
    part = next(part for part in PARTS if part.title == "Lex alias")
    assert part.found(world.context()) == ["BOT0000001/LIVE000001"]
    lex.bots.clear()
    assert part.found(world.context()) == []


def test_notes_on_this_machine_are_those_of_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = tmp_path / "team.toml"
    team.write_text(TEAM_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("ATLAS_TEAM_FILE", str(team))
    ctx = StackWorld().context()
    assert data.notes(ctx) == []
    records_folder().mkdir()
    for stage in ("dev", "prod"):
        (records_folder() / f"{stage}.json").write_text("{}", encoding="utf-8")
        stack_outputs.note(stage, {"connect_contact_flow_id": stage})
    for path in data.notes(ctx):
        data.remove_note(ctx, path)
    assert data.notes(ctx) == []
    assert json.loads(stack_outputs.outputs_file().read_text(encoding="utf-8")).keys() == {"dev"}
    assert (records_folder() / "dev.json").exists()


def test_functions_of_another_stage_stay() -> None:
    world = StackWorld()
    lambda_ = world.world.lambda_
    lambda_.on_list_functions = lambda: {  # type: ignore[attr-defined]
        "Functions": [{"FunctionName": f"atlas-{s}-keep_warm"} for s in ("dev", "prod")]
    }
    part = next(part for part in PARTS if part.title == "function")
    assert part.found(world.context()) == ["atlas-prod-keep_warm"]


def test_every_part_can_tell_what_it_did() -> None:
    assert {part.done for part in parts.PARTS} == {"removed", f"gone in {data.KEY_DAYS} days:"}
