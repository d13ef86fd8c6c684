"""`python -m symgen` is `symgen`."""

from symgen.cli import main

if __name__ == "__main__":  # not in the processes of --jobs, which import this file too
    main()
