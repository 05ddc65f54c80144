"""The corrections of moto 5.2.5 that have to sit inside it; each has a contract test.

- `LambdaFunction._invoke_lambda`: invokes from within moto run in the sandbox's environments.
- `LambdaStorage.publish_version`: an unchanged function gets no new version, a version shares
  nothing with `$LATEST`, and a number is never used twice.
- `LambdaFunction.update_configuration`: takes the settings that moto ignores on an update.
- `LambdaBackend.create_function` (and the update) refuses variables that Lambda reserves.
- `LambdaResponse.setup_class`, `.json_body` and `_zipfile_content` leave a large zip out of all
  that moto does with a request's text; `LambdaFunction._set_function_code` has it unpacked.
- `Permission.create_from_cloudformation_json`: the grant goes where the API's grants are.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from moto.awslambda import models, responses
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.policy import Policy
from moto.core.utils import iso_8601_datetime_with_nanoseconds

from sandbox.aws_api import ApiError, Params
from sandbox.lambda_service import uploads
from sandbox.lambda_service.functions import Code
from sandbox.lambda_service.process_env import RESERVED


class _Service(Protocol):
    def invoke_for_moto(self, function: str, payload: bytes) -> tuple[str, bool, str]: ...
    def grant(self, params: Params) -> None: ...
    def prepare(self, code: Code) -> None: ...


_services: dict[tuple[str, str], _Service] = {}

_original_invoke_lambda = models.LambdaFunction._invoke_lambda
_original_update = models.LambdaFunction.update_configuration
_original_create = models.LambdaBackend.create_function
_original_set_code = models.LambdaFunction._set_function_code
_original_zip_content = models._zipfile_content
_original_setup = responses.LambdaResponse.setup_class
_original_permission = models.Permission.create_from_cloudformation_json.__func__


def connect(account: str, region: str, service: _Service) -> None:
    """Route moto's own invokes for that account and region to the service."""
    models.LambdaFunction._invoke_lambda = _invoke_lambda
    models.LambdaStorage.publish_version = _publish_version
    models.LambdaFunction.update_configuration = _update_configuration
    models.LambdaBackend.create_function = _create_function
    models.Permission.create_from_cloudformation_json = classmethod(_create_permission)
    models.LambdaFunction._set_function_code = _set_function_code
    models._zipfile_content = _zip_content
    responses.LambdaResponse.setup_class = _setup_class
    responses.LambdaResponse.json_body = property(_json_body)
    _services[account, region] = service


def disconnect(account: str, region: str, service: _Service) -> None:
    """Stop routing, unless another service has taken over since."""
    if _services.get((account, region)) is service:
        del _services[account, region]


def _invoke_lambda(self: Any, event: Any = None) -> tuple[str, bool, str]:
    service = _services.get((self.account_id, self.region))
    if service is None:
        result: tuple[str, bool, str] = _original_invoke_lambda(self, event)
        return result
    payload = event if isinstance(event, str) else json.dumps(event)
    return service.invoke_for_moto(f"{self.function_name}:{self.version}", payload.encode())


def _publish_version(self: Any, name_or_arn: str, description: str = "") -> Any:
    function = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
    versions = self._functions[function.function_name]["versions"]
    if versions and _settings(versions[-1]) == _settings(function):
        return versions[-1]
    function.last_published = getattr(function, "last_published", 0) + 1
    published = _frozen(function)
    published.set_version(function.last_published)
    published.description = description or function.description
    versions.append(published)
    self._arns[published.function_arn] = published
    return published


def _settings(function: Any) -> dict[str, Any]:
    """What a version is made of: all of the configuration but its name, time and description."""
    outside = ("Version", "FunctionArn", "LastModified", "Description")
    configuration = function.get_configuration()
    return {name: value for name, value in configuration.items() if name not in outside}


def _frozen(function: Any) -> Any:
    published = copy.copy(function)
    for name in ("code", "environment_vars", "layers", "tracing_config", "_vpc_config"):
        setattr(published, name, copy.deepcopy(getattr(function, name)))
    published.policy = Policy(published)
    published.event_invoke_config = []
    return published


def _update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
    if self.version != "$LATEST":
        raise InvalidParameterValueException("A published version cannot be changed.")
    _refuse_reserved(config_updates)
    _original_update(self, config_updates)
    if "TracingConfig" in config_updates:
        self.tracing_config = config_updates["TracingConfig"]
    if "EphemeralStorage" in config_updates:
        self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
    if "KMSKeyArn" in config_updates:
        self.kms_key_arn = config_updates["KMSKeyArn"]
    self.last_modified = iso_8601_datetime_with_nanoseconds()
    configuration: dict[str, Any] = self.get_configuration()
    return configuration


def _create_function(self: Any, spec: dict[str, Any]) -> Any:
    _refuse_reserved(spec)
    return _original_create(self, spec)


def _refuse_reserved(spec: Mapping[str, Any]) -> None:
    variables = (spec.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(RESERVED.intersection(variables))
    if reserved:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )


def _set_function_code(self: Any, updated_spec: dict[str, Any]) -> None:
    _original_set_code(self, updated_spec)
    service = _services.get((self.account_id, self.region))
    content = getattr(self, "code_bytes", None)
    if service is not None and content:
        service.prepare(Code(self.code_sha_256, content))


def _zip_content(zipfile_content: str | bytes) -> uploads.Content:
    if isinstance(zipfile_content, uploads.Upload):
        return zipfile_content.package.content
    content: uploads.Content = _original_zip_content(zipfile_content)
    return content


def _setup_class(
    self: Any,
    request: Any,
    full_url: str | None = None,
    headers: Any = None,
    use_raw_body: bool | None = None,
) -> None:
    if use_raw_body is None and uploads.is_large(request.path, request.content_length or 0):
        # The body stays bytes, and nothing is sought in them.
        use_raw_body = True
    _original_setup(self, request, full_url, headers, use_raw_body)


def _json_body(self: Any) -> Any:
    if not isinstance(self.body, bytes):
        return json.loads(self.body)
    if not hasattr(self, "parsed_body"):
        self.parsed_body = uploads.parse(self.body, _original_zip_content)
    return self.parsed_body


def _create_permission(
    cls: Any,
    /,
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **kwargs: Any,
) -> Any:
    service = _services.get((account_id, region_name))
    if service is None:
        return _original_permission(
            cls, resource_name, cloudformation_json, account_id, region_name, **kwargs
        )
    sid = f"{resource_name}-{uuid.uuid4().hex[:12]}"
    try:
        service.grant({"StatementId": sid, **cloudformation_json["Properties"]})
    except ApiError as error:
        raise InvalidParameterValueException(error.message) from error
    return cls(region=region_name)
