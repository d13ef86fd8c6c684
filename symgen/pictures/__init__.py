"""What is drawn and tabled of specs and runs."""
