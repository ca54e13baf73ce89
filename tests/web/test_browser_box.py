"""The message box and its list of commands in a real browser: a command does only what somebody typed."""

from playwright.async_api import expect

from bot.chat.events import CommandTyped
from tests.web.stage import IN_THE_BROWSER, Stage

pytestmark = IN_THE_BROWSER


async def test_completing_a_command_takes_nothing_from_its_example(stage: Stage) -> None:
    """Nor is it sent before something follows: it would be taken for an idea."""
    page = await stage.tab()
    box = page.get_by_label("Votre message")
    await box.press_sequentially("/idea r")
    option = page.get_by_role("option")
    await expect(option).to_have_text("/idea retirer 12 retirer votre idée")
    await page.keyboard.press("Tab")
    await expect(box).to_have_value("/idea retirer ")
    await page.keyboard.press("Enter")
    await expect(option).to_have_text("/idea retirer 12 retirer votre idée")
    assert stage.router.events == []
    await page.keyboard.type("7")
    await expect(option).to_have_count(0)
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("")
    (event,) = stage.router.events
    assert isinstance(event, CommandTyped)
    assert event.text == "retirer 7"


async def test_commands_of_moderators_are_offered_to_moderators(stage: Stage) -> None:
    for member, count in (("camille", 0), ("nadia", 1)):
        page = await stage.tab(f"as={member}&channel=idees")
        await page.get_by_label("Votre message").press_sequentially("/idea fi")
        await expect(page.get_by_role("option")).to_have_count(count)
