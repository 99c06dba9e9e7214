"""Write the JSON Schemas of a record's files, so that editors check while people write.

Run as `python -m infra.record.schema`; a test keeps them current. Must not say anything that
the model does not.
"""

import json
from pathlib import Path

from infra.record.model import Application, Record, TenantFile
from infra.record.provider import Provider

FOLDER = Path(__file__).parents[2] / "tenants" / "schema"

MODELS: dict[str, type[Record]] = {
    "tenant.schema.json": TenantFile,
    "application.schema.json": Application,
    "provider.schema.json": Provider,
}
"""Models by the name of their schema's file."""


def render_schema(model: type[Record]) -> str:
    """Render a model's JSON Schema as it stands in its file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=True) + "\n"


def main() -> None:
    """Write all schemas."""
    FOLDER.mkdir(exist_ok=True)
    for name, model in MODELS.items():
        (FOLDER / name).write_text(render_schema(model), encoding="utf-8")


if __name__ == "__main__":
    main()
