"""The checker of HTML is no blind one."""

from tests.html_checker import faults_in

SOUND = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sound</title></head><body><p>Words.</p></body></html>'
UNSOUND = SOUND.replace("<p>Words.</p>", '<p id="a">One</p><p id="a">Two <div>three</div></p>')


def test_it_names_the_page_and_what_is_wrong_in_it() -> None:
    faults = faults_in({"the sound page": SOUND, "the unsound page": UNSOUND})
    assert all(fault.startswith("the unsound page, line 1: ") for fault in faults)
    assert "Duplicate ID" in " ".join(faults)
    assert len(faults) >= 2


def test_it_finds_nothing_in_a_sound_page() -> None:
    assert faults_in({"the sound page": SOUND}) == []
