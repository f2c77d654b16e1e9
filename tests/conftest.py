"""Property tests search afresh by hand, and repeat themselves where `CI` is set.

No example has a time limit: machines differ.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("fresh", deadline=None)
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable" if os.environ.get("CI") else "fresh")
