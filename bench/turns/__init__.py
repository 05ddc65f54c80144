"""The predecessor, a fair control and Atlas on one stream of turns: `python -m bench.turns`."""
