"""Any system's predictions, scored: `python -m cxrscore predictions.csv`."""

import sys

from cxrbase.files import InputError
from cxrscore.command import score


def main():
    """Run the command; show what is wrong with the input in one line."""
    try:
        score(prog_name="python -m cxrscore")
    except InputError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
