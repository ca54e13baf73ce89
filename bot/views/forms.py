"""Forms: proposing and editing an idea, refusing one, asking its author."""

from bot.domain import draft as drafts
from bot.domain.draft import TEXT_LIMIT, TITLE_LIMIT, Draft
from bot.domain.seen import text_mark, word_mark
from bot.views.actions import FormName
from bot.views.cards import Field, Form
from bot.views.texts import Texts
from storage.tables import Idea, Status

EMPTY = Draft("")


def propose_form(texts: Texts) -> Form:
    """A new idea."""
    return Form(FormName.PROPOSE, texts("form.propose"), texts("form.propose_send"), _idea_fields(EMPTY, texts))


def message_form(text: str, link: str | None, asks: str | None, texts: Texts) -> Form:
    """A new idea from a message, with the way back to it; `asks` is whose consent it needs first."""
    source = texts("form.source", link=link) if link else ""
    text = text[: TEXT_LIMIT - len(source) - 2]
    found = drafts.split(text) if drafts.shows(text) else EMPTY
    draft = Draft(found.title, proposal="\n\n".join(filter(None, (found.proposal, source))))
    fields = _idea_fields(draft, texts)
    intro = texts("form.consent_first") if asks else ""
    return Form(FormName.PROPOSE, texts("form.propose"), texts("form.propose_send"), fields, asks or "", intro)


def edit_form(idea: Idea, texts: Texts) -> Form:
    """One's own idea, which is proposed again where it was refused; the moderators' word is on top."""
    title, send = "form.edit", "form.edit_send"
    if idea.status is Status.REFUSED:
        title, send = "form.resubmit", "form.resubmit_send"
    intro = ""
    if idea.question:
        intro = texts("form.question", question=idea.question)
    elif idea.reason:
        intro = texts("form.reason", reason=idea.reason)
    fields = _idea_fields(Draft.of(idea), texts)
    context = f"{idea.number},{word_mark(idea)}"
    return Form(FormName.EDIT, texts(title, number=idea.number), texts(send), fields, context, intro)


def refuse_form(idea: Idea, texts: Texts) -> Form:
    """The reason that the author is told."""
    field = Field("reason", texts("field.reason"), TEXT_LIMIT, "", texts("hint.reason"), required=True, multiline=True)
    title, intro = texts("form.refuse", number=idea.number), texts("form.about", title=idea.title)
    return Form(FormName.REFUSE, title, texts("form.refuse_send"), (field,), _about(idea), intro)


def ask_form(idea: Idea, texts: Texts) -> Form:
    """A question to the author."""
    hint = texts("hint.question")
    field = Field("question", texts("field.question"), TEXT_LIMIT, "", hint, required=True, multiline=True)
    title, intro = texts("form.ask", number=idea.number), texts("form.about", title=idea.title)
    return Form(FormName.ASK, title, texts("form.ask_send"), (field,), _about(idea), intro)


def _about(idea: Idea) -> str:
    return f"{idea.number},{text_mark(idea)}"


def _idea_fields(draft: Draft, texts: Texts) -> tuple[Field, ...]:
    return (
        Field("title", texts("field.title"), TITLE_LIMIT, draft.title, texts("hint.title"), required=True),
        Field("need", texts("field.need"), TEXT_LIMIT, draft.need, texts("hint.need"), multiline=True),
        Field("proposal", texts("field.proposal"), TEXT_LIMIT, draft.proposal, texts("hint.proposal"), multiline=True),
        Field("benefit", texts("field.benefit"), TEXT_LIMIT, draft.benefit, texts("hint.benefit"), multiline=True),
    )
