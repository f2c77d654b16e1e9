"""`python -m scoreboard`."""

from scoreboard.command import main

if __name__ == "__main__":
    main(prog_name="python -m scoreboard")
