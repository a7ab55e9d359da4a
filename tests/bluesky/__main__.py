"""Starts the network, and holds the adapter to the contract and the product to its job on it."""

import asyncio
import os
import sys
from time import perf_counter

from assistant.localbluesky import local_bluesky


async def main() -> int:
    """Return pytest's exit code."""
    began = perf_counter()
    async with local_bluesky() as network:
        print(f"The network takes calls after {perf_counter() - began:.1f} s.", flush=True)
        tests = ("tests/bluesky", "tests/platforms/test_contract.py")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", *tests, "-k", "bluesky", "-rP", "--durations", "0"),
            *("--durations-min", "1", "--timeout", "400", *sys.argv[1:]),
            env=os.environ | {"LUISTER_BLUESKY": network.url},
        )
        return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
