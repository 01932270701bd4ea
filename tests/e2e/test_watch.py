"""The watch over every journey is no blind one."""

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error

from tests.e2e.conftest import House
from tests.e2e.watch import Watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.stack]

PICTURE_FROM_ELSEWHERE = "document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/a.png'}))"
BROKEN_SCRIPT = "setTimeout(() => { throw new Error('a broken script') })"


def test_it_sees_what_the_policy_refuses_what_breaks_and_who_else_is_asked(browser: "Browser", house: House) -> None:
    context = browser.new_context()
    watch = Watch(context, {house.stack.url})
    page = context.new_page()
    page.goto(house.stack.url)
    assert watch.problems == []
    with context.expect_console_message(lambda message: "img-src" in message.text):
        page.evaluate(PICTURE_FROM_ELSEWHERE)
    with context.expect_event("weberror"):
        page.evaluate(BROKEN_SCRIPT)
    with suppress(Error):
        page.goto("http://elsewhere.example/")
    context.close()
    problems = " ".join(watch.problems)
    for words in ("img-src", "a broken script", "asked another host: http://elsewhere.example/"):
        assert words in problems
