"""What people do in the room: write, command, click, fill in forms, answer, dismiss."""

from uuid import uuid4

import pytest

from bot.chat.events import ButtonClicked, CommandTyped, FormSubmitted, Reply
from bot.errors import NotTakenIn
from tests.web.rooms import FORM, IDEA, RECEIPT, WITHDRAWN, Scene, failure


async def test_words_are_seen_by_everybody_in_the_channel(scene: Scene) -> None:
    answer = await scene.say("Bonjour à tous")
    assert not answer["keeps_text"]
    assert "Bonjour à tous" in answer["swaps"][0]["html"]
    assert "Bonjour à tous" in await scene.page("/?as=sam&channel=idees")
    assert scene.router.events == []


async def test_words_sent_again_are_there_once(scene: Scene) -> None:
    mark = str(uuid4())
    first = await scene.say("Une fois", mark=mark)
    assert (await scene.say("Une fois", mark=mark))["swaps"][0]["id"] == first["swaps"][0]["id"]
    assert (await scene.page("/?as=sam")).count("Une fois") == 1


@pytest.mark.parametrize(
    "typed, text",
    [
        ("/idea", ""),
        ("/idea ", ""),
        ("/idea Des vélos", "Des vélos"),
        ("/IDEA Des vélos", "Des vélos"),
        ("/idée  deux  espaces ", " deux  espaces "),
        ("/ide\u0301e accent décomposé", "accent décomposé"),
        ("/idee sans accent", "sans accent"),
        ("/idea\nsur une ligne\nà part", "sur une ligne\nà part"),
        (" /idea collée d’ailleurs", "collée d’ailleurs"),
        ("\u00a0\n/idea", ""),
        ("/idea moitié \ud83d", "moitié ?"),
    ],
)
async def test_the_command_is_handed_over_with_the_text_behind_it(scene: Scene, typed: str, text: str) -> None:
    mark = str(uuid4())
    await scene.say(typed, mark=mark)
    assert scene.router.events == [CommandTyped(f"command:camille:{mark}", "camille", scene.clock.now, text)]


@pytest.mark.parametrize("typed", ["/ idea", "idea", "l’/idea", "/etc/passwd", "//", "/"])
async def test_other_texts_with_a_slash_are_words(scene: Scene, typed: str) -> None:
    await scene.say(typed)
    assert scene.router.events == []
    assert typed in await scene.page("/?as=sam")


async def test_an_unknown_command_is_said_privately_and_stays_in_the_box(scene: Scene) -> None:
    answer = await scene.say("/ideas", "sam")
    assert answer["keeps_text"]
    assert "There is no command /ideas here" in answer["swaps"][0]["html"]
    assert "/ideas" not in await scene.page("/?as=camille")
    assert scene.router.events == []


@pytest.mark.parametrize("text", ["", "  ", "\n"])
async def test_nothing_can_be_said_with_nothing(scene: Scene, text: str) -> None:
    assert (await scene.send("say", text=text))[0] == 400


async def test_a_private_card_is_seen_by_its_member_alone_and_survives_a_reload(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    answer = await scene.say("/idea Des vélos")
    assert answer["swaps"][0]["announcement"] == "Butine\u00a0: Votre idée #13 est enregistrée."
    assert "Visible uniquement par vous" in await scene.page("/?as=camille")
    for other in ("sam", "nadia"):
        assert "#13" not in await scene.page(f"/?as={other}")


async def test_the_same_gesture_shows_its_private_card_once(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    mark = str(uuid4())
    await scene.say("/idea Des vélos", mark=mark)
    await scene.say("/idea Des vélos", mark=mark)
    assert len({event.id for event in scene.router.events}) == 1
    assert (await scene.page("/?as=camille")).count("Merci, votre idée") == 1


async def test_a_private_card_that_says_what_is_wrong_leaves_the_text_in_the_box(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=failure("Il n’y a pas d’idée #99."))
    assert (await scene.say("/idea voir 99"))["keeps_text"]


async def test_a_private_card_can_be_dismissed_by_its_member_alone(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    number = (await scene.say("/idea Des vélos"))["swaps"][0]["id"].removeprefix("m-")
    await scene.send("dismiss", "sam", message=number)
    assert "#13" in await scene.page("/?as=camille")
    status, answer = await scene.send("dismiss", message=number)
    assert status == 200
    assert [(swap["id"], swap["html"]) for swap in answer["swaps"]] == [(f"m-{number}", "")]
    assert "#13" not in await scene.page("/?as=camille")
    assert (await scene.send("dismiss", message=number))[0] == 200


async def test_messages_for_all_cannot_be_dismissed(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:12")
    await scene.send("dismiss", message=posted.id)
    assert "#12" in await scene.page("/?as=camille")


async def test_a_click_in_a_private_card_names_no_message_and_its_reply_can_take_the_cards_place(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    number = (await scene.say("/idea Des vélos"))["swaps"][0]["id"].removeprefix("m-")
    scene.router.answer = lambda _: Reply(card=WITHDRAWN, replaces=True)
    mark = str(uuid4())
    _, answer = await scene.send("click", message=number, action="withdraw", value="13", mark=mark)
    expected = ButtonClicked(f"click:camille:{mark}", "camille", scene.clock.now, "withdraw", "13", None)
    assert scene.router.events[-1] == expected
    assert answer["swaps"][0]["id"] == f"m-{number}"
    page = await scene.page("/?as=camille")
    assert "est retirée" in page
    assert "est enregistrée" not in page


async def test_a_reply_that_replaces_nothing_stands_on_its_own(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:12")
    scene.router.answer = lambda _: Reply(card=WITHDRAWN, replaces=True)
    _, answer = await scene.send("click", message=posted.id, action="approve", value="12")
    assert answer["swaps"][0]["id"] != f"m-{posted.id}"
    page = await scene.page("/?as=camille")
    assert "#12" in page
    assert "est retirée" in page


async def test_a_form_is_opened_and_comes_back_with_its_values(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(form=FORM)
    form = (await scene.say("/idea"))["form"]
    for words in ("Proposer une idée", "Titre", "Des vélos</textarea>", 'data-context="brouillon 7"'):
        assert words in form
    mark, values = str(uuid4()), {"title": "Vélos", "need": "", "proposal": "Des\nvélos \ud83d"}
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    payload = {"form": "idea", "context": "brouillon 7", "values": values, "mark": mark}
    assert (await scene.send("submit", **payload))[0] == 200
    assert scene.router.events[-1] == FormSubmitted(
        f"form:camille:{mark}", "camille", scene.clock.now, "idea", "brouillon 7", values | {"proposal": "Des\nvélos ?"}
    )


async def test_a_form_from_a_private_card_gives_its_reply_that_cards_place(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    number = (await scene.say("/idea Des vélos"))["swaps"][0]["id"].removeprefix("m-")
    scene.router.answer = lambda _: Reply(form=FORM)
    _, answer = await scene.send("click", message=number, action="complete", value="13")
    assert f'data-origin="{number}"' in answer["form"]
    scene.router.answer = lambda _: Reply(card=WITHDRAWN, replaces=True)
    _, answer = await scene.send("submit", form="idea", context="", values={}, origin=number)
    assert answer["swaps"][0]["id"] == f"m-{number}"


async def test_one_members_reply_never_takes_the_place_of_anothers_card(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    number = (await scene.say("/idea Des vélos"))["swaps"][0]["id"].removeprefix("m-")
    scene.router.answer = lambda _: Reply(card=WITHDRAWN, replaces=True)
    await scene.send("submit", "sam", form="idea", context="", values={}, origin=number)
    assert "est enregistrée" in await scene.page("/?as=camille")


async def test_errors_at_fields_are_handed_to_the_form(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(field_errors={"title": "Il manque un titre."})
    _, answer = await scene.send("submit", form="idea", context="", values={"title": ""})
    assert answer["field_errors"] == {"title": "Il manque un titre."}
    assert answer["form"] is None


@pytest.mark.parametrize("values", [None, "text", ["a"], {"title": 1}])
async def test_a_form_without_texts_is_refused(scene: Scene, values: object) -> None:
    assert (await scene.send("submit", form="idea", context="", values=values))[0] == 400
    assert scene.router.events == []


@pytest.mark.parametrize("failure", [NotTakenIn("E1", "disk full"), RuntimeError("bug")])
@pytest.mark.parametrize("path", ["say", "click", "submit"])
async def test_what_could_not_be_taken_in_is_said_so_and_can_be_sent_again(
    scene: Scene, caplog: pytest.LogCaptureFixture, path: str, failure: Exception
) -> None:
    """The log has a traceback of what nobody expected; and a line of all else."""
    posted = await scene.room.post("ideas", IDEA, "card:12")
    scene.router.failure = failure
    mark = str(uuid4())
    payload: dict[str, object] = {"text": "/idea x", "message": posted.id, "action": "a", "value": "", "mark": mark}
    payload |= {"form": "f", "context": "", "values": {}, "as": "camille"}
    status, answer = await scene.send(path, **payload)
    assert status == 503
    assert answer["problem"] == "not_saved"
    assert "Rien n’a été enregistré" in answer["sentence"]
    assert ("Traceback" in caplog.text) is (not isinstance(failure, NotTakenIn))
    scene.router.failure = None
    assert (await scene.send(path, **payload))[0] == 200
    assert [event.id.rpartition(":")[2] for event in scene.router.events] == [mark, mark]


async def test_answers_stand_in_a_thread_that_its_message_counts(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:12")
    await scene.say("Bravo", thread=posted.id)
    answer = await scene.say("I agree", "sam", thread=posted.id)
    assert "I agree" in answer["swaps"][0]["html"]
    channel = await scene.page("/?as=camille&channel=idees")
    assert "2 réponses" in channel
    assert "Bravo" not in channel
    thread = await scene.page(f"/?as=camille&channel=idees&thread={posted.id}")
    assert "Fil de discussion" in thread
    assert thread.index("#12 Un parc") < thread.index("Bravo") < thread.index("I agree")


async def test_a_command_in_a_thread_is_answered_there(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:12")
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    await scene.say("/idea x", thread=posted.id)
    assert "#13" not in await scene.page("/?as=camille&channel=idees")
    assert "#13" in await scene.page(f"/?as=camille&channel=idees&thread={posted.id}")


async def test_the_same_key_posts_once(scene: Scene) -> None:
    first = await scene.room.post("ideas", IDEA, "card:12")
    assert await scene.room.post("ideas", IDEA, "card:12") == first
    assert await scene.room.post("digest", IDEA, "card:12") == first
    assert await scene.room.post("review", IDEA, "card:12") != first


async def test_a_members_own_message_is_never_found_or_updated_as_butines(scene: Scene) -> None:
    mark = str(uuid4())
    number = (await scene.say("Bonjour", mark=mark))["swaps"][0]["id"].removeprefix("m-")
    assert await scene.room.find_posted("ideas", None, f"said:camille:{mark}") is None
    with pytest.raises(Exception, match=number):
        await scene.room.update(number, IDEA)
