"""Single operations beside packages from PyPI: `python -m bench.operations`."""
