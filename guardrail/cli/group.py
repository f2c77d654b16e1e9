"""A click group that imports its commands late and turns every failure into one clear line."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from guardrail.errors import GuardrailError

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERRUPTED = 130
BROKEN_PIPE = 141
FAILED = 2


class Failure(click.ClickException):
    """A failure shown as `guardrail: <message>`, one prefix for each line; exit status 2."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message to stderr."""
        for line in self.message.splitlines() or [""]:
            click.echo(f"guardrail: {line}", file=file or sys.stderr)


class LazyGroup(click.Group):
    """A group whose commands are named as `module:attribute` with their short help."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Name the commands in the order they were given."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; None when there is none of that name."""
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 (narrows an import by name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with the nearest name."""
        name = args[0]
        if not name.startswith("-") and name not in self.lazy:
            near = difflib.get_close_matches(name, self.lazy, 1)
            ctx.fail(f"No such command '{name}'." + (f" Did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; say what went wrong in one line."""
        try:
            return super().invoke(ctx)
        except GuardrailError as error:
            if _debugging():
                raise
            raise Failure(str(error)) from error
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _drop_stdout()
            ctx.exit(BROKEN_PIPE)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if _debugging():
                raise
            raise Failure(_unexpected(error)) from error


def _debugging() -> bool:
    return os.environ.get("GUARDRAIL_DEBUG", "") not in ("", "0")


def _unexpected(error: Exception) -> str:
    """Name the error and its place; its message may hold text of a request, so it stays out."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_globals.get('__name__')}:{place.tb_lineno}" if place else ""
    detail = f" ({error})" if isinstance(error, (OSError, ImportError)) else ""
    kind = type(error).__name__
    return f"unexpected {kind}{where}{detail}; set GUARDRAIL_DEBUG=1 for a traceback"


def _drop_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush has nobody to fail for."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        return
