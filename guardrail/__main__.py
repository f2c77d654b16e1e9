"""`python -m guardrail`: the same as the `guardrail` command."""

from guardrail.cli import main

if __name__ == "__main__":
    main(prog_name="guardrail")
