"""What a release engineer runs: `python -m ops --help` lists the verbs."""

import sys
from pathlib import Path

# Verbs that work on leads use the app's own modules, as Lambda finds them: `chalicelib` on top.
_APP = str(Path(__file__).resolve().parent.parent / "atlas")
if _APP not in sys.path:
    sys.path.append(_APP)
