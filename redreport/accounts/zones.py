"""The world's time zones as a list to choose from: by region, and in it by the city that names the zone."""

import zoneinfo
from functools import cache

REGIONS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
NONE = ("", "Only New York and UTC")


@cache
def zones_by_region() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """('America', (('America/New_York', 'New York'), …)), …; what people type first is the city."""
    names = sorted(zoneinfo.available_timezones())
    return tuple(
        (
            region,
            tuple(sorted(((name, city_of(name)) for name in names if name.startswith(f"{region}/")), key=lambda zone: zone[1])),
        )
        for region in REGIONS
    )


def city_of(zone_name: str) -> str:
    """'New York'; 'Knox, Indiana' where the zone is named with its state."""
    _, *places = zone_name.replace("_", " ").split("/")
    return ", ".join(reversed(places)) or zone_name


def zone_choices(present: str) -> list[object]:
    """For a form, with the zone that is chosen now even where it has an old name."""
    regions: list[object] = [(region, list(zones)) for region, zones in zones_by_region()]
    listed = {name for _, zones in zones_by_region() for name, _ in zones}
    extra: list[object] = [(present, present)] if present and present not in listed else []
    return [NONE, *extra, *regions]
