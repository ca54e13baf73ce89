"""Cards in the terminal: their words, and nothing that nobody could use there."""

from bot.views.cards import Actions, Button, Card, Heading, Items, Link, Menu, Note, Option, Quotation, Strong
from bot.views.plain import plain
from bot.views.texts import Texts


def test_the_words_stand_from_top_to_bottom() -> None:
    card = Card(
        "x",
        (
            Heading("Titre"),
            Quotation("Besoin", "un\ndeux"),
            Items((("a ", Strong("b")), (Link("c", "https://example.org/"),)), numbered=True),
            Note(("fin",)),
        ),
    )
    rest = "\n  un\n  deux\n\n1. a b\n2. c <https://example.org/>\n\nfin"
    assert plain(card, Texts("en")) == f"Titre\n=====\n\nBesoin:{rest}"
    assert plain(card, Texts("fr")) == f"Titre\n=====\n\nBesoin\u00a0:{rest}"


def test_buttons_and_menus_are_left_out() -> None:
    menu = Menu("Afficher", "list", (Option("Toutes", "all"),), "all")
    assert plain(Card("x", (Heading("Titre"), menu, Actions((Button("Oui", "yes"),)))), Texts("fr")) == "Titre\n====="
