"""Reports of studies, made from run folders alone: no training, no network.

data: what the folders hold; results: what it says (symgen.statistics); words: the first screen;
tables, figures: the rest; html, markdown, rows: the files; write: all of them.
"""
