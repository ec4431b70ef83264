"""`python -m writebehind`: the command line."""

from writebehind.cli.main import run_main

if __name__ == "__main__":
    run_main()
