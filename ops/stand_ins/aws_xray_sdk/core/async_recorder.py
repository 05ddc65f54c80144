"""Stands in the slim package for X-Ray's recorder of coroutines: Atlas has none.

The original imports asyncio, a fortieth of a cold start; `aws_xray_sdk.core` makes its recorder
of this class.
"""

from aws_xray_sdk.core.recorder import AWSXRayRecorder


class AsyncAWSXRayRecorder(AWSXRayRecorder):  # type: ignore[misc]
    """The recorder for threads under the name that is asked for."""
