"""Entry of an environment's process: narrows the import path as Lambda's is, then runs the client.

It runs from the runtime directory, outside this package: standard library only, and no more of it
than needed, for every import here is part of each cold start.
"""

import os
import sys


def main() -> None:
    """Arguments: the handler, the runtime client's name, then the layers' directories."""
    handler, client, *layers = sys.argv[1:]
    runtime_dir = os.environ["LAMBDA_RUNTIME_DIR"]
    first = [os.environ["LAMBDA_TASK_ROOT"], *layers, runtime_dir]
    sys.path[:] = first + [path for path in sys.path if path not in first]
    if os.environ.get("LC_CTYPE") == "C.UTF-8":
        # Python itself sets it where the machine lacks en_US.UTF-8; Lambda has no such variable.
        del os.environ["LC_CTYPE"]
    sys.argv = [os.path.join(runtime_dir, "bootstrap.py"), handler]
    if client == "awslambdaric":
        from awslambdaric.__main__ import main as run

        run(sys.argv)
    else:
        import own_runtime  # type: ignore[import-not-found]

        own_runtime.run(handler)


if __name__ == "__main__":
    main()
