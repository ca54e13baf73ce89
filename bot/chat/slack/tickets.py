"""What Slack's library may not write into the log: the tickets that open a socket.

What Butine itself logs of Slack is written where it happens.
"""

import logging
import re
from traceback import format_exception

LOGGERS = ("slack_sdk.socket_mode.aiohttp", "slack_sdk.web.async_base_client")
"""The library's, of its sockets and its calls. A filter is asked by the logger alone that it was given to."""
_TICKET = re.compile(r"(?<=ticket=)[^&\s\"'\\]+")


def keep_out_of_the_log() -> None:
    """From now on tickets are blanked in what the library logs, also in its tracebacks. May be called again."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_blank)


def _blank(record: logging.LogRecord) -> bool:
    """Where a connection is refused, the exception names its whole address, and the library logs it at ERROR."""
    record.msg, record.args = _TICKET.sub("…", record.getMessage()), ()
    if record.exc_info and record.exc_info[1]:
        record.exc_text = _TICKET.sub("…", "".join(format_exception(record.exc_info[1])).rstrip("\n"))
        record.exc_info = None  # a handler may write it in a way of its own
    return True
