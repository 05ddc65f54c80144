"""Go or no-go before a production release.

`verb.py` runs it, `gate.py` is what a release asks; rows are functions over facts.
docs/decisions/0078 has what each row may call a go.
"""
