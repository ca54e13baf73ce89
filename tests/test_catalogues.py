"""The translations: complete, alike in every language, compiled, used, and set as the language's typography wants."""

import ast
import io
import re
import string
from collections.abc import Iterator
from functools import cache

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from bot.domain.command import ListIdeas, SetStatus, Vote, parse
from bot.views.ideas import STATUS_LABEL
from bot.views.texts import DOMAINS, LANGUAGES, LOCALE_DIR, Texts
from storage.tables import Status

BOT = LOCALE_DIR.parent
WRONG_IN_FRENCH = re.compile(
    r"""[ \t\n\u202f][:;?!»]             # an ordinary or a narrow space before
      | [\w)}»][;?!»] | [\w)}»]:(?=\s|$)  # none at all, but times and addresses have their colons
      | «[^\u00a0]                        # none, or another one, after the opening guillemet
    """,
    re.VERBOSE,
)
each_domain = pytest.mark.parametrize("domain", DOMAINS)
each_language = pytest.mark.parametrize("language", LANGUAGES)


@cache
def catalogue(domain: str, language: str) -> Catalog:
    """A catalogue as its translator wrote it."""
    path = LOCALE_DIR / language / "LC_MESSAGES" / f"{domain}.po"
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=domain, abort_invalid=True)


def messages(domain: str, language: str) -> dict[str, Message]:
    """The messages by key; a plural one has its key twice in the file."""
    return {keys_of(message)[0]: message for message in catalogue(domain, language) if message.id}


def keys_of(message: Message) -> tuple[str, ...]:
    """The msgid, and the msgid_plural if there is one."""
    return tuple(message.id) if isinstance(message.id, list | tuple) else (str(message.id),)


def forms(message: Message) -> tuple[str, ...]:
    """The sentence, or each of its plural forms."""
    return tuple(message.string) if isinstance(message.string, list | tuple) else (str(message.string or ""),)


def as_read(form: str) -> str:
    """A form without what stands between backticks or is an emoji's name: that is typed, not read."""
    return re.sub(r"`[^`]*`|(?<!\w):[\w+-]+:", "", form)


def sentences(domain: str, language: str) -> Iterator[tuple[str, str]]:
    """Each key and each form of its sentence, as read."""
    for key, message in messages(domain, language).items():
        yield from ((key, as_read(form)) for form in forms(message))


def placeholders(form: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(form) if name is not None}


@each_domain
def test_every_language_has_the_same_keys(domain: str) -> None:
    found = {
        language: {key: len(keys_of(message)) for key, message in messages(domain, language).items()}
        for language in LANGUAGES
    }
    first = found[LANGUAGES[0]]
    assert first
    assert all(keys == first for keys in found.values())


@each_domain
@each_language
def test_no_sentence_is_empty_fuzzy_or_left_over(domain: str, language: str) -> None:
    found = messages(domain, language)
    assert not [key for key, message in found.items() if message.fuzzy or not all(forms(message))]
    assert not catalogue(domain, language).obsolete


@each_domain
@each_language
def test_a_plural_repeats_its_key_and_has_all_its_forms(domain: str, language: str) -> None:
    number = catalogue(domain, language).num_plurals
    for key, message in messages(domain, language).items():
        assert set(keys_of(message)) == {key}
        assert len(forms(message)) == (number if len(keys_of(message)) > 1 else 1), key


@each_domain
def test_a_sentence_has_the_same_placeholders_in_every_form_and_language(domain: str) -> None:
    """But for {count}, which a form may leave out: "one idea"."""
    for key in messages(domain, LANGUAGES[0]):
        of_plural = {"count"} if len(keys_of(messages(domain, LANGUAGES[0])[key])) > 1 else set()
        found = [
            placeholders(form) | of_plural for language in LANGUAGES for form in forms(messages(domain, language)[key])
        ]
        assert all(names == found[0] for names in found), key


@each_domain
@each_language
def test_the_compiled_catalogue_is_current(domain: str, language: str) -> None:
    """Otherwise: `make catalogues`."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(domain, language))
    compiled.seek(0)
    expected = read_mo(compiled)
    with (LOCALE_DIR / language / "LC_MESSAGES" / f"{domain}.mo").open("rb") as file:
        present = read_mo(file)
    assert {keys_of(message): forms(message) for message in present if message.id} == {
        keys_of(message): forms(message) for message in expected if message.id
    }
    assert present.plural_expr == expected.plural_expr


# Keys and code


def code_strings() -> set[str]:
    """Every whole string literal in the code and in the templates."""
    found = {
        node.value
        for path in BOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for path in BOT.rglob("templates/**/*.*"):
        found.update(text for pair in template_strings(path.read_text(encoding="utf-8")) for text in pair if text)
    return found


def template_strings(text: str) -> list[tuple[str, str]]:
    """The string literals inside a template's braces; one of each pair is empty."""
    return [
        pair
        for expression in re.findall(r"(?s)\{[{%](.*?)[%}]\}", text)
        for pair in re.findall(r"\"([^\"]*)\"|'([^']*)'", expression)
    ]


def asked_for() -> dict[str, str]:
    """The literal keys that code asks a Texts for, with the place."""
    found = {}
    for path in BOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and is_texts(node.func):
                key = node.args[0]
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    found[key.value] = f"{path.relative_to(BOT)}:{node.lineno}"
    for path in BOT.rglob("templates/**/*.*"):
        calls = r"\b(?:t|texts)(?:\.plural)?\(\s*[\"']([^\"']+)[\"']"
        found |= dict.fromkeys(re.findall(calls, path.read_text(encoding="utf-8")), path.name)
    return found


def is_texts(called: ast.expr) -> bool:
    """Whether a call is one of a Texts, by the names that the house gives to it: t, texts, self.texts, t.plural."""
    if isinstance(called, ast.Attribute) and called.attr == "plural":
        return True
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    return name == "t" or name.endswith("texts")


def all_keys() -> set[str]:
    """The keys of all domains."""
    return {key for domain in DOMAINS for key in messages(domain, LANGUAGES[0])}


def test_every_key_that_is_asked_for_exists() -> None:
    known = all_keys()
    assert not {key: place for key, place in asked_for().items() if key not in known}


@each_domain
def test_every_key_is_used(domain: str) -> None:
    """As a whole: a key put together from parts can't be found, nor checked."""
    assert not sorted(messages(domain, LANGUAGES[0]).keys() - code_strings())


def test_no_key_is_in_two_domains() -> None:
    """But for what every Texts needs for itself."""
    keys = [key for domain in DOMAINS for key in messages(domain, LANGUAGES[0]) if not key.startswith("texts.")]
    assert len(keys) == len(set(keys))


# What is read is what can be typed


@each_language
@pytest.mark.parametrize("status", list(Status))
def test_a_status_can_be_typed_as_it_is_called(language: str, status: Status) -> None:
    label = Texts(language)(STATUS_LABEL[status])
    assert parse(f"list {label}") == ListIdeas(status)
    assert parse(f"statut 12 {label.capitalize()}.") == SetStatus(12, status)


@each_language
def test_a_number_can_be_typed_as_it_is_written(language: str) -> None:
    """As in « nº 12 »; what stands between a command's own words is none of the number's."""
    forms = (re.sub(r"\{command\} \w+ \{number\}", "", form) for _, form in sentences("butine", language))
    signs = {sign for form in forms for sign in re.findall(r"(\w+\S?\s)\{number\}", form)}
    assert signs
    assert not {sign for sign in signs if parse(f"vote {sign}12") != Vote(12)}


# Typography


@each_domain
@each_language
def test_apostrophes_and_ellipses_are_typographic(domain: str, language: str) -> None:
    assert not [(key, form) for key, form in sentences(domain, language) if "'" in form or "..." in form]


@each_domain
def test_french_quotes_are_guillemets(domain: str) -> None:
    assert not [(key, form) for key, form in sentences(domain, "fr") if re.search('["“”„]', form)]


@each_domain
def test_french_double_punctuation_has_a_no_break_space(domain: str) -> None:
    """Before : ; ? ! » and after «, an ordinary space could end a line and none at all is wrong."""
    assert not [(key, form) for key, form in sentences(domain, "fr") if WRONG_IN_FRENCH.search(form)]


@each_domain
@each_language
def test_one_kind_of_no_break_space_is_used(domain: str, language: str) -> None:
    """Two kinds look like a mistake beside each other, and the narrow one is a box in some fonts."""
    assert not [(key, form) for key, form in sentences(domain, language) if "\u202f" in form]


@each_domain
def test_an_ideas_number_stays_with_its_sign(domain: str) -> None:
    assert not [(key, form) for key, form in sentences(domain, "en") if "no. {" in form]
    assert not [(key, form) for key, form in sentences(domain, "fr") if "nº {" in form]


@each_domain
def test_french_names_people_without_the_middle_dot(domain: str) -> None:
    """Screen readers spell it out: there is always a way of saying it for everybody."""
    assert not [(key, form) for key, form in sentences(domain, "fr") if re.search(r"\w·\w", form)]


@pytest.mark.parametrize(
    "sentence, is_right",
    [
        ("Votre idée\u00a0: «\u00a0{title}\u00a0»\u00a0!", True),
        ("Vraiment\u202f?", False),
        ("«\u202fTitre\u00a0»", False),
        ("Votez avec :heart: à 09:00, voir https://example.org", True),
        ("Votre idée : non", False),
        ("Votre idée: non", False),
        ("Vraiment ?", False),
        ("Vraiment?", False),
        ("« Titre\u00a0»", False),
        ("«\u00a0{title} »", False),
    ],
)
def test_the_rule_for_double_punctuation_is_itself_right(sentence: str, *, is_right: bool) -> None:
    assert (not WRONG_IN_FRENCH.search(as_read(sentence))) is is_right
