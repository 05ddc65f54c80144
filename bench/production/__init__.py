"""A stage's whole life on an empty account: deployed, audited, released badly and well, destroyed.

`python -m bench.production` plays it through the command lines that a team types.
"""
