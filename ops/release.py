"""The order in which a deploy becomes live; docs/decisions/0040-release-order.md says why so."""

from __future__ import annotations

from ops.chain import Chain, verify
from ops.lambda_aliases import limit_asynchronous, move_aliases
from ops.lambda_versions import check_health, check_one_zip, find_functions, publish_versions
from ops.lex_release import allow_lex, bind_alias, find_bot, publish_bot
from ops.provisioned import free_older, provision
from ops.stages import FULFILLMENT
from ops.steps import Context, Steps
from ops.tables import find_tables
from ops.warming import warm
from ops.workflow import allow_rules, find_workflow


def release(ctx: Context, steps: Steps, *, is_warmed: bool = True) -> Chain | None:
    """Make the deployed code live, in an order in which traffic never meets a cold version.

    `is_warmed`: the shared answers are made before the first environment is provisioned.

    Every step looks before it changes, so a second run changes nothing and an interrupted one is
    completed by the next. Returns the verified chain, or None for a dry run. Raises OpsError.
    """
    functions = steps.run("find the functions", lambda: find_functions(ctx))
    steps.run("find the tables", lambda: find_tables(ctx, functions))
    steps.run("find the workflow", lambda: find_workflow(ctx, functions))
    bot = steps.run("find the bot", lambda: find_bot(ctx))
    fulfillment_arn = functions[FULFILLMENT]["FunctionArn"].removesuffix(":$LATEST")

    versions = steps.run("publish versions", lambda: publish_versions(ctx, functions))
    steps.run("invoke each new version", lambda: check_health(ctx, versions))
    steps.run("compare the zips", lambda: check_one_zip(ctx, functions))
    if is_warmed:
        steps.run("warm the answers", lambda: warm(ctx, versions))
    live = versions[FULFILLMENT]
    steps.run("provision fulfilment", lambda: provision(ctx, live))
    steps.run("move the Lambda aliases", lambda: move_aliases(ctx, versions))

    steps.run("let event rules invoke", lambda: allow_rules(ctx, functions))
    alias_id = steps.run("let Lex invoke", lambda: allow_lex(ctx, bot, fulfillment_arn))
    bot_version = steps.run("publish the bot", lambda: publish_bot(ctx, bot))
    steps.run(
        "bind the Lex alias",
        lambda: bind_alias(ctx, bot, alias_id, bot_version, fulfillment_arn),
    )

    steps.run("free older versions", lambda: free_older(ctx, live))
    steps.run("limit asynchronous invokes", lambda: limit_asynchronous(ctx))
    if ctx.dry_run:
        return None
    return steps.run("verify the chain", lambda: verify(ctx, bot, alias_id, fulfillment_arn))
