"""Write the golden files anew: `python -m tests.golden`, which `make generate` calls."""

from tests.golden.test_golden import GOLDEN, IDS, render

for stale in GOLDEN.glob("*.plan.*"):
    stale.unlink()
for tenant in IDS:
    for suffix, text in render(tenant).items():
        (GOLDEN / f"{tenant}.{suffix}").write_text(text)
