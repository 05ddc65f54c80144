"""`python -m ops audit`: is the live configuration one that made the predecessor slow?

`facts` reads AWS, once and lazily; a row is a pure function of facts; `verb` is the command line.
"""
