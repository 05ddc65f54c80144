"""CloudFormation at the sandbox's endpoint: stacks that make what their templates declare.

moto's own says CREATE_COMPLETE while it skips what it does not know. Here what is not known, of
types, properties and functions, is refused or fails the stack and rolls it back.
"""
