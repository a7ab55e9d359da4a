"""Only `make test-bluesky` runs these: they need a whole network, which it starts."""

import os

collect_ignore_glob = [] if os.environ.get("LUISTER_BLUESKY") else ["test_*.py"]
