"""The CPU that one turn takes, by where its answer comes from: `python -m bench.cpu_per_turn`."""
