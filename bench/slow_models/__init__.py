"""Turns that only a model can answer, while models are not well: `python -m bench.slow_models`."""
