"""What every test runs under."""

from hypothesis import settings

# A shared machine may pause any example for longer than Hypothesis' 200 ms; pytest's own
# timeout is the fuse.
settings.register_profile("flowlike", deadline=None)
settings.load_profile("flowlike")
