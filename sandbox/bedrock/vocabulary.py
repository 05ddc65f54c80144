"""The few words that the stand-in for a model knows; apart, since it is data."""

from __future__ import annotations

_STOP_WORDS = """
a about also am an and any are as ask at be been but by can could did do does for from get give go
good had has have hello help hey hi how i if in into is it its just know let like many may me mean
more much my need no not of ok okay on or our out please questions question really say shall should
so some something tell than thank thanks that the their them then there these they thing this to
too up us very want was we well were what whats when where which while who why will with would yes
you your yours morning afternoon evening day explain describe understand curious wonder wondering
interested kind sort work works working happen happens
"""

# A model knows that a stack is technology; a stand-in that only compares words has to be told.
_TOPICS = """
technology technical tech stack built build platform infrastructure cloud aws amazon serverless \
lambda software host hosted run runs architecture framework model ai llm database language \
programming python engine powered under hood backend system made
demo demonstration call phone ring show try trial experience example
price cost pricing expensive charge fee pay free offer budget cheap
data privacy private store secure security safe record gdpr protect
person human people agent team someone representative
long duration minutes seconds fast quick slow speed time soon
customer company client business sales crm salesforce
stop end hang cancel quit leave
"""

STOP_WORDS = frozenset(_STOP_WORDS.split())
TOPICS = tuple(tuple(line.split()) for line in _TOPICS.strip().splitlines())
