"""What the shipped code knows of the world's phone numbers, drawn from the package `phonenumbers`.

The package is 19 MB and stays out of the zip; Atlas needs its patterns and its time zones only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.phonemetadata import REGION_CODE_FOR_NON_GEO_ENTITY, PhoneNumberDesc
from phonenumbers.phonenumberutil import _GEO_MOBILE_COUNTRIES
from phonenumbers.tzdata import TIMEZONE_DATA

DESCRIPTION_BY_KIND = {
    "premium": "premium_rate",
    "toll_free": "toll_free",
    "shared_cost": "shared_cost",
    "voip": "voip",
    "personal": "personal_number",
    "pager": "pager",
    "uan": "uan",
    "voicemail": "voicemail",
    "fixed": "fixed_line",
    "mobile": "mobile",
}
"""Each kind's name in the package, in the order in which a number is tried against them."""


def phone_table() -> str:
    """The text of `atlas/chalicelib/phone_table.json`; the same for the same package.

    One region, and one group of time zones, a line: an update of the package then shows which
    countries it changed.
    """
    parts = [
        f'"codes": {_json(_codes())}',
        f'"geographic_mobiles": {_json(sorted(map(str, _GEO_MOBILE_COUNTRIES)))}',
        f'"regions": {_lines(_regions())}',
        f'"zones": {_lines(_prefixes_by_zones().items())}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _codes() -> dict[str, list[str]]:
    """The regions of each calling code, in the order in which the package asks them."""
    return {
        str(code): [_key(region, code) for region in regions]
        for code, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items())
    }


def _key(region: str, code: int) -> str:
    """The region; services that no country holds share one name, so their code tells them apart."""
    return f"{region}-{code}" if region == REGION_CODE_FOR_NON_GEO_ENTITY else region


def _regions() -> Iterable[tuple[str, dict[str, Any]]]:
    for code, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items()):
        for region in regions:
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            if metadata is not None:
                yield _key(region, code), _region(code, metadata)


def _region(code: int, metadata: PhoneMetadata) -> dict[str, Any]:
    facts = {
        "code": str(code),
        "trunk": metadata.national_prefix_for_parsing,
        "trunk_rule": _in_python(metadata.national_prefix_transform_rule),
        "abroad": metadata.international_prefix,
        "leading": metadata.leading_digits,
        "any": _description(metadata.general_desc),
        "same_mobile": metadata.same_mobile_and_fixed_line_pattern,
    }
    kinds = {kind: _description(getattr(metadata, name)) for kind, name in _descriptions(metadata)}
    return {name: value for name, value in (facts | kinds).items() if value}


def _descriptions(metadata: PhoneMetadata) -> Iterable[tuple[str, str]]:
    """All kinds but the mobiles of a region that cannot tell them from its fixed lines."""
    is_same = metadata.same_mobile_and_fixed_line_pattern
    return ((k, n) for k, n in DESCRIPTION_BY_KIND.items() if not (is_same and k == "mobile"))


def _description(description: PhoneNumberDesc | None) -> list[Any]:
    """The pattern and, where they are fewer than the region's, the possible lengths."""
    if description is None or not description.national_number_pattern:
        return []
    # The package writes "no such number" as the length -1.
    lengths = [length for length in description.possible_length if length > 0]
    if description.possible_length and not lengths:
        return []
    return [description.national_number_pattern, *([lengths] if lengths else [])]


def _in_python(rule: str | None) -> str | None:
    return None if rule is None else rule.replace("$", "\\")


def _prefixes_by_zones() -> dict[str, str]:
    """Time zones, by names, and the prefixes whose numbers lie in all of them together."""
    prefixes: dict[str, list[str]] = {}
    for prefix, zones in sorted(TIMEZONE_DATA.items()):
        if zones != _zones_of_shorter(prefix):
            prefixes.setdefault(" ".join(zones), []).append(prefix)
    return {zones: " ".join(prefixes[zones]) for zones in sorted(prefixes)}


def _zones_of_shorter(prefix: str) -> tuple[str, ...] | None:
    shorter = (prefix[:length] for length in range(len(prefix) - 1, 0, -1))
    return next((TIMEZONE_DATA[each] for each in shorter if each in TIMEZONE_DATA), None)


def _lines(items: Iterable[tuple[str, Any]]) -> str:
    return "{\n" + ",\n".join(f"{_json(name)}:{_json(value)}" for name, value in items) + "\n}"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
