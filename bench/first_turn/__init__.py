"""From a process's start to its first answered turn: `python -m bench.first_turn`."""
