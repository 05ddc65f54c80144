"""The operations of `transcribe` that Atlas uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws_api import Operation, Params
from sandbox.connect.calls import Calls
from sandbox.connect.clients import ClientOf, Clients
from sandbox.connect.delivery import Delivery
from sandbox.connect.timers import Scheduler, Timers
from sandbox.transcribe import requests
from sandbox.transcribe.job import Job, full, summary
from sandbox.transcribe.jobs import Jobs
from sandbox.transcribe.runner import Runner

_WORKERS = 8
_PAGE = 5
_UNREADABLE = (
    "The S3 URI that you provided can't be accessed. Make sure that you have read permission and "
    "try your request again."
)


class TranscribeService:
    """An AwsService; what was said in a call's recording is asked of `calls`."""

    service_name = "transcribe"

    def __init__(
        self,
        endpoint: str,
        calls: Calls,
        *,
        clock: Callable[[], float] = time.time,
        client_of: ClientOf | None = None,
        work: Scheduler | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._clock = clock
        self._clients = Clients(endpoint)
        self._client_of = client_of or self._clients
        self._work = work or Timers("transcribe", _WORKERS)
        self._delivery = Delivery(self._client_of, self._work, calls.ways, wait)
        self.jobs = Jobs()
        self.runner = Runner(calls, self._delivery, self._client_of, self._work, clock)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "StartTranscriptionJob": self._start,
            "GetTranscriptionJob": self._get,
            "ListTranscriptionJobs": self._list,
            "DeleteTranscriptionJob": self._delete,
        }

    def close(self) -> None:
        """End every thread; jobs that run stay as they are."""
        self._delivery.close()
        self._work.close()
        self._clients.close()

    def _start(self, params: Params) -> Params:
        requests.check(params)
        media, output = requests.media_object(params), requests.output_object(params)
        requests.media_format(params, media[1])
        self._check_readable(*media)
        job = Job(dict(params), media, output, self._clock())
        self.jobs.add(job)
        answer = {"TranscriptionJob": self._shown(job)}
        self.runner.queue(job)
        return answer

    def _check_readable(self, bucket: str, key: str) -> None:
        try:
            self._client_of("s3").head_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as exc:
            raise requests.bad_request(_UNREADABLE) from exc

    def _get(self, params: Params) -> Params:
        return {"TranscriptionJob": self._shown(self.jobs.find(params["TranscriptionJobName"]))}

    def _list(self, params: Params) -> Params:
        """Newest first; the token is where the next page begins."""
        wanted = [job for job in self.jobs.newest_first() if _is_listed(job, params)]
        first = _first(params.get("NextToken"))
        last = first + int(params.get("MaxResults") or _PAGE)
        page: Params = {"TranscriptionJobSummaries": [summary(job) for job in wanted[first:last]]}
        if last < len(wanted):
            page["NextToken"] = str(last)
        if params.get("Status"):
            page["Status"] = params["Status"]
        return page

    def _delete(self, params: Params) -> Params:
        name = params["TranscriptionJobName"]
        self.jobs.find(name)
        self.jobs.delete(name)
        return {}

    def _shown(self, job: Job) -> Params:
        return full(job, requests.media_format(job.request, job.media[1]))


def _first(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise requests.bad_request("The NextToken isn't valid.")
    return int(token)


def _is_listed(job: Job, params: Params) -> bool:
    has_status = params.get("Status") in (None, job.status)
    return has_status and (params.get("JobNameContains") or "") in job.name
