"""`python -m bot`: the command line, where the `butine` command is not on the path."""

from bot.cli import main

main(prog_name="butine")
