"""AWS Lambda on one machine: the deployed zip runs as Lambda runs it."""

from sandbox.lambda_service.service import LambdaService
from sandbox.lambda_service.settings import Tunables

__all__ = ["LambdaService", "Tunables"]
