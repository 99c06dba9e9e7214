"""Write the golden files anew: `python -m tests.golden`, which `make generate` calls."""

from tests.golden.test_golden import GOLDEN, render

for name, text in render().items():
    (GOLDEN / name).write_text(text)
