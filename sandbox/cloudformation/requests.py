"""From a request's members to what a stack is to be; refuses what CloudFormation refuses."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import unquote, urlsplit

from sandbox.aws_api import ApiError, Params
from sandbox.cloudformation import parameters
from sandbox.cloudformation.kinds import ClientOf
from sandbox.cloudformation.records import Stack, Target
from sandbox.cloudformation.template import (
    MOST_BYTES,
    MOST_BYTES_IN_S3,
    Template,
    invalid,
    read,
)

_NOT_PLAYED = {
    *("ResourceTypes", "RollbackConfiguration", "StackPolicyBody", "StackPolicyURL"),
    *("StackPolicyDuringUpdateBody", "StackPolicyDuringUpdateURL", "ResourcesToImport"),
    *("ImportExistingResources", "IncludeNestedStacks"),
}
_NAMED = "CAPABILITY_NAMED_IAM"


class Reader:
    """Reads templates and targets for one set of known resource types."""

    def __init__(self, known_types: Collection[str], client_of: ClientOf) -> None:
        self._known_types, self._client_of = known_types, client_of

    def template(self, params: Params, stack: Stack | None = None) -> Template:
        """Of the request, or the stack's own where it says so."""
        given = [name for name in ("TemplateBody", "TemplateURL") if params.get(name)]
        if params.get("UsePreviousTemplate") and stack and stack.target and not given:
            return stack.target.template
        if len(given) != 1:
            raise invalid("Either Template URL or Template Body must be specified.")
        if "TemplateURL" in given:
            return read(self._fetched(params["TemplateURL"]), self._known_types)
        body = params["TemplateBody"]
        if (size := len(body.encode())) > MOST_BYTES:
            raise invalid(
                "1 validation error detected: Value at 'templateBody' failed to satisfy "
                f"constraint: Member must have length less than or equal to {MOST_BYTES} ({size})"
            )
        return read(body, self._known_types)

    def _fetched(self, url: str) -> str:
        """A template in S3, by the path style: `https://<host>/<bucket>/<key>`."""
        bucket, _, key = unquote(urlsplit(url).path).lstrip("/").partition("/")
        try:
            body = self._client_of("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        except Exception as exc:
            raise invalid(f"S3 error: {exc}") from exc
        if len(body) > MOST_BYTES_IN_S3:
            raise invalid(f"Template may not exceed {MOST_BYTES_IN_S3} bytes in size.")
        return str(body.decode())

    def target(self, params: Params, stack: Stack | None) -> Target:
        """What the request asks for; what it leaves out of an existing stack stays."""
        if not_played := sorted(_NOT_PLAYED & {n for n, v in params.items() if v}):
            raise invalid(f"The sandbox does not play {', '.join(not_played)}")
        template = self.template(params, stack)
        was = stack.target if stack else None
        values = parameters.values(
            template.declared, params.get("Parameters", []), was.values if was else None
        )
        capabilities = tuple(params.get("Capabilities", ()))
        _check_capabilities(template, capabilities)
        tags = was.tags if was else ()
        if "Tags" in params:
            tags = tuple((each["Key"], each["Value"]) for each in params["Tags"])
        arns = params.get("NotificationARNs", was.notification_arns if was else ())
        role = params.get("RoleARN", was.role_arn if was else None)
        return Target(template, values, tags, capabilities, tuple(arns), role)


def _check_capabilities(template: Template, acknowledged: Collection[str]) -> None:
    for needed in template.capabilities():
        if needed not in acknowledged and _NAMED not in acknowledged:
            message = f"Requires capabilities : [{needed}]"
            raise ApiError("InsufficientCapabilitiesException", message)
