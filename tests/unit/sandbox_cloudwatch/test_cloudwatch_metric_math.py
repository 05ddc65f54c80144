"""Expressions over series, by CloudWatch's rules for what is missing."""

from __future__ import annotations

import pytest

from sandbox.cloudwatch.metric_math import Calculation, Value

SERIES: dict[str, Value] = {"a": {0.0: 1.0, 60.0: 2.0}, "b": {60.0: 4.0, 120.0: 0.0}, "n": {}}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("a", {0: 1, 60: 2}),
        ("a + 1", {0: 2, 60: 3}),
        ("100 * a / b", {60: 50}),
        ("1 / b", {60: 0.25}),
        ("-a", {0: -1, 60: -2}),
        ("2 ^ a", {0: 2, 60: 4}),
        ("a > 1", {0: 0, 60: 1}),
        ("a >= 1 && b != 4", {60: 0}),
        ("a == 1 || b == 4", {60: 1}),
        ("IF(a > 1, a * 10, 0)", {0: 0, 60: 20}),
        ("IF(a > 1, b)", {60: 4}),
        ("IF(b > 3, 1, a)", {60: 1}),
        ("IF(1, a, b)", {0: 1, 60: 2}),
        ("FILL(b, 0) + FILL(a, 0)", {0: 1, 60: 6, 120: 0}),
        ("FILL(a, REPEAT)", {0: 1, 60: 2, 120: 2}),
        ("FILL(b, REPEAT)", {60: 4, 120: 0}),
        ("SUM([a, b])", {0: 1, 60: 6, 120: 0}),
        ("MAX(METRICS())", {0: 1, 60: 4, 120: 0}),
        ("AVG(a)", 1.5),
        ("MIN([a, b])", {0: 1, 60: 2, 120: 0}),
        ("CEIL(a / 4)", {0: 1, 60: 1}),
        ("ABS(0 - a)", {0: 1, 60: 2}),
        ("n + a", {}),
        ("SUM(n)", {}),
        ("3 * 2", 6),
    ],
)
def test_an_expression(expression: str, result: object) -> None:
    calculation = Calculation(SERIES, ["a", "b"], [0.0, 60.0, 120.0])
    assert calculation.result(expression) == result


@pytest.mark.parametrize(
    "expression",
    [
        *("a +", "c", "METRICS()", "[a, b]", "ANOMALY_DETECTION_BAND(a)", "a.b", "'text'"),
        *("not a", "1 < a < 3", "a % 2", "__import__('os')", "True", "IF(a)", "lambda: 1"),
    ],
)
def test_what_is_no_metric_math_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Calculation(SERIES, ["a", "b"], [0.0]).result(expression)
