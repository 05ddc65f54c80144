"""One process that does what Lambda's runtime does: import the handler, hand it one event.

Standard library only, and no more of it than needed: `python -I -S process.py
<package's folder> <module.handler> <event's file>`. Prints, as JSON, the monotonic clock at its
beginning, when the module was imported, and when the turn was answered, and the answer.
"""

import time

BEGAN = time.monotonic()

import importlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402


class Context:
    """Lambda's context object, as far as anyone looks at it."""

    aws_request_id = "6c1e8a54-0d0f-4b0e-8d8a-5a6b7c8d9e0f"
    function_version = "7"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:atlas-x:live"

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def main() -> None:
    folder, name, event_file = sys.argv[1:]
    with open(event_file, encoding="utf-8") as file:
        event = json.load(file)
    sys.path.insert(0, folder)
    module, _, function = name.rpartition(".")
    handler = getattr(importlib.import_module(module), function)
    imported = time.monotonic()
    reply = handler(event, Context())
    answered = time.monotonic()
    text = reply["messages"][0]["content"]
    attributes = reply["sessionState"].get("sessionAttributes", {})
    told = {"began": BEGAN, "imported": imported, "answered": answered, "text": text}
    # Lambda kills a process that it needs no more; so threads at rest are not waited for.
    print(json.dumps({**told, "source": attributes.get("answerSource", "")}), flush=True)


if __name__ == "__main__":
    main()
