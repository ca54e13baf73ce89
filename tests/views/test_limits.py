"""What every platform can show: labels, titles, hints and values within the smallest of their limits.

Slack: modal titles and their buttons 24 characters, button labels 75, header blocks 150, confirmation texts 300; menus
100 options of 75, placeholders 150.
Mattermost: dialog titles and field labels 24, hints 150; a button that asks first is the title of a dialog. Values of
buttons: bot/views/actions.py.
"""

import pytest

from bot.domain.command import SEARCH_LIMIT
from bot.views.actions import VALUE_LIMIT, Click, FormName
from bot.views.cards import Actions, Block, Button, Card, Heading, Items, Menu, Note, Paragraph, Quotation
from bot.views.lists import hints
from bot.views.texts import LANGUAGES, Texts
from tests.views.samples import CARDS, FORMS, Words

LONGEST = Words("t" * 120, "b" * 3000, "r" * 3000)
each_language = pytest.mark.parametrize("language", LANGUAGES)
each_card = pytest.mark.parametrize("name", CARDS)
each_form = pytest.mark.parametrize("name", FORMS)


def buttons(card: Card) -> list[Button]:
    """All of a card's buttons."""
    return [button for block in card.blocks if isinstance(block, Actions) for button in block.buttons]


@each_language
@each_card
def test_buttons_fit(language: str, name: str) -> None:
    for button in buttons(CARDS[name](Texts(language), LONGEST)):
        assert 0 < len(button.label) <= 75
        assert len(button.value) <= VALUE_LIMIT
        assert button.action in set(Click)
        assert button.confirm is None or 0 < len(button.confirm) <= 300


def test_the_button_that_makes_an_idea_of_a_search_can_carry_every_search() -> None:
    assert SEARCH_LIMIT <= VALUE_LIMIT


@each_language
@each_card
def test_a_button_that_asks_first_fits_the_title_of_its_dialog(language: str, name: str) -> None:
    for button in buttons(CARDS[name](Texts(language), LONGEST)):
        assert button.confirm is None or len(button.label) <= 24


@each_language
def test_supporting_another_idea_fits_with_a_number_of_four_digits(language: str) -> None:
    labels = [each.label for each in buttons(CARDS["submitted_one_similar"](Texts(language), Words()))]
    assert [len(label) <= 24 for label in labels if "9999" in label] == [True]


@each_language
@each_card
def test_menus_fit(language: str, name: str) -> None:
    for menu in CARDS[name](Texts(language), LONGEST).blocks:
        if isinstance(menu, Menu):
            values = [option.value for option in menu.options]
            assert 0 < len(menu.label) <= 75
            assert menu.action in set(Click)
            assert 1 < len(values) == len(set(values)) <= 100
            assert menu.chosen in values
            assert all(0 < len(option.label) <= 75 and 0 < len(option.value) <= 75 for option in menu.options)


@each_language
@each_form
def test_forms_fit(language: str, name: str) -> None:
    form = FORMS[name](Texts(language), LONGEST)
    assert 0 < len(form.title) <= 24
    assert 0 < len(form.submit) <= 24
    assert form.name in set(FormName)
    assert len(form.context) <= VALUE_LIMIT
    for field in form.fields:
        assert 0 < len(field.label) <= 24
        assert 0 < len(field.hint) <= 150
        assert len(field.value) <= field.max_length <= 3000


def is_blank(block: Block) -> bool:
    """Whether a block shows nothing, which a platform may refuse to post."""
    match block:
        case Heading(text):
            return not text
        case Paragraph(spans) | Note(spans):
            return not spans
        case Quotation(label, text):
            return not (label and text)
        case Items(items):
            return not items or not all(items)
        case Actions(row):
            return not row
        case Menu(_, _, options):
            return not options


@each_language
@each_card
def test_a_card_says_something_and_has_no_empty_block(language: str, name: str) -> None:
    card = CARDS[name](Texts(language), Words())
    assert card.summary
    assert "\n" not in card.summary
    assert card.blocks
    assert not [block for block in card.blocks if is_blank(block)]


@each_language
@each_card
def test_a_heading_comes_first_and_alone(language: str, name: str) -> None:
    card = CARDS[name](Texts(language), Words())
    assert [position for position, block in enumerate(card.blocks) if isinstance(block, Heading)] in ([], [0])


@each_language
def test_what_can_be_typed_is_hinted_with_the_operators_command(language: str) -> None:
    for hint in hints("/idée", language, is_moderator=True):
        assert hint.typed.startswith("/idée")
        assert hint.does


@each_language
def test_what_follows_a_command_is_hinted_apart_from_it(language: str) -> None:
    """It is an example: completing a command with it would act on an idea that is none of one's business."""
    found = hints("/idée", language, is_moderator=True)
    assert not [hint.typed for hint in found if any(letter.isdigit() for letter in hint.typed)]
    assert {hint.example for hint in found} >= {"", "12"}
    helped = str(CARDS["help_moderator"](Texts(language), Words()))
    assert all(f"{hint.typed} {hint.example}".strip() in helped for hint in found)


@each_language
def test_what_moderators_type_is_hinted_to_them_alone(language: str) -> None:
    everybody = hints("/idea", language, is_moderator=False)
    moderators = hints("/idea", language, is_moderator=True)
    assert set(everybody) < set(moderators)
