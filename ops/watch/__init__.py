"""The days after a release: the same figures as before it, compared until they are worse or over.

`figures.py` reads them, `baseline.py` keeps those of before, `comparing.py` says what is worse,
`watching.py` waits, `verb.py` is the command line. docs/decisions/0078 has the factors.
"""
