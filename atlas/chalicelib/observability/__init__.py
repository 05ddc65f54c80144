"""Logs, metrics and traces: what happened, for whoever runs Atlas, and nothing personal in it.

Nobody else knows X-Ray: another tracer can take its place here.
"""

from chalicelib.observability.log import NAMESPACE, OF_THE_STAGE, Log
from chalicelib.observability.masking import place_of, session_label
from chalicelib.observability.tracing import TRACER, Tracer

__all__ = [
    "NAMESPACE",
    "OF_THE_STAGE",
    "TRACER",
    "Log",
    "Tracer",
    "place_of",
    "session_label",
]
