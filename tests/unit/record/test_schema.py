"""The generated schemas are current, valid, named by every record file and agree with `load`.

Does not prove that an editor reads them.
"""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from infra.record.schema import FOLDER, MODELS, render_schema

TENANTS = FOLDER.parent
FILES = {
    **dict.fromkeys(sorted(TENANTS.glob("*/tenant.yaml")), "tenant.schema.json"),
    **dict.fromkeys(sorted(TENANTS.glob("*/applications/*.yaml")), "application.schema.json"),
    TENANTS / "provider.yaml": "provider.schema.json",
}


@pytest.mark.parametrize("name", MODELS)
def test_schema_file_is_current(name: str) -> None:
    assert (FOLDER / name).read_text() == render_schema(MODELS[name]), (
        f"{name} differs from the model: run `python -m infra.record.schema`"
    )


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(TENANTS)) for file in FILES])
def test_record_file_names_its_schema_and_fits_it(file: Path) -> None:
    schema = FOLDER / FILES[file]
    marker, _, named = file.read_text().splitlines()[0].partition("$schema=")
    assert marker == "# yaml-language-server: "
    assert (file.parent / named).resolve() == schema
    content = json.loads(schema.read_text())
    jsonschema.Draft202012Validator.check_schema(content)
    jsonschema.validate(YAML(typ="safe", pure=True).load(file), content)
