"""From when on a row fails: every threshold of the audit, with its reason."""

from __future__ import annotations

HOURS = 24
"""How far back metrics and log lines are looked at, unless said otherwise."""

LEX_TIMEOUT_SECONDS = 30
"""A code hook has that long: https://docs.aws.amazon.com/lexv2/latest/dg/lambda-attach.html"""

UTILISATION = 0.9
"""Beyond it the next burst spills over; target tracking keeps it lower."""

LEAST_TURNS = 20
"""Fewer say nothing about a rate."""
HIT_RATE = 0.5
"""Of turns that an answer could be shared for. The predecessor hoped for 0.7; the turn benchmark's
stream of new visitors has more than that (bench/results/turns.md)."""

SECRET_CACHE_SECONDS = 60
"""The predecessor read a secret in every call, at 300 ms; a minute already makes it rare."""
LEAST_READS = 3
"""A secret read so often says whether it was kept."""

HISTORY_BYTES = 4 * 1024
"""Lex takes 12 KB of session attributes, which history shares with the scenario and the client's
own; the app's budget is half of this."""

LEAST_REQUESTS = 8
REQUESTS_PER_CONNECTION = 2.0
"""Of one environment and service, on average; with no connection reused it is 1."""
IDLE_SECONDS = 20.0
"""Between two requests, on average. Rarer ones may each find the connection closed by AWS."""

PACKAGE_BYTES = 15_000_000
"""Zipped. The package has about 11 MB; the predecessor's 29 MB took its share of a cold start."""

LOG_LINES = 100
LOG_STREAMS = 3
"""The newest lines of so many of the newest streams of each function."""
