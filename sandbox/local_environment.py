"""The environment variables under which the sandbox and its children run: nobody's account."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

from sandbox.aws_api import REGION

ACCESS_KEY = "sandbox"
SECRET_KEY = "sandbox"  # noqa: S105 - a stand-in has no secrets

_KEPT = frozenset(
    """HOME LANG LOGNAME PATH SSL_CERT_DIR SSL_CERT_FILE SYSTEMROOT TEMP TMP TMPDIR USER VIRTUAL_ENV
    XDG_CACHE_HOME XDG_CONFIG_HOME""".split()  # noqa: SIM905 - one name per quote hides the list
)
_KEPT_PREFIXES = ("LC_", "PIP_")


def aws_variables(endpoint: str) -> dict[str, str]:
    """What makes any AWS client talk to the sandbox and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def child_environment(endpoint: str, outer: Mapping[str, str]) -> dict[str, str]:
    """For `chalice` and `ops`: nothing of the person's AWS set-up, but what pip needs.

    A proxy reaches pip alone: everything else of a child talks to 127.0.0.1.
    """
    kept = {n: v for n, v in outer.items() if n in _KEPT or n.startswith(_KEPT_PREFIXES)}
    proxy = outer.get("HTTPS_PROXY") or outer.get("https_proxy")
    if proxy:
        kept.setdefault("PIP_PROXY", proxy)
    # Bytecode names the folder it was compiled in, so it would change the zip's hash every time.
    return kept | aws_variables(endpoint) | {"PYTHONDONTWRITEBYTECODE": "1"}


def enter(endpoint: str, environ: MutableMapping[str, str]) -> None:
    """Put this process, whose moto makes calls of its own, into the same set-up."""
    for name in list(environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del environ[name]
    environ.update(aws_variables(endpoint))
    environ["MOTO_PORT"] = endpoint.rpartition(":")[2]
