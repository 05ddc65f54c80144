"""AWS, Lex and their latencies on one machine; never shipped."""
