"""Seeded streams of turns: what visitors ask, how often, and in what order.

The grammar stands apart from Atlas's canonical questions on purpose, and was committed before them:
none of its wordings was chosen with an eye on what folds.
"""
