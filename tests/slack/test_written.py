"""What Slack makes of a typed text on its way, undone: emoji's names, links and escapes."""

import pytest

from bot.chat.slack.written import readable, typed


@pytest.mark.parametrize(
    "delivered, was_typed",
    [
        ("Planter des fleurs :cherry_blossom:", "Planter des fleurs 🌸"),
        ("Des fleurs:cherry_blossom::bike:", "Des fleurs🌸🚲"),
        (":+1: et :thumbsup:", "👍 et 👍"),
        (":+1::skin-tone-3:", "👍🏼"),
        (":woman-running::skin-tone-5:", "🏃🏾\u200d♀️"),
        (":handshake::skin-tone-2-3:", "🤝🏻"),
        (":bike::skin-tone-3:", "🚲"),
        (":flag-fr: :fr: :flag-re:", "🇫🇷 🇫🇷 🇷🇪"),
        (":male-technologist: :female-doctor:", "👨\u200d💻 👩\u200d⚕️"),
        (":large_green_circle: :first_place_medal:", "🟢 🥇"),
        (":man-woman-girl-boy: :juggling:", "👨\u200d👩\u200d👧\u200d👦 🤹"),
        ("R&amp;D &lt;3 :bee:", "R&D <3 🐝"),
    ],
)
def test_emoji_come_back_as_they_were_typed(delivered: str, was_typed: str) -> None:
    assert typed(delivered) == was_typed


@pytest.mark.parametrize(
    "delivered, read",
    [
        ("<mailto:jean@x.fr|jean@x.fr>", "jean@x.fr"),
        ("<mailto:jean@x.fr>", "jean@x.fr"),
        ("<mailto:jean@x.fr|Écrire à Jean>", "Écrire à Jean (jean@x.fr)"),
        ("<tel:0134253000|01 34 25 30 00>", "01 34 25 30 00"),
        ("<https://x.fr/a?b&amp;c>", "https://x.fr/a?b&c"),
        ("<https://x.fr|la page>", "la page (https://x.fr)"),
        ("<!date^1392734382^{date_short}|18 fév.>", "18 fév."),
        ("<!foo|bar>", "bar"),
        ("<!here> <!channel|channel> <!everyone|@everyone>", "@here @channel @everyone"),
        ("<!subteam^S1|@dsi> <!subteam^S1>", "@dsi @S1"),
        ("<@U1|sam> <@U1> <#C1|idees>", "@sam @U1 #idees"),
        ("Vu :eyes: par <@U1|sam>", "Vu 👀 par @sam"),
        ("*Vélos* _partagés_, ~vite~ et `net`", "Vélos partagés, vite et net"),
        ("*_Tout_ y est* : *oui*", "Tout y est : oui"),
        ("_*Tout*_, ~_*vraiment*_~ (_*tout*_) et c’est _*dit*_.", "Tout, vraiment (tout) et c’est dit."),
        ("_a_b_ *a*b note_*.odt et plan_*.odt a_*b*_c", "_a_b_ *a*b note_*.odt et plan_*.odt a_*b*_c"),
        ("<https://x.fr|`net` et *page*>", "net et *page* (https://x.fr)"),
        ("*<https://x.fr|la page>*", "la page (https://x.fr)"),
        ("<https://x.fr/_a_/~b~?c=*d*>", "https://x.fr/_a_/~b~?c=*d*"),
        ("2*3*4, a_b_c, 5 * 6 * 7, *", "2*3*4, a_b_c, 5 * 6 * 7, *"),
        ("Voir `a *b*`\n```\n_x_ = <https://x.fr>\n```", "Voir a *b*\n_x_ = https://x.fr"),
        ("deux\n*lignes\nnon*", "deux\n*lignes\nnon*"),
        ("\ue000*7*\ue001", "7"),
    ],
)
def test_a_message_is_read_as_it_was_written(delivered: str, read: str) -> None:
    assert readable(delivered) == read
