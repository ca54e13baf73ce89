"""Cards in the terminal: their words, and nothing that nobody could use there."""

from bot.views.cards import Actions, Button, Card, Heading, Items, Link, Menu, Note, Option, Quotation, Strong
from bot.views.plain import plain


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
    assert plain(card) == "Titre\n=====\n\nBesoin:\n  un\n  deux\n\n1. a b\n2. c <https://example.org/>\n\nfin"


def test_buttons_and_menus_are_left_out() -> None:
    menu = Menu("Afficher", "list", (Option("Toutes", "all"),), "all")
    assert plain(Card("x", (Heading("Titre"), menu, Actions((Button("Oui", "yes"),))))) == "Titre\n====="
