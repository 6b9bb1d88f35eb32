"""What a friend does in the page."""

from typing import Any

from tests.webrtc.chromium import Page

JOIN = "document.getElementById('name').value = 'Ben'; document.getElementById('join').click()"


async def join(page: Page) -> None:
    await page.evaluate(JOIN)
    await page.until("!document.getElementById('talk').hidden")


async def say(page: Page, text: str) -> None:
    await page.evaluate(
        f"document.getElementById('say').value = {text!r}; document.querySelector('#say-form button').click()"
    )


async def press(page: Page, within: str, label: str) -> None:
    """Presses a button of that label, once it is there."""
    button = f"[...document.querySelectorAll('{within} button')].find((each) => each.innerText === '{label}')"
    await page.until(button)
    await page.evaluate(f"{button}.click()")


async def refusal(page: Page) -> Any:
    """Why the page did not come in."""
    await page.evaluate(JOIN)
    await page.until("document.body.dataset.failure")
    return await page.evaluate("document.body.dataset.failure")
