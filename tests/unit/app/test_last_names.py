"""A last name is known again however it is typed, and another one never."""

from __future__ import annotations

import pytest

from chalicelib.last_names import is_last_name_of


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("Lopez", "Maria Lopez"),
        ("LOPEZ", "Maria L\u00f3pez"),
        ("l\u00f3pez", "Maria Lo\u0301pez"),
        ("ONeil", "Sean O'Neil"),
        ("O\u2019Neil", "Sean O'Neil"),
        ("o'neil", "Sean O\u2018Neil"),
        ("Garcia", "Maria Lopez Garcia"),
        ("Lopez Garcia", "Maria Lopez Garcia"),
        ("van Gogh", "Vincent van Gogh"),
        ("Gogh", "Vincent van Gogh"),
        ("Lopez", "Lopez, Maria"),
        ("Maria Lopez", "Maria Lopez"),
        ("Smith", "John Smith Jr."),
        ("Smith Jr", "John Smith"),
        ("Smith Jones", "Ann Smith-Jones"),
        ("Strasse", "Eva Stra\u00dfe"),
        ("Sorensen", "Lars S\u00f8rensen"),
        ("Madonna", "Madonna"),
        ("\u674e\u5c0f\u9f99", "\u674e\u5c0f\u9f99"),
        (
            "\u0418\u0432\u0430\u043d\u043e\u0432",
            "\u041f\u0451\u0442\u0440 \u0418\u0412\u0410\u041d\u041e\u0412",
        ),
        (
            "\u0639\u0628\u062f \u0627\u0644\u0644\u0647",
            "\u0639\u0628\u062f \u0627\u0644\u0644\u0647",
        ),
    ],
)
def test_a_last_name_is_known_again(given: str, full: str) -> None:
    assert is_last_name_of(given, full)


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("Lopes", "Maria Lopez"),
        ("Maria", "Maria Lopez"),
        ("opez", "Maria Lopez"),
        ("Anna Lopez", "Maria Lopez"),
        ("Dr. Maria Lopez Garcia", "Maria Garcia"),
        ("", "Maria Lopez"),
        ("'", "Maria Lopez"),
        ("\u674e", "\u738b"),
        ("Lopez' OR Name != '", "Maria Lopez"),
    ],
)
def test_another_name_is_none(given: str, full: str) -> None:
    assert not is_last_name_of(given, full)
