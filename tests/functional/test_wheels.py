"""Every pin that ships has a wheel for every Lambda runtime; pip's index is asked."""

from __future__ import annotations

import pytest

from ops import wheels
from ops.errors import UnavailableError
from ops.pins import pins


@pytest.mark.slow
def test_every_pin_that_ships_has_a_wheel_for_every_lambda_runtime() -> None:
    try:
        proofs = wheels.prove()
    except UnavailableError as offline:
        pytest.skip(str(offline))
    assert {proof.target.name: proof.problem for proof in proofs if proof.problem} == {}
    assert all(set(proof.wheels) == set(pins(wheels.REQUIREMENTS)) for proof in proofs)
