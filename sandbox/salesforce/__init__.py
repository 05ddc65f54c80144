"""A stand-in for one Salesforce organisation, reached by its REST API over TLS."""

from sandbox.salesforce.server import SalesforceServer

__all__ = ["SalesforceServer"]
