"""Settings of the whole suite."""

from hypothesis import settings

# The same examples every time, and no deadline: a busy machine is no failure.
settings.register_profile("symgen", deadline=None, derandomize=True)
settings.load_profile("symgen")
