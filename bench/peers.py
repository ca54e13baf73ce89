"""What Butine is compared with: servers that do the least that one can do with the same libraries, and store nothing.

`python -m bench.peers slack|mattermost API_URL` prints its address when it is ready.
"""

import asyncio
import sys

from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bench.traffic import MATTERMOST_PATH, SLACK_PATH
from tests.fakes.slack.deliveries import SECRET
from tests.fakes.slack.web_api import BOT_TOKEN


def bare_bolt(api_url: str) -> web.Application:
    """Bolt as its documentation begins: a command and an event that are only acknowledged."""
    app = AsyncApp(client=AsyncWebClient(BOT_TOKEN, base_url=api_url), signing_secret=SECRET)

    @app.command("/idea")
    async def command(ack: AsyncAck) -> None:
        await ack()

    @app.event("reaction_added")
    async def reaction() -> None:
        """Nothing to do: Bolt acknowledges events by itself."""

    return app.web_app(SLACK_PATH)


def bare_aiohttp() -> web.Application:
    """A handler that reads the form and answers."""

    async def command(request: web.Request) -> web.Response:
        form = await request.post()
        return web.json_response({"response_type": "ephemeral", "text": f"Merci : {form['text']!s}"})

    app = web.Application()
    app.router.add_post(MATTERMOST_PATH, command)
    return app


async def _serve(app: web.Application) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(bare_bolt(sys.argv[2]) if sys.argv[1] == "slack" else bare_aiohttp()))
