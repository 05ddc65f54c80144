"""The command line `python -m ops <verb>`: arguments in, prints and exit codes out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoRegionError,
)

from infra.bot_definition import BotDefinitionError
from ops import evaluate, stage_files, team_verbs, wheels
from ops.audit.verb import AUDIT, add_audit
from ops.build import BY_CHALICE_ARCHITECTURE
from ops.capacity.verb import CAPACITY, add_capacity
from ops.cost import COST, add_cost
from ops.deploy import DEPLOY, add_deploy
from ops.destroy import DESTROY, add_destroy
from ops.errors import OpsError
from ops.logs import LOGS, add_logs
from ops.package import package
from ops.preflight.verb import PREFLIGHT, add_preflight
from ops.release_verb import RELEASE, ROLLBACK, add_release, add_rollback
from ops.stages import STAGES
from ops.status import STATUS, add_status
from ops.trace.verb import TRACE, add_trace
from ops.warm import WARM, add_warm
from ops.watch.verb import WATCH, add_watch

_EXIT_CODES = """
exit codes: 0 done, or nothing to do; 1 a check refused; 2 wrong usage; 3 AWS or the sandbox did
not answer or did not permit; 130 interrupted. One line on stderr says what to do."""

_GENERATE = """
Write the files that follow from ops/stages.py and infra/lex_bot.yaml: config.json and one IAM
policy per stage and function under atlas/.chalice/, atlas/chalicelib/bot_utterances.json, and from
the phonenumbers package atlas/chalicelib/phone_table.json."""

_PACKAGE = """
Build the slim deployment package that `python -m ops deploy --stage <stage>` uploads, from scratch,
and refuse when a pin of atlas/requirements.txt has no wheel for the running Python on Lambda. The
same commit gives the same bytes. Prints its size and what dominates it."""

_WHEELS = """
Ask pip, for each Lambda runtime (Python 3.11 to 3.13) on both architectures, whether every pin of
atlas/requirements.txt has a wheel that runs there, and whether anything unpinned would come along.
Chalice itself leaves a package without a wheel out of the zip and exits 0. Needs pip's index;
installs nothing."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; an expected failure prints one line, no traceback."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (OpsError, BotDefinitionError) as error:
        return _fail(str(error), getattr(error, "exit_code", 1))
    except EndpointConnectionError as error:
        is_local = getattr(arguments, "stage", "") == "local"
        return _fail(f"{error}" + ("; is the sandbox up (`make run`)?" if is_local else ""), 3)
    except NoRegionError as error:
        return _fail(f"{error} Set AWS_DEFAULT_REGION, for instance to us-east-1.", 3)
    except (ClientError, BotoCoreError) as error:
        return _fail(str(error), 3)
    except KeyboardInterrupt:
        return _fail("interrupted; run it again to go on", 130)


def _fail(message: str, exit_code: int) -> int:
    print(f"ops: {message}", file=sys.stderr)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops",
        description="What a release engineer does with a deployed Atlas.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="verb")
    add_preflight(_verb(verbs, "preflight", "go or no-go before a release", PREFLIGHT))
    add_release(_verb(verbs, "release", "make the deployed code live, never cold", RELEASE))
    add_watch(_verb(verbs, "watch", "compare a release with the time before it", WATCH))
    add_rollback(_verb(verbs, "rollback", "go back to the version before", ROLLBACK))
    _generate_verb(verbs)
    _package_verb(verbs)
    add_deploy(_verb(verbs, "deploy", "bring a stage up: stacks, code, release", DEPLOY))
    add_destroy(_verb(verbs, "destroy", "remove a stage with all that it holds", DESTROY))
    add_status(_verb(verbs, "status", "what stands, what is live, what waits", STATUS))
    add_warm(_verb(verbs, "warm", "have the shared answers made now", WARM))
    add_logs(_verb(verbs, "logs", "show, filter or follow the functions' lines", LOGS))
    add_trace(_verb(verbs, "trace", "draw where a turn's or a lead's time went", TRACE))
    _wheels_verb(verbs)
    summary = "judge the answers of every model, side by side"
    evaluate.add_evaluate(_verb(verbs, "evaluate", summary, evaluate.EVALUATE))
    add_audit(_verb(verbs, "audit", "compare what is live with every known fault", AUDIT))
    summary = "what a traffic needs of every quota, and which one ends first"
    add_capacity(_verb(verbs, "capacity", summary, CAPACITY))
    add_cost(_verb(verbs, "cost", "a month's bill, by measured use and dated prices", COST))
    _team_verbs(verbs)
    return parser


_Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _verb(verbs: _Verbs, name: str, summary: str, text: str) -> argparse.ArgumentParser:
    return verbs.add_parser(
        name,
        help=summary,
        description=text,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _generate_verb(verbs: _Verbs) -> None:
    verb = _verb(verbs, "generate", "write config.json, the policies and the utterances", _GENERATE)
    verb.add_argument(
        "--check", "--dry-run", action="store_true", help="write nothing; exit 1 naming stale files"
    )
    verb.add_argument("--json", action="store_true", help="the stale files as JSON")
    verb.set_defaults(run=_generate)


def _package_verb(verbs: _Verbs) -> None:
    verb = _verb(verbs, "package", "build the deployment zip and look inside it", _PACKAGE)
    verb.add_argument("--stage", default="prod", choices=STAGES)
    verb.add_argument("--out", type=Path, default=Path("dist"), help="folder; default %(default)s")
    architectures = list(BY_CHALICE_ARCHITECTURE)
    verb.add_argument("--architecture", default="", choices=architectures, help="to look into")
    verb.add_argument("--json", action="store_true", help="the contents as JSON")
    verb.set_defaults(run=_package)


def _wheels_verb(verbs: _Verbs) -> None:
    verb = _verb(verbs, "wheels", "prove that every pin that ships has a wheel", _WHEELS)
    verb.add_argument("--json", action="store_true", help="the proofs as JSON")
    verb.set_defaults(run=_wheels)


def _team_verbs(verbs: _Verbs) -> None:
    leads = _verb(verbs, "leads", "list, replay or discard parked leads", team_verbs.LEADS)
    team_verbs.add_leads(leads)
    text = team_verbs.DELETIONS
    deletions = _verb(verbs, "deletions", "list, approve or refuse requests for deletion", text)
    team_verbs.add_deletions(deletions)
    text = team_verbs.DO_NOT_CALL
    team_verbs.add_do_not_call(_verb(verbs, "do-not-call", "add or remove a number", text))
    check = _verb(verbs, "salesforce", "check the fields it needs", team_verbs.SALESFORCE)
    team_verbs.add_salesforce(check)


def _generate(arguments: argparse.Namespace) -> int:
    stale = stage_files.stale_files() if arguments.check else stage_files.write()
    names = [path.as_posix() for path in stale]
    if arguments.json:
        print(json.dumps({"check": arguments.check, "stale": names}, indent=2))
    elif not arguments.check:
        print("\n".join(f"wrote {name}" for name in names) or "Nothing to do: all up to date.")
    if stale and arguments.check:
        return _fail(f"stale: {', '.join(names)}; run `python -m ops generate`", 1)
    return 0


def _package(arguments: argparse.Namespace) -> int:
    built = package(arguments.stage, arguments.out, architecture=arguments.architecture)
    print(json.dumps(built.to_json(), indent=2) if arguments.json else built.table())
    return 0


def _wheels(arguments: argparse.Namespace) -> int:
    proofs = wheels.prove()
    if arguments.json:
        print(json.dumps([proof.to_json() for proof in proofs], indent=2))
    else:
        print("\n".join(proof.line() for proof in proofs))
    if bad := [proof.target.name for proof in proofs if proof.problem]:
        return _fail(f"no complete package for {', '.join(bad)}; change atlas/requirements.txt", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
